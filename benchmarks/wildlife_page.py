"""The journal of wild animals over a year: ``python -m benchmarks.wildlife_page [--sightings N]``.

20,000 sightings among 100,000 events, half of them named, and the hours that four cameras watched, made as rows. Asks
the app as a browser would, ten times each, and prints the median in ms, of the clock and of the processor (what counts
on a busy machine), and the plots in compressed bytes. Ends with 1 when a median is beyond its target.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tests.browser.house import CAMERAS, House, open_house
from vigilar.base.wildlife_rules import WildlifeRules
from vigilar.store.cameras import ensure_camera

TARGET_MS = 300.0
YEAR_MS, HOUR_MS = 365 * 86_400_000, 3_600_000
OTHERS = 4
"""Further events for each sighting."""

ROUNDS = 10
SPECIES = {
    "fox": ("animal", (22, 23, 0, 1, 2, 3)),
    "hedgehog": ("animal", (21, 22, 23, 0)),
    "deer": ("animal", (4, 5, 6)),
    "badger": ("animal", (23, 0, 1)),
    "rat": ("animal", (20, 21, 22, 23)),
    "blackbird": ("bird", (6, 7, 8, 17)),
    "magpie": ("bird", tuple(range(8, 17))),
    "owl": ("bird", (22, 2)),
}
PAGES = (
    "/wildlife",
    "/wildlife?days=365",
    "/wildlife?days=365&view=nights",
    "/wildlife?view=years",
    "/wildlife/visits?days=365&species=fox",
    "/wildlife/fox",
    "/api/v1/wildlife?days=365",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sightings", type=int, default=20_000)
    count = parser.parse_args().sightings
    with tempfile.TemporaryDirectory() as name, open_house(Path(name)) as house:
        fill(house, count)
        client, slowest = house.client(), 0.0
        for path in PAGES:
            clocks, processors, body = [], [], b""
            for _ in range(ROUNDS):
                began, used = time.perf_counter(), time.process_time()
                body = client.get(path, headers={"Accept": "text/html"}).data
                clocks.append((time.perf_counter() - began) * 1000)
                processors.append((time.process_time() - used) * 1000)
            plots = [
                len(gzip.compress(one)) for one in re.findall(rb'<svg class="(?:map|raster)".*?</svg>', body, re.S)
            ]
            median = statistics.median(clocks)
            slowest = max(slowest, median)
            print(f"{path:40} {median:6.0f} ms  {statistics.median(processors):6.0f} ms processor  plots {plots}")
    return int(slowest > TARGET_MS)


def fill(house: House, count: int) -> None:
    """Rows of a year: what is seen, other events, and the hours watched, with a week in which nothing was."""
    draw, now, zone = random.Random(7), house.now_ms(), house.parts.zone  # noqa: S311 -- no secret
    cameras = [camera_id for camera_id, _ in CAMERAS]
    for camera_id, camera_name in CAMERAS:
        ensure_camera(house.store, camera_id, camera_name, 1, house.node_id)
    events, said = [], []
    for number in range(1, count * (1 + OTHERS) + 1):
        ts, camera = now - draw.randrange(YEAR_MS), draw.choice(cameras)
        kind = draw.choice(("animal", "bird") if number <= count else ("motion", "person", "vehicle", "cat"))
        if number <= count and draw.random() < 0.5:
            key, (kind, hours) = draw.choice(list(SPECIES.items()))
            at = datetime.fromtimestamp(ts / 1000, zone).replace(hour=draw.choice(hours))
            ts = min(now - 1000, int(at.timestamp() * 1000))
            said.append((number, key, 1, camera, ts, "act", "sam", ts))
        payload = json.dumps({"title": f"{kind.capitalize()}, {camera}", "camera_name": camera})
        events.append((number, f"e{number}", number, camera, ts, ts + 8000, payload, ts, kind))
    watched = [
        (now // HOUR_MS * HOUR_MS - ago * HOUR_MS, camera, 0 if 40 * 24 < ago < 47 * 24 else HOUR_MS)
        for ago in range(1, 366 * 24)
        for camera in cameras
    ]
    with closing(sqlite3.connect(house.folder / "vigilar.db")) as rows, rows:
        rows.executemany(
            "INSERT INTO events (id, uid, change, type, severity, source_id, ts_ms, end_ms, payload, words, "
            "created_ms, kind, label_score) VALUES (?, ?, ?, 'motion', 'INFO', ?, ?, ?, ?, '', ?, ?, 0.8)",
            events,
        )
        rows.executemany(
            "INSERT INTO species_said (event_id, species, is_current, camera_id, ts_ms, act, by_name, said_ms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            said,
        )
        rows.executemany("INSERT INTO watched_hours (hour_ms, camera_id, watched_ms) VALUES (?, ?, ?)", watched)
        rows.execute("UPDATE counters SET value = ? WHERE name = 'event_change'", (len(events),))
    rules = WildlifeRules(place=(52.52, 13.405), time_zone=house.parts.cfg.time_zone)
    house.parts.cfg = replace(house.parts.cfg, wildlife=rules)


if __name__ == "__main__":
    sys.exit(main())
