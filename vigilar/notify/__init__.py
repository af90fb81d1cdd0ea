"""Telling people: what is owed to whom, and each way to tell it."""
