"""Fetch the browser parts others wrote and lay the few files we serve into ``vigilar/web/static/vendor``.

usage: python3 assets/build.py [--tests] [--npm COMMAND...]

Runs on the standard library alone, before the virtual environment exists. ``--tests`` also brings axe-core, which the
browser tests inject, to ``build/axe.min.js``; it is never served. Everything is checked by npm against the integrity
hashes of ``package-lock.json``, which holds no download addresses.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
VENDOR = ROOT / "vigilar" / "web" / "static" / "vendor"
WORK = ROOT / "build" / "assets"
AXE = ROOT / "build" / "axe.min.js"

FILES = {
    "bootstrap/dist/css/bootstrap.min.css": "bootstrap.min.css",
    "bootstrap/LICENSE": "bootstrap.LICENSE.txt",
    "hls.js/dist/hls.light.min.mjs": "hls.light.min.mjs",
    "hls.js/LICENSE": "hls.LICENSE.txt",
    "bootstrap-icons/LICENSE": "bootstrap-icons.LICENSE.txt",
}

ICONS = {
    "live": "grid",
    "events": "list-ul",
    "system": "activity",
    "info": "circle-fill",
    "warning": "diamond-fill",
    "alert": "triangle-fill",
    "critical": "octagon-fill",
    "camera": "camera-video",
    "camera-off": "camera-video-off",
    "motion": "person-walking",
    "disk": "device-hdd",
    "process": "cpu",
    "clock": "clock",
    "power": "power",
    "pause": "pause-fill",
    "play": "play-fill",
    "add": "plus-lg",
    "back": "arrow-left",
    "download": "download",
    "ok": "check-lg",
    "bad": "x-lg",
    "unknown": "question-lg",
    "record": "record-circle",
    "sign-out": "box-arrow-right",
    "sliders": "sliders",
    "up": "arrow-up",
    "trash": "trash3",
    "full": "arrows-fullscreen",
    "sound": "volume-up-fill",
    "mute": "volume-mute-fill",
    "keys": "keyboard",
    "again": "arrow-clockwise",
    "narrow": "speedometer2",
    "disarmed": "shield-slash",
    "home": "house-lock",
    "night": "moon-stars-fill",
    "away": "shield-lock-fill",
    "leaving": "hourglass-split",
    "alarm": "bell-fill",
    "arm": "shield-lock",
    "sensor": "broadcast-pin",
    "phone": "phone",
    "undo": "arrow-counterclockwise",
    "settings": "gear",
    "rename": "pencil",
}
"""Name on our pages -> icon of bootstrap-icons. One file with these alone weighs 4 kB, the icon font 134 kB."""

_SVG = re.compile(r"<svg[^>]*viewBox=\"(?P<box>[^\"]+)\"[^>]*>(?P<inside>.*)</svg>", re.DOTALL)


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the browser assets")
    parser.add_argument("--npm", nargs="+", default=["npm"], help="the npm command, with its arguments")
    parser.add_argument("--tests", action="store_true", help="bring the accessibility checker of the tests too")
    options = parser.parse_args()
    if is_built(options.tests):
        print("browser assets are built already")
        return 0
    print("fetching Bootstrap, its icons and the video player from npm: some minutes at most", flush=True)
    try:
        fetch(options.npm, options.tests)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"npm could not fetch the browser assets: {error}", file=sys.stderr)
        print(
            "It needs the internet this once: look at this machine's connection, then do the same again.",
            file=sys.stderr,
        )
        return 1
    lay_out(WORK / "node_modules", options.tests)
    shutil.rmtree(WORK)
    return 0


def is_built(with_tests: bool) -> bool:
    """Whether the last build was made from the lock and the list of files of today."""
    stamp = VENDOR / "built"
    wanted = newest_change()
    return stamp.exists() and stamp.stat().st_mtime >= wanted and (AXE.exists() or not with_tests)


def newest_change() -> float:
    return max((HERE / name).stat().st_mtime for name in ("package.json", "package-lock.json", "build.py"))


def fetch(npm: list[str], with_tests: bool) -> None:
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, WORK / name)
    # A cache of its own: the home of whoever runs this may not be writable, and should not grow.
    quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error", "--cache", str(WORK / "cache")]
    command = [*npm, "ci", "--ignore-scripts", *quiet]
    subprocess.run(command if with_tests else [*command, "--omit=dev"], cwd=WORK, check=True)


def lay_out(modules: Path, with_tests: bool) -> None:
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for source, name in FILES.items():
        text = (modules / source).read_text(encoding="utf-8")
        # The maps are not served, so a browser's developer tools must not ask for them.
        (VENDOR / name).write_text(re.sub(r"\n?(//|/\*)# sourceMappingURL=.*", "", text), encoding="utf-8")
    (VENDOR / "icons.svg").write_text(icon_sheet(modules / "bootstrap-icons" / "icons"), encoding="utf-8")
    if with_tests:
        shutil.copy(modules / "axe-core" / "axe.min.js", AXE)
    (VENDOR / "built").touch()


def icon_sheet(folder: Path) -> str:
    """One SVG with a symbol for each of ICONS."""
    symbols = []
    for name, icon in sorted(ICONS.items()):
        found = _SVG.search((folder / f"{icon}.svg").read_text(encoding="utf-8"))
        if found is None:
            raise ValueError(f"{icon}.svg is not a picture of bootstrap-icons")
        inside = re.sub(r"\s*\n\s*", "", found["inside"])
        symbols.append(f'<symbol id="{name}" viewBox="{found["box"]}">{inside}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">' + "".join(symbols) + "</svg>\n"


if __name__ == "__main__":
    sys.exit(main())
