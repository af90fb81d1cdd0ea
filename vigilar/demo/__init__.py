"""A made-up house for trying Vigilar without a camera: four drawn scenes, each a looping clip.

Level 2, beside ``detect``: it may import base and media, and draws with OpenCV. Nothing here is footage: the clips are
made on the box at the first start of the demo and are the only plain video Vigilar ever writes.
"""
