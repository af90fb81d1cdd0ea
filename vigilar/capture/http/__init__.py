"""MJPEG cameras over HTTP: one answer that never ends, of JPEG pictures between boundaries (RFC 2046 5.1, as cameras
write it). Loaded only for an ``http:`` address."""
