"""One file a step, ``v<number>_<subject>.py``, each beginning with what it changes and why."""
