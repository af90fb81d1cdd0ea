"""Pets: which one a picture shows, and what follows from where it was seen.

Inside: what turns pixels into numbers (``look``, which needs numpy and runs where pictures are decoded anyway), what
compares numbers (``match``, plain Python; both are pure), and what the events process does with them (``keeper``). Not
inside: rows (``store.pets``), pages, the types of events (``events.pets``).
"""
