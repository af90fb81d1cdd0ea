"""Web push: what is sealed for one phone, and its way through the service of the phone's maker.

``seal`` and ``vapid`` are RFC 8291 and RFC 8292, ``endpoints`` says which services may be asked, ``message`` what the
phone reads, ``sender`` asks. Not inside: who is told, and when again (``notify.outbox``).
"""
