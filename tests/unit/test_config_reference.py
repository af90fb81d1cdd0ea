"""What is shown of the configuration is true: the reference page, the schema, the effective values."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from vigilar.config.explain import keys_of, table_at
from vigilar.config.load import parse_config
from vigilar.config.models import Camera, Config
from vigilar.config.reference import dump_effective, effective, json_schema, reference_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ref" / "configuration.md"
TEXT = b"""
[recording]
mode = "motion"
segment = "90s"
[storage]
quota = "1500 GB"
keep = "30d"
[detect]
sensitivity = 0.3
[[camera]]
name = "Front door"
address = "rtsp://10.0.0.7/x"
login = "secret:front-door"
sensitivity = "high"
"""


def all_keys() -> list[tuple[str, str]]:
    tables = {key: table for key in keys_of(Config) if (table := table_at((key,)))}
    within = {f"camera.{key}": table for key in keys_of(Camera) if (table := table_at(("camera", key)))}
    tables |= within
    return [(name, key) for name, table in tables.items() for key in keys_of(table) if f"{name}.{key}" not in within]


def test_reference_page_is_the_one_made_from_the_models() -> None:
    """Make it anew with ``python -m vigilar.config.reference > docs/ref/configuration.md``."""
    assert PAGE.read_text(encoding="utf-8") == reference_page()


def test_reference_page_has_every_key_with_its_default() -> None:
    sections = {part.split("\n", 1)[0].strip("`[]"): part for part in PAGE.read_text(encoding="utf-8").split("\n## ")}
    defaults = effective(Config())
    for table, key in all_keys():
        row = next(line for line in sections[table].splitlines() if line.startswith(f"| `{key}` |"))
        _, _, takes, default, meaning, _ = (cell.strip() for cell in row.split(" | ".strip()))
        assert takes
        assert meaning
        if key in defaults.get(table, {}) and default.startswith("`"):
            assert tomllib.loads(f"x = {default.strip('`')}")["x"] == defaults[table][key]


def test_schema_knows_every_key_and_its_default() -> None:
    schema = json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    for table, key in all_keys():
        definition = definitions[table.rpartition(".")[2].title().replace("_", "")]
        found = definition["properties"][key]
        assert found["description"]
        assert "default" in found or key in definition["required"]
    assert definitions["Recording"]["properties"]["before"]["default"] == "5s"
    assert definitions["Detect"]["properties"]["sensitivity"]["default"] == "normal"
    assert definitions["Camera"]["additionalProperties"] is False


def test_effective_values_show_what_cameras_take_over() -> None:
    shown = effective(parse_config(TEXT, "v"))
    assert shown["recording"]["segment"] == "90s"
    assert shown["detect"]["sensitivity"] == 0.3
    assert shown["storage"] == {"database_url": "", "quota": "1.5 TB", "keep": "30d", "keep_alarms": "90d"}
    assert shown["camera"] == [
        {
            "name": "Front door",
            "id": "front-door",
            "address": "rtsp://10.0.0.7/x",
            "login": "secret:front-door",
            "transport": "tcp",
            "allow_public": False,
            "max_rate": "50 Mbit/s",
            "record": "motion",
            "sensitivity": "high",
            "keep": "30d",
            "sound": True,
            "indoor": False,
            "enabled": True,
        }
    ]


def test_shown_configuration_reads_back_the_same() -> None:
    config = parse_config(TEXT, "v")
    again = parse_config(dump_effective(config).encode(), "shown")
    assert effective(again) == effective(config)
    assert parse_config(dump_effective(Config()).encode(), "shown") == Config()
