"""How good detection is: the product's own analysis over labelled clips, beside what others would have found.

Reads folders of clips and pictures with a ``groundtruth.json`` and measures; it is no part of a running house. Only the
command ``vigilar evaluate`` uses it.
"""
