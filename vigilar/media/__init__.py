"""The door to PyAV: opening, packets, timestamps, decoding, fragmented MP4, stills. No threads in here.

No object of libav leaves this package, and every libav error leaves it as CameraError or RecordingError.
"""
