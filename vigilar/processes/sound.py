"""Whether the recorder hears a camera's sound: the owner may say so while it records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vigilar.media.packets import AUDIO, Packet, RunStart

Item = RunStart | Packet


class SoundGate:
    """Lets sound through or not. ``heard`` belongs to the capture thread; ``is_wanted`` may be set by any.

    A run says which streams follow, and a file keeps to its run. So when the wish changes, the run is said again before
    the next keyframe, with or without sound, under its old number: the recorder then begins a new file without a gap.
    Sound that is not wanted any more ends at once.
    """

    def __init__(self, *, is_wanted: bool) -> None:
        self.is_wanted = is_wanted
        self._run: RunStart | None = None
        self._run_has_sound = False

    def heard(self, item: Item) -> Sequence[Item]:
        """What is left of ``item``, with a run before it where one must be said."""
        if isinstance(item, RunStart):
            self._run = item
            return (self._said(item),)
        if item.kind is AUDIO:
            return (item,) if self.is_wanted and self._run_has_sound else ()
        run = self._run
        if item.is_keyframe and run is not None and self._run_has_sound != self._wants(run):
            return self._said(replace(run, utc_ns=item.utc_ns, mono_ns=item.mono_ns)), item
        return (item,)

    def _said(self, run: RunStart) -> RunStart:
        self._run_has_sound = self._wants(run)
        return run if self._run_has_sound else run.without_sound()

    def _wants(self, run: RunStart) -> bool:
        return self.is_wanted and run.audio is not None
