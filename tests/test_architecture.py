"""Holds the import table, the doors of foreign libraries and some house rules: ``docs/architecture/conventions.md``."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE = ROOT / "vigilar"

LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"base"}),
    frozenset({"config", "bus", "media", "vge", "store"}),
    frozenset(
        {
            *(
                "capture",
                "detect",
                "record",
                "live",
                "playback",
                "proof",
                "events",
                "upkeep",
                "demo",
                "sensors",
                "door",
            ),
            *("rules", "notify", "backup", "power", "health", "wildlife"),
        }
    ),
    frozenset({"web", "evaluate", "homeassistant", "pets"}),
    frozenset({"processes", "main", "cli", "__main__"}),
)
"""A package imports lower levels only, never a sibling; the top level is the wiring and may import all, itself too."""

PLAIN_CONFIG = frozenset({"vigilar.config.jobs", "vigilar.config.places"})
"""The plain types of config: what a process is told. The only part of config that is in the supervisor."""

NOT_FOR = {
    "capture": {"config"},
    "detect": {"config"},
    "record": {"config"},
    "live": {"config"},
    "playback": {"config"},
    "events": {"config"},
    "proof": {"config"},
    "upkeep": {"config"},
    "sensors": {"config"},
    "demo": {"config"},
    "door": {"config"},
    "rules": {"config"},
    "notify": {"config"},
    "backup": {"config"},
    "power": {"config"},
    "web": {"detect", "record", "events", "demo", "sensors", "backup"},
    "evaluate": {"config"},
    "homeassistant": {"config"},
    "pets": {"config"},
    "health": {"config"},
    "wildlife": {"config"},
}
"""Beyond the levels. Level 2 has small settings of its own, which ``processes`` cuts out of the configuration."""

ALSO = {
    "web": {"vigilar.detect.zones"},
    "events": {"vigilar.wildlife.novelty", "vigilar.wildlife.species", "vigilar.wildlife.watched"},
}
"""Single modules that are light, and mean the same to all: what a zone is must not be said twice, nor what is new in
the garden."""

DOORS = {
    "pydantic": {"config"},
    "tomlkit": {"config", "cli"},
    "av": {"media"},
    "onnxruntime": {"detect"},
    "cv2": {"detect", "demo", "evaluate"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "paho": {"bus"},
    "paramiko": {"backup"},
    "flask": {"web"},
    "werkzeug": {"web"},
    "gunicorn": {"processes"},
    "gpiod": {"sensors"},
    "cryptography": {"vge", "door", "notify"},
    "argon2": {"web"},
    "ifaddr": {"door"},
    "zeroconf": {"door"},
    "segno": {"web"},
    "mistune": {"web"},
    "webauthn": {"web"},
    "zxcvbn": {"web"},
    "click": {"cli"},
}
"""Foreign library -> the packages that may import it."""

SUPERVISOR_FILES = ("main.py", "processes/supervisor.py", "processes/planner.py")
"""What runs in the supervisor, with all that it imports at its top: nothing of it may lead to a heavy library."""

MAX_LINES = 500


def files() -> list[Path]:
    return sorted(path for path in CODE.rglob("*.py") if "__pycache__" not in path.parts)


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path, *, top_only: bool = False) -> Iterator[str]:
    """Absolute names of imported modules. ``from a import b`` gives ``a.b`` if that is a module of ours, else ``a``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            base = node.module or ""
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if is_module(full) else base


def is_module(name: str) -> bool:
    path = ROOT / Path(*name.split("."))
    return name.startswith("vigilar") and (path.with_suffix(".py").exists() or (path / "__init__.py").exists())


def package_of(name: str) -> str:
    """The part of the table a module of ours is in; empty for ``vigilar`` itself."""
    return [*name.split("."), ""][1]


def level_of(package: str) -> int:
    return next((number for number, level in enumerate(LEVELS) if package in level), -1)


def own_imports() -> Iterator[tuple[Path, str, str]]:
    """All imports of our modules by our modules: file, package of the importer, full name of the imported."""
    for path in files():
        for imported in imports_of(path):
            if imported.split(".")[0] == "vigilar" and package_of(imported):
                yield path, package_of(name_of(path)), imported


def test_every_package_is_in_the_table() -> None:
    found = {package_of(name_of(path)) for path in files()} - {""}
    assert found <= frozenset().union(*LEVELS), "a new package is a design change: give it a level, and a sentence"


def test_imports_go_down_only() -> None:
    wrong = []
    for path, importer, imported in own_imports():
        theirs = package_of(imported)
        here, there = level_of(importer), level_of(theirs)
        if importer == theirs or here == len(LEVELS) - 1:
            continue
        if imported in ALSO.get(importer, set()):
            continue
        if there >= here or theirs in NOT_FOR.get(importer, set()):
            wrong.append(f"{path.relative_to(ROOT)} imports {imported}")
    assert wrong == []


def test_nobody_imports_the_wiring() -> None:
    top = LEVELS[-1]
    wrong = [
        f"{path.relative_to(ROOT)} imports {imported}"
        for path, importer, imported in own_imports()
        if package_of(imported) in top and importer not in top
    ]
    assert wrong == []


def test_foreign_libraries_have_one_door() -> None:
    wrong = []
    for path in files():
        for imported in imports_of(path):
            allowed = DOORS.get(imported.split(".")[0])
            if allowed is not None and package_of(name_of(path)) not in allowed:
                wrong.append(f"{path.relative_to(ROOT)} imports {imported}")
    assert wrong == []


def led_to(starts: list[Path], forbidden: set[str]) -> set[str]:
    """Our modules that ``starts`` load; none of them may load a library that is ``forbidden``."""
    seen: set[str] = set()
    todo = list(starts)
    while todo:
        path = todo.pop()
        for imported in imports_of(path, top_only=True):
            assert imported.split(".")[0] not in forbidden, f"{path} imports {imported}"
            if imported in seen or not is_module(imported):
                continue
            seen.add(imported)
            module = ROOT / Path(*imported.split("."))
            todo.append(module.with_suffix(".py") if module.with_suffix(".py").exists() else module / "__init__.py")
    return seen


def test_web_leads_to_no_picture_library() -> None:
    """What cameras send is never parsed there, and the libraries would cost it 30 MB."""
    assert "vigilar.live.client" in led_to([CODE / "processes" / "web.py"], {"av", "cv2", "numpy"})


def test_camera_process_leads_to_no_heavy_library() -> None:
    """A camera that is only recorded needs no pictures and no engine; ``processes/lazy.py`` loads what others do."""
    seen = led_to([CODE / "processes" / "camera.py"], {"av", "cv2", "numpy", "sqlalchemy", "pydantic"})
    assert {"vigilar.capture.rtsp.source", "vigilar.store.sqlite_store", "vigilar.live.feed"} <= seen


def test_looking_for_motion_leads_to_no_objects() -> None:
    """Where nothing is recognised nothing of it is loaded, and where something is, the network is in the detector."""
    seen = led_to([CODE / "processes" / "motion.py"], {"onnxruntime"})
    assert [name for name in seen if name.startswith("vigilar.detect.objects")] == []
    assert "vigilar.detect.objects.client" in led_to([CODE / "processes" / "objects.py"], {"onnxruntime"})


def test_installing_a_model_for_the_demo_leads_to_no_heavy_library() -> None:
    led_to([CODE / "detect" / "objects" / "model_folder.py"], {"onnxruntime", "cv2", "numpy"})


def test_waiting_for_jobs_leads_to_no_heavy_library() -> None:
    """It waits nearly always, and what it loads for its first job it keeps."""
    heavy = {"av", "cv2", "numpy", "sqlalchemy", "cryptography", "paho", "pydantic"}
    assert "vigilar.store.job_watch" in led_to([CODE / "processes" / "jobs.py"], heavy)


def test_upkeep_and_backup_lead_to_no_engine() -> None:
    """SQLAlchemy is 20 MB in each; paramiko is loaded for an SFTP target alone."""
    heavy = {"av", "cv2", "numpy", "sqlalchemy", "pydantic", "paramiko"}
    assert "vigilar.upkeep.keeper" in led_to([CODE / "processes" / "upkeep.py"], heavy)
    assert "vigilar.backup.keeper" in led_to([CODE / "processes" / "backup.py"], heavy)


def test_home_assistant_leads_to_no_engine() -> None:
    heavy = {"av", "cv2", "numpy", "sqlalchemy", "pydantic"}
    assert "vigilar.homeassistant.board" in led_to([CODE / "processes" / "homeassistant.py"], heavy)


def test_plan_leads_to_no_heavy_library() -> None:
    """A changed setting is in use in 2 s, and reading it is most of that."""
    seen = led_to([CODE / "processes" / "plan.py"], {"av", "cv2", "numpy", "sqlalchemy", "alembic", "cryptography"})
    assert {"vigilar.config.load", "vigilar.store.sqlite_store"} <= seen


def test_start_leads_to_no_engine() -> None:
    """No camera is there before it is over; ``store/as_left.py`` tells which starts need SQLAlchemy."""
    seen = led_to([CODE / "processes" / "upgrade.py"], {"av", "cv2", "numpy", "sqlalchemy", "alembic"})
    assert "vigilar.store.as_left" in seen


def test_fork_server_holds_nothing_of_the_supervisor() -> None:
    """Each camera process pays for what it has in memory, if only for the reference counts in between."""
    seen = led_to([CODE / "processes" / "preload.py"], {"av", "cv2", "numpy", "sqlalchemy", "pydantic", "ctypes"})
    assert {"vigilar.processes.entry", "vigilar.processes.camera"} <= seen
    assert not seen & {"vigilar.main", *(name_of(CODE / name) for name in SUPERVISOR_FILES)}


def test_supervisor_leads_to_nothing_heavy() -> None:
    seen = led_to([CODE / name for name in SUPERVISOR_FILES], {*DOORS, "numpy", "psutil"})
    assert {package_of(name) for name in seen} <= {"base", "bus", "config", "power", "processes"}
    assert {name for name in seen if package_of(name) == "config"} <= PLAIN_CONFIG


def test_modules_do_not_import_in_a_circle() -> None:
    graph = {name_of(path): {i for i in imports_of(path, top_only=True) if is_module(i)} for path in files()}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join([*above[above.index(name) :], name])
        if name not in done:
            for imported in graph.get(name, set()) - {name}:
                visit(imported, (*above, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(CODE)))
def test_file_says_what_it_is_and_stays_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "no docstring"
    assert text.count("\n") <= MAX_LINES, "look for the second concept hiding in it"


def test_packages_only_say_what_belongs_inside() -> None:
    wrong = []
    for path in files():
        if path.name == "__init__.py" and package_of(name_of(path)) not in {"web", "cli"}:
            body = ast.parse(path.read_text(encoding="utf-8")).body
            wrong += [str(path.relative_to(ROOT)) for node in body if not isinstance(node, ast.Expr | ast.Assign)]
    assert wrong == []


# Written in pieces, so that this file does not hold what it looks for.
REGISTRIES = ("pypi" + ".org", "python" + "hosted.org", "npmjs" + ".org", "npmjs" + ".com", "registry." + "yarnpkg")
_INDEX = re.compile(r"^\s*(--(extra-)?index-url|--find-links|-i\s)", re.MULTILINE)


def tracked_files() -> list[Path]:
    """What is or would be committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_package_registry() -> None:
    wrong = []
    for path in tracked_files():
        text = path.read_text(encoding="utf-8", errors="ignore")
        named = [host for host in REGISTRIES if host in text]
        if path.suffix in {".txt", ".in"} and _INDEX.search(text):
            named.append("an index address")
        wrong += [f"{path.relative_to(ROOT)}: {what}" for what in named]
    assert wrong == []


def test_requirements_are_pinned_by_hash() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = re.sub(r"\\\n", " ", path.read_text(encoding="utf-8"))
        lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        assert lines
        assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []
