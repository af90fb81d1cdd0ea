"""One TOML file in, frozen models out: models, positions, secrets, edits, and the jobs cut out for each process.

Only ``models``, ``load``, ``reference`` and ``cut`` know pydantic; ``jobs`` and ``places`` are plain and cheap, because
every process imports them. Nothing here opens a camera, a database or a socket.
"""
