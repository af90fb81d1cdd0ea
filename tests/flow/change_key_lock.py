"""A program of its own for ``test_key_lock``: locks the keys of a folder up, or opens them up, and may be killed."""

from __future__ import annotations

import sys
from pathlib import Path

from vigilar.vge import key_store

PASSPHRASE = "five plain words and one"


def main(what: str, folder: Path) -> None:
    lock = key_store.load_lock(folder)
    if what == "lock" and lock is None:
        key_store.set_passphrase(folder, PASSPHRASE, None)
    elif what == "open" and lock is not None:
        private = lock.open_with_passphrase(PASSPHRASE)
        key_store.remove_opener(folder, lock.openers[0].id, private)
    elif what == "unlock" and lock is not None:
        key_store.unlock(folder, lock.open_with_passphrase(PASSPHRASE))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
