"""Eight cameras in which somebody walks all the time, recorded and recognised: memory of the whole product, how long a
picture waits for its turn, and whether the detector keeps within its budget.

    python -m benchmarks.detector_load [--seconds 60] [--cameras 8] [--model FILE.onnx]

Without ``--model`` it takes YOLOX-Nano of the testbed (VIGILAR_TESTBED), else the network of the drawn scenes. Targets:
550 MB in all (PSS), 150 MB of them the detector; 2 s for the longest wait; the budget, over any ten seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.measure import cpu_s, pss_mb
from tests.system.house import ROOT, RunningHouse, run_house, wait_for
from vigilar.demo import actors, places
from vigilar.demo.actors import Picture
from vigilar.demo.scenes import Scene, ensure_clip

MOST_MB, MOST_DETECTOR_MB, MOST_WAIT_S = 550.0, 150.0, 2.0
WINDOW_S = 10
WARM_S = 15
WALK_S = 8.0


def walkers(picture: Picture, t: float) -> None:
    """Two people, one near and one far, who never stop: where one leaves, the loop begins again."""
    part = t % WALK_S / WALK_S
    actors.person(picture, -60 + 1400 * part, 690, 250, t * 6.2, (120, 84, 46), 1)
    actors.person(picture, 1340 - 1400 * part, 560, 120, t * 6.0, (70, 110, 60), -1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--model", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        install(folder / "house", asked.model or testbed_model())
        clip = ensure_clip(Scene("walkers", places.street, walkers, 24), folder)
        camera = {"address": f"file:{clip.main}", "small": f"file:{clip.sub}"}
        cameras: dict[str, str | dict[str, str]] = {f"Camera {n}": camera for n in range(1, asked.cameras + 1)}
        with run_house(folder / "house", cameras) as house:
            return judge(house, asked.seconds)


def testbed_model() -> Path | None:
    folder = os.environ.get("VIGILAR_TESTBED")
    file = Path(folder) / "models" / "yolox_nano_416.onnx" if folder else None
    return file if file is not None and file.exists() else None


def install(folder: Path, file: Path | None) -> None:
    folder.mkdir()
    given = ["yolox-nano", "--from", str(file)] if file is not None else ["drawn-scenes"]
    command = [sys.executable, "-m", "vigilar", "--data-dir", str(folder), "models", "install", *given]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def judge(house: RunningHouse, seconds: int) -> int:
    detector = wait_for(lambda: next(one for one in house.children() if one.name() == "v:detector"), 60, "a detector")
    wait_for(lambda: status(house)["looks"] > 0, 60, "its first look")
    time.sleep(WARM_S)
    first = int(status(house)["looks"])
    waits: list[float] = []
    spent: list[tuple[float, float, float]] = []
    for _ in range(seconds):
        time.sleep(1.0)
        now = status(house)
        waits.append(float(now["longest_wait_s"]))
        spent.append((time.monotonic(), cpu_s(detector.pid), float(now["budget_cores"])))
    whole, own = memory_mb(house), pss_mb(detector.pid)
    looks = (int(status(house)["looks"]) - first) / seconds
    worst = max((share(spent[at - WINDOW_S : at + 1]) for at in range(WINDOW_S, len(spent))), default=0.0)
    kinds = {one["kind"] for one in house.events("motion")}
    print(f"model {now['model']} by {now['provider']}, {now['cameras']} cameras, kinds {sorted(kinds)}")
    print(f"memory of the whole product   {whole:6.0f} MB  (at most {MOST_MB:.0f})")
    print(f"memory of the detector        {own:6.0f} MB  (at most {MOST_DETECTOR_MB:.0f})")
    print(
        f"longest wait for a turn       {max(waits):6.2f} s   (at most {MOST_WAIT_S:.0f}); {looks:.1f} looks a second"
    )
    print(f"worst ten seconds             {worst:6.2f}     of its budget (at most 1)")
    is_met = whole <= MOST_MB and own <= MOST_DETECTOR_MB and max(waits) <= MOST_WAIT_S and worst <= 1.0
    return 0 if is_met else 1


def status(house: RunningHouse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(house.get("/api/v1/system"))["detector"]
    return found


def share(window: list[tuple[float, float, float]]) -> float:
    """What was used of the budget from the first to the last of these samples, by the system's count. The budget moves
    with what is idle; what counts is the largest that was in force."""
    used = (window[-1][1] - window[0][1]) / (window[-1][0] - window[0][0])
    return used / max(budget for _, _, budget in window)


def memory_mb(house: RunningHouse) -> float:
    house_process = psutil.Process(house.process.pid)
    return sum(pss_mb(one.pid) for one in [house_process, *house_process.children(recursive=True)])


if __name__ == "__main__":
    sys.exit(main())
