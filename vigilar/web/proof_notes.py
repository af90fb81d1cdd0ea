"""What the page of the system says of recordings that were changed, and of where their keys lie."""

from __future__ import annotations

from contextlib import suppress

from vigilar.base.errors import StoreError
from vigilar.store.inventory import count_found
from vigilar.vge.places import key_notes
from vigilar.web.parts import Parts
from vigilar.web.patience import DoesNotAnswerError


def proof_notes(here: Parts) -> list[str]:
    """Sentences, the worst first. A database or drive that does not answer is said elsewhere."""
    notes: list[str] = []
    count = 0
    with suppress(StoreError, DoesNotAnswerError):
        count = here.rows.ask(lambda: count_found(here.store, here.cfg.node_id))
    if count:
        what = "1 recording is" if count == 1 else f"{count} recordings are"
        notes.append(f"{what} missing, changed or damaged. On the box, vigilar check says which.")
    with suppress(OSError, DoesNotAnswerError):
        notes += here.disk.ask(lambda: key_notes(here.cfg.secrets_dir, here.cfg.data_dir))
    return notes
