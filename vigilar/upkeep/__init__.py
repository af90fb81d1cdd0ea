"""What the house does for itself while nothing happens: which recordings go and when, and how long they will last.

Inside: the rules of retention as pure functions of rows, space and settings, the steps that delete, the forecast. Not
inside: the process and its thread (``processes/upkeep.py``), the log of deletions (``store/deletions.py``).
"""
