"""With which pictures decoding may begin, and the parameter sets that belong before them.

Most cameras send an IDR picture every few seconds, its sets before it. Some send I pictures with a recovery point
instead, or just I pictures; some renew the picture a stripe at a time (gradual intra refresh), and mark where that
begins or mark nothing; some send their sets once, anywhere.
"""

from __future__ import annotations

from vigilar.capture.rtsp.intake import StreamMemory
from vigilar.capture.rtsp.payloads import LAYOUTS
from vigilar.media.bitstream import MAX_PARAMETER_SETS, annex_b, find_recovery_point, is_i_slice

FIRST_S, OFTEN_S, LATER_S = 3.0, 2.0, 10.0
"""A picture that may come right only over time is an entry after so long without a better one: from the start on, after
one of its kind, and after one that was right at once. Recordings are cut at entries."""

UNMARKED_S = 65.0
"""After so long without a sign of any entry, on however many connections, there is none: the longest groups of pictures
of cameras that send whole ones have a minute or less. Of one that has longer ones it costs nothing: its pictures come
right with the next."""

AT_ONCE = b"\x06\x06\x01\x84\x80"
"""A recovery point of H.264 after 0 pictures, not exact (D.1.8). Decoders that wait for what is right would else show
nothing of a stream without marks, ever (measured: Chromium, of the plain file)."""

_DELIMITERS = frozenset({9, 35})
_SEI = {"h264": 6, "hevc": 39}


class Entry:
    """Looks at each picture of one connection as its units come. One thread."""

    def __init__(self, codec: str, clock: int, memory: StreamMemory) -> None:
        self._layout, self._is_h264, self._sei = LAYOUTS[codec], codec == "h264", _SEI[codec]
        self._codec, self._clock = codec, clock
        self._has_idr = self._has_marks = False
        self._memory = memory
        self._unmarked_s = memory.unmarked_s
        self._next_s = FIRST_S
        self._blind_s = FIRST_S if memory.has_no_marks else max(FIRST_S, UNMARKED_S - memory.unmarked_s)
        self._since: int | None = None  # ticks of the last entry, at first of the first picture
        self._kept: list[bytes] = []  # sets that came with pictures since that were no entries
        self._begins_intra: bool | None = None
        self.begin()

    def begin(self, *, is_key: bool = False) -> None:
        """Another picture begins, or (``is_key``: an entry) one that was ended too early goes on."""
        self._is_key, self._is_point, self._is_at_once, self._is_intra = is_key, False, False, True
        self._is_told, self._begins_intra = False, None
        self._sets: list[bytes] = []

    def note(self, kind: int, data: bytearray, start: int, body: int, end: int) -> None:
        """A unit that is no slice, its header at ``start``."""
        if kind == self._sei:
            at_once = find_recovery_point(data, body, end)
            self._is_told = self._is_told or at_once is not None
            self._is_point = self._is_point or self._is_told
            self._is_at_once = self._is_at_once or (self._is_h264 and at_once is True)
        elif kind in self._layout.heads and kind not in _DELIMITERS:
            if len(self._sets) < MAX_PARAMETER_SETS:
                self._sets.append(bytes(data[start:end]))
            # Encoders without any IDR put their sets before the pictures at which decoding may begin.
            if kind == self._layout.sps and not self._has_idr:
                self._is_point, self._is_at_once = True, self._is_at_once or self._is_h264

    def note_slice(self, kind: int, data: bytearray, body: int, end: int) -> None:
        if kind in self._layout.keys:
            self._is_key = self._has_idr = True
        elif self._is_at_once or not self._has_idr:
            is_intra = is_i_slice(self._codec, data, body, end)
            self._is_intra = self._is_intra and is_intra
            # One stripe of each picture is an I slice, and it begins again at the top.
            self._begins_intra = is_intra if self._begins_intra is None else self._begins_intra

    def end(self, ticks: int) -> tuple[bool, bytes]:
        """The picture is whole: whether it is an entry, and what belongs before it (Annex B): sets that came earlier,
        and a mark if it is one to begin with that has none."""
        is_key = self._is_key or (self._is_at_once and self._is_intra)
        is_point = is_key or self._is_point or (bool(self._begins_intra) and not self._has_idr)
        if is_point and not self._has_marks:
            self._has_marks, self._memory.has_no_marks, self._memory.unmarked_s = True, False, 0.0
        if self._since is None:
            self._since = ticks
        passed_s = (ticks - self._since) / self._clock
        if not self._has_marks:
            self._memory.unmarked_s = self._unmarked_s + passed_s
        before = b""
        if is_key or (is_point and passed_s >= self._next_s) or (not self._has_marks and passed_s >= self._blind_s):
            self._next_s = LATER_S if is_key or self._next_s == LATER_S else OFTEN_S
            self._blind_s = LATER_S
            self._memory.has_no_marks = not self._has_marks
            sets = self._without(self._kept, self._sets)
            before = annex_b([*sets, AT_ONCE] if self._is_h264 and not (self._is_key or self._is_told) else sets)
            is_key, self._since, self._kept = True, ticks, []
            self.begin()
        else:
            self.drop()
        return is_key, before

    def drop(self) -> None:
        """The picture is no entry, or damaged; its sets are kept."""
        if self._sets:
            self._kept = self._without(self._kept, self._sets) + self._sets
        self.begin()

    def _without(self, older: list[bytes], newer: list[bytes]) -> list[bytes]:
        """``older`` but for the kinds that are in ``newer``."""
        kinds = {self._kind(nal) for nal in newer}
        return [nal for nal in older if self._kind(nal) not in kinds]

    def _kind(self, nal: bytes) -> int:
        return nal[0] >> self._layout.shift & self._layout.mask
