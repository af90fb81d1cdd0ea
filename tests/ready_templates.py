"""Templates of the pages, compiled once a process of pytest: each test has an app of its own, which would compile them
anew, and that is a third of what its pages cost."""

from __future__ import annotations

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

_compiled: dict[str, bytes] = {}


class ReadyTemplates(BytecodeCache):
    """For ``Flask.jinja_env.bytecode_cache``. What is kept is used for the very source it was made of alone."""

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in _compiled:
            bucket.bytecode_from_string(_compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        _compiled[bucket.key] = bucket.bytecode_to_string()
