"""What happened, in the words of the house: messages in, stored and published events out.

What belongs here: the table of event types and the processor that stores and announces them; arming, rules and
incidents come here too. What does not: threads and wiring (``processes/events.py``), pages, and how people are told.
"""
