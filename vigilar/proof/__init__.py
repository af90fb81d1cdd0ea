"""Whether what lies on the disk is what was recorded: rows against files, files against one another, the database
against what the box has signed.

Inside: verdicts on files with what their rows know, the check of all files at three costs, signed checkpoints, the
watch that runs in the background and tells what it finds. Not inside: proving one file alone (``vge.verify``), deleting
(``upkeep``), how it is printed (``cli``).
"""
