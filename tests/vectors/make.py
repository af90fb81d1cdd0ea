"""Makes the known-answer files: ``python -m tests.vectors.make`` from the repository rewrites those beside this file.

Records are sealed with ``vigilar.vge``; what must come out is written here by hand, as the list of records that count.
The second reader judges the same files without sharing a line with either.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.vectors.draft import KEYS, SECOND_NS, START_MONO_NS, START_UTC_NS, Draft, known_bytes, slot_for, unchanged
from vigilar.vge.bodies import Mark
from vigilar.vge.crc32c import crc32c
from vigilar.vge.format import MAC_END, SLOTS_END, CloseReason, KeySlot, RecordType, dump_variable_part
from vigilar.vge.opening import make_header

FOLDER = Path(__file__).parent


def open_base(name: str = "base", slots: tuple[str, ...] = ("epoch-1",), **at_2: Any) -> Draft:
    """Records 0 to 6 of the base file; ``at_2`` changes what record 2 says."""
    draft = Draft(name, slots).add(RecordType.INIT, known_bytes(f"{name} init", 45))
    draft.media(200, key=True).media(150, **at_2)
    draft.add(RecordType.MARK, Mark("reconnect", {"waited_ms": 1200}).dump())
    draft.media(64, key=True)
    draft.add(RecordType.META, known_bytes("meta salt", 16) + b'{"label":"person"}')
    return draft.media(161)


def base(name: str = "base", slots: tuple[str, ...] = ("epoch-1",), **at_2: Any) -> Draft:
    """The base file: records 0 to 6, INDEX as 7, CLOSE as 8."""
    return open_base(name, slots, **at_2).end()


def with_header(change: Callable[[bytearray], None], *, mac: bool = False) -> bytes:
    """The base file with a changed header under a right CRC, and with ``mac`` under a right MAC of its old keys."""
    draft = base()
    head = bytearray(draft.header)
    change(head)
    if mac:
        head[SLOTS_END:MAC_END] = draft.keys.header_mac(bytes(head[:SLOTS_END]))
    return dump_variable_part(bytes(head[:192]), bytes(head[192:448]), bytes(head[448:480])) + draft.data()[512:]


def setting(at: int, value: bytes) -> Callable[[bytearray], None]:
    """A change that puts ``value`` at ``at``."""

    def change(head: bytearray) -> None:
        head[at : at + len(value)] = value

    return change


def flipping(at: int) -> Callable[[bytearray], None]:
    """A change that turns one bit at ``at``."""

    def change(head: bytearray) -> None:
        head[at] ^= 1

    return change


def flipped(data: bytes, at: int) -> bytes:
    """``data`` with one bit turned; ``at`` may count from the end."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def wrong_crc(header: bytes) -> bytes:
    """A record header with a wrong CRC."""
    return flipped(header, 63)


def saying(at: int, value: bytes) -> Callable[[bytes], bytes]:
    """A change of a record header that keeps its CRC right."""

    def change(header: bytes) -> bytes:
        front = header[:at] + value + header[at + len(value) : 60]
        return front + crc32c(front).to_bytes(4, "big")

    return change


def edited(*order: int | bytes | tuple[int, Callable[[bytes], bytes]], draft: Draft | None = None) -> bytes:
    """Header and then records of the base file by number, foreign bytes, or changed records, in this order."""
    draft = draft or base()
    parts = [draft.header]
    for one in order:
        if isinstance(one, bytes):
            parts.append(one)
        else:
            number, change = one if isinstance(one, tuple) else (one, unchanged)
            parts.append(change(draft.records[number]))
    return b"".join(parts)


def changed_header(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """A change of a stored record that touches its header alone."""
    return lambda record: change(record[:64]) + record[64:]


@dataclass(frozen=True)
class Case:
    """A file and what every reader must say of it. ``counted`` are the records that prove themselves, by place."""

    data: bytes
    verdict: str
    code: str
    counted: list[int] = field(default_factory=list)
    draft: Draft = field(default_factory=base)
    held: tuple[str, ...] = ("epoch-1",)
    anchor: tuple[int, bytes] | None = None
    is_production: bool = False
    what: str = ""

    def plaintext(self) -> bytes:
        """What must be released."""
        return b"".join(self.draft.payloads[number] for number in self.counted)

    def expected(self) -> dict[str, Any]:
        """The entry in ``expected.json``."""
        anchor = self.anchor and {"record_number": self.anchor[0], "tag": self.anchor[1].hex()}
        return {
            "verdict": self.verdict,
            "code": self.code,
            "records": len(self.counted),
            "plaintext_bytes": len(self.plaintext()),
            "plaintext_sha256": sha256(self.plaintext()).hexdigest(),
            "keys": list(self.held),
            "anchor": anchor,
            "production": self.is_production,
        }


ALL = list(range(9))
BUT_2 = [0, 1, 3, 4, 5, 6, 7, 8]


def _whole(draft: Draft, what: str, **rest: Any) -> Case:
    return Case(draft.data(), "closed", "closed", list(range(len(draft.records))), draft, what=what, **rest)


def _rejected(data: bytes, code: str, what: str, **rest: Any) -> Case:
    return Case(data, "rejected", code, what=what, **rest)


def _damaged(data: bytes, counted: list[int], what: str, code: str = "records-damaged", **rest: Any) -> Case:
    return Case(data, "damaged", code, counted, what=what, **rest)


def _unclean(data: bytes, counted: list[int], what: str, **rest: Any) -> Case:
    return Case(data, "unclean", "no-close", counted, what=what, **rest)


def _liar(what: str, **at_2: Any) -> Case:
    """Record 2 says what is not so, under a right tag."""
    draft = base(**at_2)
    return _damaged(draft.data(), BUT_2, what, draft=draft)


def _good_cases() -> Iterator[tuple[str, Case]]:
    yield "ok_empty_close", _whole(Draft().close(CloseReason.STOP), "CLOSE alone")
    yield "ok_one_record", _whole(Draft().media(100).close(), "one MEDIA, CLOSE")
    many = Draft()
    for number in range(257):
        many.media(number % 35, key=number % 16 == 0)
    yield "ok_257_records", _whole(many.end(), "257 MEDIA of 0 to 34 bytes, INDEX, CLOSE")
    yield "ok_index", _whole(base(), "the base file: INIT, 2 MEDIA, MARK, MEDIA, META, MEDIA, INDEX, CLOSE")
    draft = open_base()
    yield "ok_unclean", _unclean(draft.data(), ALL[:7], "the base file before INDEX", draft=draft)
    yield "ok_recovered_close", _whole(open_base().close(CloseReason.RECOVERED), "the same, closed as recovered")
    two = base(slots=("epoch-1", "recovery"))
    yield "ok_two_slots", _whole(two, "a slot each for epoch and recovery, opened by recovery", held=("recovery",))
    both = base(slots=("epoch-1", "epoch-2"))
    yield "ok_rewrapping", _whole(both, "between the two steps of rewrapping", held=("epoch-2",))
    moved = base(slots=("epoch-1", "epoch-2"))
    head = make_header(moved.core, [KeySlot(0, 0, bytes(16), bytes(40)), slot_for("epoch-2", moved.file_key)])
    moved.header = head.dump(moved.keys)
    yield "ok_rewrapped", _whole(moved, "rewrapped: first slot empty", held=("epoch-2",))
    back: dict[str, Any] = {"utc_ns": START_UTC_NS - 3600 * SECOND_NS, "mono_ns": START_MONO_NS - SECOND_NS}
    yield "time_backwards_ok", _whole(base(**back), "record 2 is an hour earlier than record 1")
    reached = base()
    yield "ok_anchor_reached", _whole(reached, "an anchor at record 6", anchor=(6, reached.records[6][-32:]))


def _header_cases() -> Iterator[tuple[str, Case]]:
    whole = base().data()
    yield "empty_file", _rejected(b"", "not-a-recording", "no byte")
    yield "eight_bytes", _rejected(whole[:8], "header-short", "the magic alone")
    yield "short_header", _rejected(whole[:300], "header-short", "cut inside the key slots")
    yield "bad_magic", _rejected(flipped(whole, 0), "not-a-recording", "one bit of the magic")
    yield "bad_major", _rejected(with_header(setting(8, b"\x02"), mac=True), "newer-version", "major version 2")
    yield "bad_suite", _rejected(with_header(setting(12, b"\x02"), mac=True), "newer-version", "suite 2")
    yield "bad_reserved", _rejected(with_header(flipping(170), mac=True), "header-damaged", "one bit of the zeros")
    yield "bad_core_bit", _rejected(with_header(flipping(40)), "header-damaged", "one bit of the salt, CRC right")
    yield "bad_slot_bit", _rejected(with_header(flipping(410)), "header-damaged", "one bit of an empty slot, CRC right")
    yield "bad_header_mac", _rejected(with_header(flipping(450)), "header-damaged", "one bit of the MAC, CRC right")
    yield "bad_header_crc", _rejected(flipped(whole, 481), "header-damaged", "one bit of the CRC")
    yield "bad_wrap", _rejected(with_header(flipping(220), mac=True), "key-wrong", "one bit of the wrapped key")
    yield "wrong_kek", _rejected(whole, "key-wrong", "another key under the right id", held=("impostor",))
    yield "no_slot", _rejected(with_header(setting(192, bytes(64)), mac=True), "no-slot", "all slots empty")
    yield "epoch_erased", _rejected(whole, "key-missing", "the epoch's key is gone", held=("epoch-2",))
    yield "test_flag_in_production", _rejected(whole, "test-file", "the base file, read as in use", is_production=True)


def _record_cases() -> Iterator[tuple[str, Case]]:
    other = base("other")
    size = len(base().data())
    over = changed_header(saying(8, b"\x01\x00\x00\x00"))
    past = changed_header(saying(8, size.to_bytes(4, "big")))
    yield "rec_bad_magic", _damaged(edited(0, 1, (2, lambda r: flipped(r, 0)), *ALL[3:]), BUT_2, "magic of record 2")
    yield "rec_bad_len_over_max", _damaged(edited(0, 1, (2, over), *ALL[3:]), BUT_2, "record 2 says 16 MiB")
    yield "rec_len_past_eof", _damaged(edited(0, 1, (2, past), *ALL[3:]), BUT_2, "record 2 would end behind the file")
    yield "rec_bad_payload", _damaged(edited((0, lambda r: flipped(r, 70)), *ALL[1:]), ALL[1:], "payload of record 0")
    bad_tag = edited(0, 1, (2, lambda r: flipped(r, -1)), *ALL[3:])
    yield "rec_bad_tag", _damaged(bad_tag, [0, 1, *ALL[4:]], "tag of record 2: costs record 3 as well")
    last = edited(*range(6), (6, lambda r: flipped(r, -1)))
    yield "rec_bad_tag_last", _unclean(last, ALL[:6], "tag of the last record of a file without CLOSE")
    yield "rec_bad_crc_good_tag", _liar("record 2 has a wrong CRC under a right tag", lie=wrong_crc)
    yield "rec_unknown_type", _liar("record 2 is of type 9", lie=saying(4, b"\x09"))
    yield "rec_final_not_close", _liar("record 2 is MEDIA with the final flag", lie=saying(5, b"\x80"))
    yield "number_jump", _liar("record 2 is numbered 3, those behind it go on from there", number=3)
    yield "offset_lie", _liar("record 2 has another plaintext offset", plaintext_offset=250)
    yield "prev_len_lie", _liar("record 2 has another previous length", previous_len=297)
    yield "swap", _damaged(edited(0, 2, 1, *ALL[3:]), [0, *ALL[4:]], "records 1 and 2 exchanged")
    yield "drop", _damaged(edited(0, 1, *ALL[3:]), [0, 1, *ALL[4:]], "record 2 taken out")
    yield "dup", _damaged(edited(0, 1, 1, *ALL[2:]), ALL, "record 1 twice")
    insert = edited(0, 1, other.records[2], *ALL[2:])
    yield "insert_other_file", _damaged(insert, BUT_2, "a record of another file put in before record 2")
    yield "other_header", _unclean(other.header + edited(*ALL)[512:], [], "the header of another file")


def _end_cases() -> Iterator[tuple[str, Case]]:
    whole, opened = base(), open_base().data()
    yield "zero_tail", _unclean(opened + bytes(500), ALL[:7], "no CLOSE, then 500 zero bytes")
    yield "random_tail", _unclean(opened + known_bytes("tail", 300), ALL[:7], "no CLOSE, then 300 random bytes")
    stale = opened + b"".join(base("other").records[3:6])
    yield "stale_tail", _unclean(stale, ALL[:7], "no CLOSE, then old records of another file")
    yield "junk_after_close", _damaged(whole.data() + b"0123456789", ALL, "10 bytes more", "bytes-after-close")
    glued = whole.data() + base("other").data()
    yield "two_files_glued", _damaged(glued, ALL, "another file behind it", "bytes-after-close")
    early = Draft().add(RecordType.INIT, known_bytes("base init", 45)).media(200).close().media(150).close()
    yield (
        "early_close",
        _damaged(early.data(), [0, 1, 2], "true records behind CLOSE", "bytes-after-close", draft=early),
    )
    moved = edited(0, 1, 2, 3, 8, 4, 5, 6, 7)
    yield "moved_close", _damaged(moved, [0, 1, 2, 3, 5, 6, 7], "CLOSE moved before record 4")
    for name, what, changes in (
        ("close_wrong_count", "CLOSE counts one less", {"record_count": 7}),
        ("close_wrong_length", "CLOSE says a shorter plaintext", {"plaintext_bytes": 619}),
        ("close_wrong_root", "CLOSE has another root", {"merkle_root": known_bytes("root", 32)}),
        ("close_bad_reason", "CLOSE has reason 99", {"reason": 99}),
    ):
        draft = open_base().close(**changes)
        yield name, _damaged(draft.data(), ALL[:8], what, "close-contradicted", draft=draft)
    yield "close_bad_tag", _unclean(flipped(whole.data(), -1), ALL[:8], "tag of CLOSE")
    at_record, mid_tag = edited(*range(5)), edited(*range(5))[:-16]
    yield "truncated_at_record", _unclean(at_record, ALL[:5], "cut behind record 4")
    yield "truncated_mid_tag", _unclean(mid_tag, ALL[:4], "cut in the tag of record 4")
    anchor = (6, whole.records[6][-32:])
    short = "shorter-than-anchor"
    cut = Case(at_record, short, short, ALL[:5], anchor=anchor, what="cut behind record 4, anchor at record 6")
    yield "shorter_than_anchor", cut
    unlike = Case(whole.data(), short, short, ALL, anchor=(6, bytes(32)), what="anchor with another tag at record 6")
    yield "anchor_other_tag", unlike


def large_case() -> tuple[str, Case]:
    """The one file too large to keep: a payload of exactly 4 MiB."""
    draft = Draft().media(1 << 22, key=True).end()
    return "ok_max_payload", _whole(draft, "one MEDIA of exactly 4 MiB; made when the tests run")


def all_cases() -> dict[str, Case]:
    """Every case that is kept as a file, by name."""
    return dict([*_good_cases(), *_header_cases(), *_record_cases(), *_end_cases()])


def expected_text(cases: dict[str, Case]) -> str:
    """The contents of ``expected.json``."""
    return json.dumps({name: case.expected() for name, case in cases.items()}, indent=1, sort_keys=True) + "\n"


def keys_text() -> str:
    """The contents of ``keys.json``."""
    told = {name: {"key_id": key.key_id.hex(), "key": key.key.hex()} for name, key in KEYS.items()}
    return json.dumps(told, indent=1) + "\n"


def table_text() -> str:
    """The table of section 11 of the format document."""
    rows = {**all_cases(), **dict([large_case()])}
    return "".join(f"| `{name}` | {case.what} | {case.verdict}: `{case.code}` |\n" for name, case in rows.items())


def main() -> None:
    """Rewrite all files in this folder."""
    cases = all_cases()
    for name, case in cases.items():
        (FOLDER / f"{name}.vge").write_bytes(case.data)
    (FOLDER / "expected.json").write_text(expected_text({**cases, **dict([large_case()])}), encoding="utf-8")
    (FOLDER / "keys.json").write_text(keys_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
