"""Motion, and when to look for it: packets and pictures of a camera in, motion started and ended out.

The only package of a running house, with demo, that knows OpenCV. No threads, no bus and no decoder of its own: the
camera process hands those in. ``objects`` says what moves; it alone knows ONNX Runtime, and the files of its models.
"""
