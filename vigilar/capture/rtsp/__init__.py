"""Our own RTSP client: RTP over the one TCP connection in, whole access units out. Pure Python, loads no libav.

A camera is not trusted: sizes are bounded, redirects refused, waiting has an end and sees a stop.
"""
