"""Programs that stand on their own beside Vigilar and import nothing of it."""
