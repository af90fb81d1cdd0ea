"""``vigilar storage``: what recordings take, how long they will last, what went, and deleting by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, tzinfo

import click

from vigilar.base.amounts import size_text
from vigilar.base.clock import SystemClock
from vigilar.base.errors import ConfigError, ExitCode, VigilarError
from vigilar.base.folder_id import find_folder_id
from vigilar.base.keep_rules import KeepRules
from vigilar.base.stop import Stop
from vigilar.cli.lazy import LazyGroup
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import house_time, print_json, print_table, tell
from vigilar.cli.times import house_zone
from vigilar.config.cut import database_url, keep_rules
from vigilar.config.load import load_config
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.config.values import parse_keep, parse_size, read_value
from vigilar.store.deletions import KeptAround
from vigilar.store.sql import Database
from vigilar.store.sqlite_store import open_database
from vigilar.upkeep.holdings import check_own_folder, read_holdings, read_space
from vigilar.upkeep.keeper import WHY_WORDS, Keeper, KeeperSettings, held_back_sentence
from vigilar.upkeep.overview import Overview, overview_json, read_overview
from vigilar.upkeep.plan import Holdings, Plan, Space, make_plan
from vigilar.upkeep.remover import Remover

_COMMANDS = {
    "show": ("vigilar.cli.storage:show", "What recordings take, and what was deleted and why."),
    "forecast": ("vigilar.cli.storage:forecast", "How long recordings will stay."),
    "prune": ("vigilar.cli.storage:prune", "Delete what is beyond the rules now, or try other rules."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def storage() -> None:
    """What recordings take and how long they last."""


@click.command()
@with_places
@with_json
def show(places: Places, as_json: bool) -> int:
    """What recordings take, what the rules are, and what was deleted and why."""
    config = load_config(places)
    found, zone = _overview(config, places), house_zone(config)
    if as_json:
        print_json(overview_json(found))
        return ExitCode.OK
    used, total, free = size_text(found.used_bytes), size_text(found.space.total_bytes), found.space.free_bytes
    print(f"{used} of recordings on a disk of {total}, {size_text(free)} free, {size_text(found.kept_bytes)} kept.")
    if found.film_bytes:
        print(f"{size_text(found.film_bytes)} of reels and time-lapses.")
    print(_rules_sentence(found))
    print(found.forecast.sentence)
    if found.cameras:
        print_table(
            (f"  {one.id}", size_text(one.size_bytes), _since(one.oldest_ms, zone), _a_day(one.bytes_per_day))
            for one in found.cameras
        )
    for one in found.plan.held_back:
        print(f"! {held_back_sentence(one)} Say it with: vigilar storage prune --yes")
    if found.trail:
        print("Deleted lately:")
        print_table(
            (
                f"  {house_time(one.last_ms, zone)[:10]}",
                one.camera_id,
                size_text(one.size_bytes),
                f"{house_time(one.from_ms, zone)} to {house_time(one.to_ms, zone)}",
                WHY_WORDS[one.why],
            )
            for one in found.trail[:20]
        )
    return ExitCode.OK


@click.command()
@with_places
@with_json
def forecast(places: Places, as_json: bool) -> int:
    """How long recordings will stay, from what came in the last days."""
    config = load_config(places)
    found = _overview(config, places)
    if as_json:
        told = overview_json(found)
        print_json({"forecast": told["forecast"], "cameras": told["cameras"]})
        return ExitCode.OK
    print(found.forecast.sentence)
    if found.cameras:
        print_table((f"  {one.id}", _a_day(one.bytes_per_day), _days(one.days)) for one in found.cameras)
    return ExitCode.OK


@click.command()
@click.option("--keep", help='Delete as if this were set, such as "14d".')
@click.option("--quota", help='Delete as if this were set, such as "100 GB".')
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Also more than half of all, and by other rules than those of the settings.")
@with_places
@with_json
def prune(places: Places, keep: str | None, quota: str | None, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Delete now what is beyond the rules: those of the settings, or --keep and --quota in their place.

    Footage of kept events stays in every case. Ends with 14 if it needs --yes and does not have it.
    """
    config = load_config(places)
    rules = keep_rules(config)
    asked = _asked_rules(rules, keep, quota)
    with _opened(config, places) as (store, node_id):
        now_ms = time.time_ns() // 1_000_000
        held = read_holdings(store, node_id, asked, now_ms)
        space = read_space(places.data_dir, asked)
        plan = make_plan(held, asked, space, now_ms, held.total_bytes, is_asked=True)
        needs_word = plan.is_worded or asked != rules
        if dry_run:
            _tell_plan(plan, held, zone=house_zone(config), is_done=False, as_json=as_json)
            if plan.going and needs_word and not as_json:
                print("Without --dry-run it needs --yes: more than half would go, or it is not what the settings say.")
            return ExitCode.OK
        if plan.going and needs_word and not yes:
            _tell_plan(plan, held, zone=house_zone(config), is_done=False, as_json=as_json)
            raise VigilarError(
                "This is more than half of all recordings, or other than the settings say.",
                next_step="Add --yes if that is what you want.",
                exit_code=ExitCode.REFUSED,
            )
        if needs_word:
            plan = replace(plan, going=tuple(replace(one, why="owner") for one in plan.going))
        _carry_out(store, places, node_id, asked, plan, space)
    _tell_plan(plan, held, zone=house_zone(config), is_done=True, as_json=as_json)
    return ExitCode.OK


def _overview(config: Config, places: Places) -> Overview:
    with _opened(config, places) as (store, node_id):
        now_ms = time.time_ns() // 1_000_000
        offset = datetime.now(house_zone(config)).utcoffset()
        offset_ms = 0 if offset is None else round(offset.total_seconds() * 1000)
        return read_overview(store, places.data_dir, node_id, keep_rules(config), now_ms, offset_ms)


@contextmanager
def _opened(config: Config, places: Places) -> Iterator[tuple[Database, str]]:
    """The database, and the id of this box."""
    with closing(open_database(database_url(config, places))) as store:
        yield store, find_folder_id(places.data_dir) or ""


def _asked_rules(rules: KeepRules, keep: str | None, quota: str | None) -> KeepRules:
    """``rules`` with what was asked for in place of what is set."""
    if keep is not None:
        cameras = tuple(replace(one, keep_ms=None) for one in rules.cameras)
        rules = replace(rules, keep_ms=_read(parse_keep, keep, "--keep"), cameras=cameras)
    if quota is not None:
        rules = replace(rules, quota_bytes=_read(parse_size, quota, "--quota"))
    return rules


def _read(parse: Callable[[str], int], text: str, option: str) -> int:
    try:
        return read_value(parse, text, option)
    except ConfigError as error:
        raise click.UsageError(str(error)) from error


def _carry_out(store: Database, places: Places, node_id: str, rules: KeepRules, plan: Plan, space: Space) -> None:
    """As the upkeep process does it; both may do so at once."""
    settings, clock, around = (
        KeeperSettings(places.data_dir, node_id),
        SystemClock(),
        KeptAround(rules.before_ms, rules.after_ms),
    )
    keeper = Keeper(settings, rules, store, clock, lambda *_: None, Stop())
    remover = Remover(
        store, places.data_dir, node_id, around, clock, lambda: check_own_folder(places.data_dir, node_id)
    )
    remover.finish_pending()
    keeper.carry_out(plan, remover, around, space)


def _tell_plan(plan: Plan, held: Holdings, *, zone: tzinfo, is_done: bool, as_json: bool) -> None:
    videos = [one.video for one in plan.going]
    kept = sum(held.kept.holds(one.id, one.camera_id, one.start_ms, one.end_ms) for one in held.videos)
    cameras = sorted({one.camera_id for one in videos})
    first, last = min((one.start_ms for one in videos), default=None), max((one.end_ms for one in videos), default=None)
    if as_json:
        print_json(
            {
                "is_done": is_done,
                "bytes": plan.size_bytes,
                "files": len(videos),
                "from": first,
                "to": last,
                "cameras": cameras,
                "kept_files": kept,
                "needs_word": plan.is_worded,
            }
        )
        return
    stay = f" {kept} kept {'recording stays' if kept == 1 else 'recordings stay'}." if kept else ""
    if first is None or last is None:
        tell(f"Nothing is beyond the rules.{stay}")
        return
    noun = "camera" if len(cameras) == 1 else "cameras"
    span = f"{house_time(first, zone)} to {house_time(last, zone)}, {len(cameras)} {noun}"
    head, end = ("Deleted", "") if is_done else ("Would delete", " Nothing was changed.")
    print(f"{head} {size_text(plan.size_bytes)}, {span}.{stay}{end}")


def _rules_sentence(found: Overview) -> str:
    words = [f"{size_text(found.space.reserve_bytes)} stay free"]
    if found.rules.quota_bytes is not None:
        words.insert(0, f"at most {size_text(found.rules.quota_bytes)}")
    if found.rules.keep_ms is not None:
        words.insert(0, f"kept {found.rules.keep_ms / 86_400_000:g} days")
    sentence = ", ".join(words)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _since(oldest_ms: int | None, zone: tzinfo) -> str:
    return "" if oldest_ms is None else f"since {house_time(oldest_ms, zone)}"


def _a_day(bytes_per_day: int | None) -> str:
    return "nothing lately" if bytes_per_day is None else f"{size_text(bytes_per_day)} a day"


def _days(days: float | None) -> str:
    return "not known" if days is None else f"kept {days:.1f} days"
