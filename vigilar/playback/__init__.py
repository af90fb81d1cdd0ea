"""From rows and sealed recordings to any past minute: timelines, HLS playlists, MP4 that exists only while it is sent.

Inside: what is recorded and why not, which records a range needs, and their bytes. Not inside: HTTP (``web`` answers
with it), writing of recordings (``record``), the format (``vge``). A record is decrypted when its bytes are asked for
and never before; nothing decrypted touches a disk; no recording is held open.
"""
