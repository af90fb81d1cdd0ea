"""Sealed copies elsewhere: what is copied, to which kinds of targets, how it is verified, proved and restored.

Not here: when it is done (``processes/backup``), rows (``store/backups``), words for pages (``base/backup_state``).
"""
