"""Packets -> people who watch now: the feed of a camera process, HLS from memory, playlists. Nothing on disk."""
