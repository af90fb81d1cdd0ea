"""``vigilar doctor``: some forty looks at the box, each with what to do. None of them changes anything."""
