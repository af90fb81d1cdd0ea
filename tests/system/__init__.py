"""The real processes, killed and restarted, with a foreign RTSP server and a real browser."""
