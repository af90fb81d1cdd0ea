"""Which pet it is: numbers made of an animal's picture, and a comparison of them. Pure.

Inside: what turns pixels into numbers (``look``, which needs numpy and runs where pictures are decoded anyway), and what
compares numbers (``match``, plain Python, for the process that keeps events). Not inside: rows, pages, messages.
"""
