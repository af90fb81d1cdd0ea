"""What playback makes of recordings that are damaged, cut, exchanged or gone: real files, real pages."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from tests.flow.test_web_footage import T0, packets, record, url
from tests.recording_kit import Clip, flip_bit, make_clip, probe_times
from vigilar.store.events import NewEvent, insert_event
from vigilar.store.files import get_file
from vigilar.vge.format import RecordType
from vigilar.vge.reader import RecordEntry, VgeReader


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """4 s of 10 pictures a second, a keyframe every second."""
    return make_clip(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


def path_of(house: House, file_id: int) -> Path:
    row = get_file(house.store, file_id)
    assert row is not None
    return house.folder / row.path


LONG_S = 1900
"""A range too long for a plain MP4, of which four seconds are recorded: what is sent is fragmented, with its damage."""


def media_of(house: House, file_id: int) -> list[RecordEntry]:
    with VgeReader.open(path_of(house, file_id), house.ring) as reader:
        return [entry for entry in reader.entries if entry.type is RecordType.MEDIA]


def exchange(one: Path, other: Path) -> None:
    aside = one.with_suffix(".aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def test_flipped_bit_leaves_a_gap_and_the_rest_plays(
    house: House, owner: FlaskClient, clip: Clip, tmp_path: Path
) -> None:
    file_id = record(house, clip, 0, 4)
    whole = owner.get(url("clip.mp4", 0, LONG_S)).data
    victims = [one for one in media_of(house, file_id) if not one.is_keyframe]
    flip_bit(path_of(house, file_id), victims[1].offset + 200)
    response = owner.get(url("clip.mp4", 0, LONG_S))
    assert (response.status_code, len(response.data)) == (200, len(whole))
    times = [at for at, _, _ in probe_times(response.data, tmp_path)]
    # Half a second of 4 is lost, from 1.5 s to the keyframe at 2 s; all else comes when it came before.
    assert times == [at for at, _, _ in probe_times(whole, tmp_path) if not 1.5 <= round(at, 3) < 2.0]
    assert b"damaged recording, nothing can be shown from 17700000015" in response.data


@pytest.mark.parametrize("which", range(8))
def test_any_damaged_record_costs_at_most_two_groups(
    house: House, owner: FlaskClient, clip: Clip, tmp_path: Path, which: int
) -> None:
    file_id = record(house, clip, 0, 4)
    victim = media_of(house, file_id)[which]
    flip_bit(path_of(house, file_id), victim.offset + victim.header.record_len - 1)  # its tag: costs the next as well
    response = owner.get(url("clip.mp4", 0, LONG_S))
    assert response.status_code == 200
    assert int(response.headers["Content-Length"]) == len(response.data)
    assert len(probe_times(response.data, tmp_path)) >= 20


@pytest.mark.parametrize("at", ["offset", "payload"])
def test_every_range_of_a_damaged_clip_gives_the_same_bytes(
    house: House, owner: FlaskClient, clip: Clip, at: str
) -> None:
    """Whether a browser asks for all or for a part: a part that begins behind the damage must know of it."""
    file_id = record(house, clip, 0, 4)
    victim = media_of(house, file_id)[2]
    flip_bit(path_of(house, file_id), victim.offset + (10 if at == "offset" else 100))
    whole = owner.get(url("clip.mp4", 0, LONG_S)).data
    for start in range(0, len(whole), max(1, len(whole) // 40)):
        got = owner.get(url("clip.mp4", 0, LONG_S), headers={"Range": f"bytes={start}-"}).data
        assert got == whole[start:]


def test_damaged_set_up_leaves_the_other_files(house: House, owner: FlaskClient, clip: Clip, tmp_path: Path) -> None:
    first = record(house, clip, 0, 4)
    record(house, clip, 4, 8)
    flip_bit(path_of(house, first), 512 + 70)
    response = owner.get(url("clip.mp4", 0, 8))
    assert len(probe_times(response.data, tmp_path)) == 40


@pytest.mark.parametrize("at", [512 + 10, 512 + 70], ids=["its header", "its content"])
@pytest.mark.parametrize(("codec", "pictures"), [("avc1.64000c", 80), ("hvc1.1.6.L93", 40)])
def test_damaged_set_up_is_that_of_the_recording_beside(
    house: House, owner: FlaskClient, clip: Clip, tmp_path: Path, at: int, codec: str, pictures: int
) -> None:
    first = record(house, clip, 0, 4)
    record(house, clip, 4, 8)
    with house.store.sql_write("as a recorder does") as run:
        run("UPDATE files SET codec = 'avc1.64000c', width = 320, height = 192")
        run("UPDATE files SET codec = :codec WHERE id <> :id", codec=codec, id=first)
    before = owner.get(f"/footage/front-door/{first}/init-0.mp4").data
    flip_bit(path_of(house, first), at)
    assert len(probe_times(owner.get(url("clip.mp4", 0, 8)).data, tmp_path)) == pictures
    assert len(probe_times(owner.get(url("clip.mp4", 0, LONG_S)).data, tmp_path)) == pictures
    init = owner.get(f"/footage/front-door/{first}/init-0.mp4")
    assert init.data == before if pictures == 80 else init.status_code == 410
    with house.store.sql_read("read messages") as run:
        told = [json.loads(payload)["kind"] for (payload,) in run("SELECT payload FROM outbox")]
    assert told == ["recording_damaged"]


def test_segment_without_a_keyframe_is_gone_the_others_play(
    house: House, owner: FlaskClient, clip: Clip, tmp_path: Path
) -> None:
    file_id = record(house, clip, 0, 4)
    listed = [line for line in owner.get(url("index.m3u8", 0, 4)).text.splitlines() if line.endswith(".m4s")]
    keyframes = [one for one in media_of(house, file_id) if one.is_keyframe]
    flip_bit(path_of(house, file_id), keyframes[0].offset + 200)
    half = owner.get(listed[0])  # two seconds, of which the second begins with a keyframe of its own
    assert half.status_code == 200
    init = owner.get(f"/footage/front-door/{file_id}/init-0.mp4").data
    assert len(probe_times(init + half.data, tmp_path)) == 10
    flip_bit(path_of(house, file_id), keyframes[1].offset + 200)
    gone = owner.get(listed[0])
    assert (gone.status_code, gone.get_json()["type"]) == (410, "vge.damaged")
    assert owner.get(listed[1]).status_code == 200


def test_files_of_two_cameras_exchanged_are_not_shown(house: House, owner: FlaskClient, clip: Clip) -> None:
    mine, other = record(house, clip, 0, 4), house.record("garden", packets(clip, 0, 4), clip.run())
    assert owner.get(url("clip.mp4", 0, 4)).status_code == 200  # so that the file is known
    exchange(path_of(house, mine), path_of(house, other))
    for path in (url("clip.mp4", 0, 4), url("index.m3u8", 0, 4), f"/footage/front-door/{mine}/init-0.mp4"):
        response = owner.get(path)
        assert (response.status_code, response.get_json()["type"]) == (410, "recording.replaced")
        assert "Another camera's recording lies in the place of this one" in response.get_json()["detail"]


def test_files_of_one_camera_exchanged_are_not_shown(house: House, owner: FlaskClient, clip: Clip) -> None:
    first, second = record(house, clip, 0, 4), record(house, clip, 4, 8)
    exchange(path_of(house, first), path_of(house, second))
    response = owner.get(url("clip.mp4", 0, 8))
    assert response.status_code == 410
    assert "of this camera lies in the place of recording" in response.get_json()["detail"]


def test_other_recording_of_the_same_number_is_not_shown(house: House, owner: FlaskClient, clip: Clip) -> None:
    """Sealed by who holds the keys: only the link tells."""
    file_id = record(house, clip, 0, 4)
    path, made = path_of(house, file_id), house.folder / "made"
    path.rename(path.with_suffix(".true"))
    made.mkdir()
    with open_house(made) as elsewhere:
        elsewhere.ring = house.ring
        with house.store.sql_read("read") as run:
            [(uuid,)] = run("SELECT uuid FROM cameras WHERE id = 'front-door'")
        with elsewhere.store.sql_write("write") as run:
            run(
                "INSERT INTO cameras (id, uuid, name, created_ms) VALUES ('front-door', :uuid, 'Front', 1)",
                uuid=uuid,
            )
        forged = elsewhere.record("front-door", packets(clip, 0, 4), clip.run())
        path_of(elsewhere, forged).rename(path)
    response = owner.get(url("clip.mp4", 0, 4))
    assert response.status_code == 410
    assert "not the one that was closed under this number" in response.get_json()["detail"]


def test_stills_of_two_events_exchanged_are_not_shown(house: House, owner: FlaskClient) -> None:
    stills = [house.still("front-door", b"\xff\xd8one"), house.still("front-door", b"\xff\xd8two")]
    events = [house.event(still_id=still) for still in stills]
    assert owner.get(f"/events/{events[0].id}/still.jpg").data == b"\xff\xd8one"
    exchange(path_of(house, stills[0]), path_of(house, stills[1]))
    for event in events:
        assert owner.get(f"/events/{event.id}/still.jpg").status_code == 410


def test_still_of_another_camera_is_none_of_this_event(house: House, owner: FlaskClient) -> None:
    still = house.still("garden", b"\xff\xd8one")
    event = house.event(still_id=still)
    assert owner.get(f"/events/{event.id}/still.jpg").status_code == 404


@pytest.mark.parametrize("what", ["exchanged", "gone", "cut", "damaged", "emptied", "torn", "slot", "longer", "close"])
def test_what_playback_meets_is_told_once(house: House, owner: FlaskClient, clip: Clip, what: str) -> None:
    file_id = record(house, clip, 0, 4)
    other = record(house, clip, 4, 8)
    path = path_of(house, file_id)
    if what == "exchanged":
        exchange(path, path_of(house, other))
    elif what == "gone":
        path.unlink()
    elif what == "cut":
        path.write_bytes(path.read_bytes()[: media_of(house, file_id)[5].offset])
    elif what == "emptied":
        path.write_bytes(b"")
    elif what == "torn":
        path.write_bytes(path.read_bytes()[:100])
    elif what == "longer":
        path.write_bytes(path.read_bytes() + bytes(5000))
    else:
        at = {"damaged": media_of(house, file_id)[1].offset + 200, "slot": 200, "close": path.stat().st_size - 10}[what]
        flip_bit(path, at)
    for _ in range(3):
        assert len(owner.get(url("clip.mp4", 0, 4)).data) > 0
    with house.store.sql_read("read messages") as run:
        told = [json.loads(payload) for (payload,) in run("SELECT payload FROM outbox ORDER BY seq")]
    expected = {
        "exchanged": ("recording_tampered", "replaced"),
        "gone": ("recording_tampered", "missing"),
        "cut": ("recording_tampered", "shorter-than-anchored"),
        "emptied": ("recording_tampered", "replaced"),
    }.get(what, ("recording_damaged", "damaged"))
    [mine] = [one for one in told if one["detail"]["file_id"] == file_id]
    assert (mine["kind"], mine["detail"]["verdict"]) == expected
    if what in ("longer", "close"):
        words = "5000 bytes were added behind its end." if what == "longer" else "Its closing record is damaged."
        assert mine["detail"]["reason"] == words


def test_what_lies_in_its_place_is_said_in_the_answer(house: House, owner: FlaskClient, clip: Clip) -> None:
    """And no pipe is waited for."""
    path = path_of(house, record(house, clip, 0, 4))
    whole = path.read_bytes()
    for content, words in (
        (b"", "Something that is no recording lies in the place of this one"),
        (whole[:200] + bytes([whole[200] ^ 1]) + whole[201:], "The header of this recording is damaged"),
        (None, "Something that is no recording lies in the place of this one"),
    ):
        path.unlink()
        if content is None:
            os.mkfifo(path)
        else:
            path.write_bytes(content)
        answer = owner.get(url("clip.mp4", 0, 4))
        assert (answer.status_code, words in answer.get_json()["detail"]) == (410, True), answer.text


def test_page_says_that_recordings_were_changed_and_where_the_keys_lie(
    house: House, owner: FlaskClient, clip: Clip
) -> None:
    file_id = record(house, clip, 0, 4)
    with house.store.sql_write("give it to this box") as run:
        run("UPDATE files SET node_id = :node_id", node_id=house.parts.cfg.node_id)
    assert "missing, changed or damaged" not in owner.get("/system").text
    assert "who takes the box, or its disk, can look at them" in owner.get("/system").text
    path_of(house, file_id).unlink()
    assert owner.get(url("clip.mp4", 0, 4)).status_code == 404
    assert "1 recording is missing, changed or damaged" in owner.get("/system").text


def test_timeline_names_what_is_damaged_and_what_was_exchanged(house: House, owner: FlaskClient, clip: Clip) -> None:
    """As it is when the event is stored: the recording is damaged from its second keyframe to its third."""
    record(house, clip, 0, 4)
    second = record(house, clip, 4, 8)
    details = {"from_ms": T0 + 1000, "to_ms": T0 + 2000, "verdict": "damaged"}
    insert_event(
        house.store,
        NewEvent(
            uid="found",
            type="recording_damaged",
            severity="ALERT",
            source_id="front-door",
            ts_ms=house.now_ms(),
            payload=details,
        ),
        now_ms=house.now_ms(),
    )
    with house.store.sql_write("mark a row") as run:
        run("UPDATE files SET state = 'damaged', reason = 'found replaced; rollover' WHERE id = :id", id=second)
    told = owner.get(url("timeline", 0, 8)).get_json()
    assert [(span["from"] - T0, span["to"] - T0) for span in told["spans"]] == [(0, 1000), (2000, 4000)]
    assert [(gap["from"] - T0, gap["to"] - T0, gap["reason"]) for gap in told["gaps"]] == [
        (1000, 2000, "broken"), (4000, 8000, "replaced"),
    ]  # fmt: skip
