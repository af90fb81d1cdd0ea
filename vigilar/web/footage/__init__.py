"""Playback of recordings: spans and gaps, HLS playlists, and MP4 files that exist only while they are sent.

Reads ``.vge`` files through ``vigilar.vge`` and rows through ``vigilar.store``; decrypts a record when its bytes are
asked for and never before. Nothing decrypted touches a disk. No Flask in here.
"""
