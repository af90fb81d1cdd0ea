"""Recordings as files for others: plain MP4s, cut to the picture, and bundles that prove themselves.

Inside: planning, reading and naming them, and checking a bundle. Not inside: jobs and their rows (``store.jobs``), who
may have them (``web``), the boxes of MP4 (``media``). Nothing here writes a decrypted byte to a disk: an export is a
plan, and its bytes come out of the recordings at each download.
"""
