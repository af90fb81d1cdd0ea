"""Clock, stop, retry, errors, ids, atomic files, logging, redaction.

Everything here works without a camera, a database or a network. Nothing here imports another package of Vigilar.
"""
