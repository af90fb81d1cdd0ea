"""How the house is: one declared list of parts, each with what is wrong, what that costs and what to do.

Inside: lines and sentences made of what is known, the checks of ``vigilar doctor``, the record of coverage, the text of
metrics. Pages and commands gather what is known and show what comes out, so that both say the same. Not inside: how
anything is fetched over bus or HTTP, and settings. Unknown is a state of its own and never looks like well.
"""
