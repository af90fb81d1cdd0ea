"""Two or more packages together, with real files, a real broker, real clips."""
