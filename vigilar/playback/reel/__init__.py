"""Reels and time-lapses: which moments they show, how they are made of recordings, and the sealed file that they are.

Not here: when a daily one is made, and who may see it. ``choose``, ``place`` and ``sealed_film`` are light, for pages
too; ``make`` and what it uses are for the process for long work alone.
"""
