"""Camera -> packets: connect, check stamps, runs, reconnect. Knows no disk, no bus and no picture."""
