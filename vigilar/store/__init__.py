"""The database: schema, upgrades and one module of queries a subject. The door to SQLAlchemy and Alembic.

What belongs here: every SQL statement of Vigilar. What does not: pictures and video (they are ``.vge`` files, here are
their rows), secrets of cameras, and decisions about what an event means. Alembic is imported only while upgrading.
"""
