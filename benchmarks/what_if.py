"""What other zones would have made of a busy week: ``python -m benchmarks.what_if [--tracks N] [--rounds N]``.

20,000 stored tracks of one camera, four in five of them of 15,000 motions, of 10 to 150 boxes each, that go across the
picture from anywhere to anywhere. The page's request (``POST .../zones/preview``) as a browser would send it, without
a network, for several drawings. The peer is the bare ``sqlite3`` module that reads the same rows and unpacks as many
boxes of each, which judges nothing. Prints the processor time of the request, the best of the rounds, and its ratio to
the peer's in the same rounds. Ends with 1 when a drawing takes more than 0.8 s.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from vigilar.base.track_path import PathBox, pack_path
from vigilar.store.cameras import ensure_camera

CAMERA = "front-door"
MOST_S = 0.8
WEEK_MS = 7 * 86_400_000
BOX = struct.Struct("<I4H")
LOOKED_AT = 40
"""Boxes of a path that the product looks at, at most."""

CORNER = [[0.02, 0.6], [0.1, 0.55], [0.2, 0.55], [0.3, 0.6], [0.33, 0.7], [0.3, 0.8], [0.2, 0.85], [0.05, 0.8]]
MIDDLE = [[0.3, 0.3], [0.5, 0.25], [0.7, 0.3], [0.75, 0.5], [0.7, 0.7], [0.5, 0.75], [0.3, 0.7], [0.25, 0.5]]


def zone(kind: str, points: list[list[float]], number: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": f"z{number}", "name": f"Zone {number}", "kind": kind, "points": points, **more}


LINE = {"id": "l1", "name": "Gate", "from": [0.1, 0.2], "to": [0.15, 0.9], "direction": "in"}
DRAWINGS: dict[str, dict[str, Any]] = {
    "nothing drawn": {"zones": [], "lines": []},
    "a corner": {"zones": [zone("include", CORNER)], "lines": []},
    "a corner, for ten seconds": {"zones": [zone("include", CORNER, dwell_s=10)], "lines": []},
    "anywhere, for a minute": {"zones": [zone("include", [[0, 0], [1, 0], [1, 1], [0, 1]], dwell_s=60)], "lines": []},
    "the middle ignored": {"zones": [zone("ignore", MIDDLE)], "lines": []},
    "a line, inwards": {"zones": [], "lines": [LINE]},
    "a corner, the middle ignored, a line": {
        "zones": [zone("include", CORNER), zone("ignore", MIDDLE, 2)],
        "lines": [LINE],
    },
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tracks", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    folder = tempfile.TemporaryDirectory(prefix="vigilar-what-if-", dir="/var/tmp")
    with folder as name, open_house(Path(name)) as house:
        client = house.client()
        ensure_camera(house.store, CAMERA, "Front door", 1, house.node_id)
        fill(house, asked.tracks)
        is_met = [measure(house, client, drawing, asked.rounds) for drawing in DRAWINGS]
    return int(not all(is_met))


def fill(house: House, count: int) -> None:
    chance = random.Random(20)  # noqa: S311 -- drawn ways, no secret
    begin_ms = house.now_ms() - WEEK_MS + 3_600_000
    motions = count * 3 // 4
    step_ms = (WEEK_MS - 7_200_000) // count
    with house.store.sql_write("lay down a week") as run:
        for number in range(motions):
            run(
                "INSERT INTO events (uid, change, first_change, type, severity, source_id, ts_ms, end_ms, payload, "
                "words, created_ms) "
                "VALUES (:uid, :change, :change, 'motion', 'INFO', :camera, :ts, :ts + 8000, '{}', '', 0)",
                uid=f"e{number}", change=1_000_000 + number, camera=CAMERA, ts=begin_ms + number * step_ms,
            )  # fmt: skip
        first = int(run("SELECT min(id) FROM events WHERE uid = 'e0'")[0][0])
        for number in range(count):
            at_ms = begin_ms + number % motions * step_ms
            run(
                "INSERT INTO tracks (uid, event_id, camera_id, kind, score, start_ms, end_ms, is_stationary, zones, "
                "path) VALUES (:uid, :event, :camera, :kind, 0.8, :ts, :ts + 8000, 0, '[]', :path)",
                uid=f"t{number}", event=first + number % motions if number % 5 else None, camera=CAMERA,
                kind=chance.choice(("person", "vehicle", "cat")), ts=at_ms, path=pack_path(walk(chance)),
            )  # fmt: skip


def walk(chance: random.Random) -> list[PathBox]:
    """From anywhere to anywhere, five boxes a second."""
    (x, y), (to_x, to_y) = ((chance.uniform(0.0, 0.9), chance.uniform(0.0, 0.7)) for _ in range(2))
    count = chance.randint(10, 150)
    parts = [number / count for number in range(count)]
    return [PathBox(round(200 * at), x + (to_x - x) * p, y + (to_y - y) * p, 0.1, 0.3) for at, p in enumerate(parts)]


def measure(house: House, client: FlaskClient, drawing: str, rounds: int) -> bool:
    path = house.folder / "vigilar.db"
    ours, theirs = [], []
    said = ""
    for _ in range(rounds):
        took, answer = used(
            lambda: client.post(f"/api/v1/cameras/{CAMERA}/zones/preview", json=DRAWINGS[drawing]).get_json()
        )
        said = str(answer["sentence"])
        ours.append(took)
        theirs.append(used(lambda: unpack_all(path))[0])
    is_met = min(ours) <= MOST_S
    print(
        f"{drawing:38} {min(ours):.2f} s of processor (at most {MOST_S}), {min(ours) / min(theirs):.1f} of reading "
        f"and unpacking alone {'ok' if is_met else 'MISSED'}: {said}",
        flush=True,
    )
    return is_met


def unpack_all(path: Path) -> int:
    count = 0
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT event_id, kind, path FROM tracks WHERE camera_id = ? ORDER BY start_ms DESC", (CAMERA,)
        )
        for _, _, packed in rows:
            count += len([*BOX.iter_unpack(packed[: LOOKED_AT * BOX.size])])
    return count


def used(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of processor time of this process, and what came of it."""
    began = time.process_time()
    found = work()
    return time.process_time() - began, found


if __name__ == "__main__":
    sys.exit(main())
