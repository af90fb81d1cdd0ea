"""The steps from one schema to the next, run by ``store/migrate.py``. A step that was released is never changed."""
