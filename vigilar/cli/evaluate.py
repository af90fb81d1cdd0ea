"""``vigilar evaluate``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.base.models_folder import FOLDER
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import print_json, print_table, tell
from vigilar.config.places import Places
from vigilar.detect.objects.model import open_model
from vigilar.detect.objects.model_folder import ModelFolder
from vigilar.evaluate.debian_motion import find_motion
from vigilar.evaluate.labels import Rate, Tallies, name_clips, name_pictures
from vigilar.evaluate.trial import ClipResult, MotionTotals, Totals, add_up, run_clips, run_debian_motion
from vigilar.evaluate.truth import Truth, read_truth

SHOWN_DELAYS = 8


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--clip", "names", multiple=True, metavar="NAME", help="Only this clip (several times for several).")
@click.option(
    "--rounds", type=click.IntRange(1, 100), default=2, show_default=True, help="Each clip is played so often."
)
@click.option("--sensitivity", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="As in the settings.")
@click.option("--peer/--no-peer", default=True, help="Whether plain MOG2 looks at every picture beside it.")
@click.option(
    "--motion/--no-motion",
    default=True,
    help="Whether Debian's motion, if installed, sees each clip once. It takes as long as the longest clip.",
)
@click.option("--labels/--no-labels", default=True, help="Whether the model in use names what comes.")
@with_places
@with_json
def evaluate(
    folder: Path,
    names: tuple[str, ...],
    rounds: int,
    sensitivity: float,
    peer: bool,
    motion: bool,
    labels: bool,
    places: Places,
    as_json: bool,
) -> int:
    """Measure what would be found in the clips of DIR, which says in groundtruth.json what is to be seen in them.

    Runs what a camera's process runs, as fast as it goes, and beside it OpenCV's MOG2 on every picture. What comes is
    named by the model that is installed (`vigilar models`), if any. Changes nothing, and needs no running house.
    """
    truth = _chosen(read_truth(folder), names)
    results = []
    for result in run_clips(truth.clips, rounds, sensitivity, with_peer=peer):
        results.append(result)
        tell(f"{len(results)} of {len(truth.clips)}: {result.truth.name}")
    totals = add_up(results)
    program = find_motion() if motion else None
    debian = run_debian_motion(program, truth.clips) if program and truth.clips else None
    named = _name(truth, sensitivity, places) if labels else None
    if as_json:
        print_json(_facts(results, totals, debian, named))
    else:
        print_table([_HEADER, *(_row(one) for one in results)])
        print()
        print("\n".join(_sentences(totals, debian, named)))
    return ExitCode.OK


def _chosen(truth: Truth, names: tuple[str, ...]) -> Truth:
    if not names:
        return truth
    wanted = {name.removesuffix(".mp4") for name in names}
    clips = tuple(one for one in truth.clips if one.name.removesuffix(".mp4") in wanted)
    missing = wanted - {one.name.removesuffix(".mp4") for one in clips}
    if missing:
        raise VigilarError(
            f"There is no clip {', '.join(sorted(missing))} in groundtruth.json.",
            next_step=f"There are: {', '.join(one.name for one in truth.clips)}",
            exit_code=ExitCode.NOT_FOUND,
        )
    return Truth(clips, ())


@dataclass(frozen=True, slots=True)
class _Names:
    """What the model made of it: rates by kind. ``clips`` by their names; ``day`` of those in colour."""

    model: str
    all: dict[str, Rate]
    day: dict[str, Rate]
    infrared: dict[str, Rate]
    clips: dict[str, dict[str, Rate]]
    pictures: dict[str, Rate]
    empty_with_find: int


def _name(truth: Truth, sensitivity: float, places: Places) -> _Names | None:
    """None where no model is installed."""
    installed = ModelFolder(places.data_dir / FOLDER).find_in_use()
    if installed is None:
        tell("No model is installed, so nothing is named: vigilar models install")
        return None
    model, tallies = open_model(installed.file, installed.manifest), Tallies()
    clips = {}
    for name, rates in name_clips(truth.clips, sensitivity, model, tallies):
        clips[name] = rates
        tell(f"named: {name}")
    pictures, empty = name_pictures(truth.pictures, model)
    light = tallies.all.rates(), tallies.day.rates(), tallies.infrared.rates()
    return _Names(installed.manifest.name, *light, clips, pictures, empty)


def _rates(rates: dict[str, Rate] | None) -> dict[str, Any] | None:
    return None if rates is None else {kind: asdict(rate) for kind, rate in rates.items()}


def _facts(
    results: list[ClipResult], totals: Totals, debian: MotionTotals | None, named: _Names | None
) -> dict[str, Any]:
    return {
        "clips": {
            one.truth.name: {
                **_clip_facts(one),
                "labels": _rates(named.clips.get(one.truth.name)) if named else None,
            }
            for one in results
        },
        "all": {
            **asdict(totals),
            "labels": _rates(named.all if named else None),
            "labels_day": _rates(named.day if named else None),
            "labels_infrared": _rates(named.infrared if named else None),
        },
        "model": named.model if named else None,
        "debian_motion": asdict(debian) if debian else None,
        "images": {
            "labels": _rates(named.pictures) if named else None,
            "empty_with_find": named.empty_with_find if named else None,
        },
    }


def _clip_facts(result: ClipResult) -> dict[str, Any]:
    ours, peer = result.ours, result.peer
    return {
        "recall": ours.score.recall,
        "found": ours.score.found,
        "events": ours.score.visits,
        "false_starts": ours.score.false_starts,
        "delays_s": [round(one, 2) for one in ours.score.delays_s],
        "start_errors_s": [round(one, 2) for one in ours.score.start_errors_s],
        "preroll_whole": ours.score.whole_before,
        "motions": [
            {"start_s": round(one.start_s, 2), "end_s": round(one.end_s, 2), "known_s": round(one.known_s, 2)}
            for one in ours.found.motions
        ],
        "mcore": _mcore(ours.found.cpu_s, result.length_s),
        "decoded": round(ours.found.decoded / ours.found.packets, 3),
        "looks_per_s": round(ours.found.looks / result.length_s, 2),
        "peer_found": peer.score.found if peer else None,
        "peer_false_starts": peer.score.false_starts if peer else None,
        "peer_mcore": _mcore(peer.found.cpu_s, result.length_s) if peer else None,
    }


def _mcore(cpu_s: float, length_s: float) -> float:
    """Thousandths of a core that a camera of this kind would take."""
    return round(cpu_s / length_s * 1000, 1)


_HEADER = (
    "clip",
    "found",
    "false",
    "delay s",
    "before",
    "looks/s",
    "decoded",
    "mcore",
    "MOG2 found",
    "false",
    "mcore",
    "ratio",
)


def _row(result: ClipResult) -> tuple[str, ...]:
    ours, peer = result.ours, result.peer
    delays = " ".join(f"{one:.1f}" for one in ours.score.delays_s[:SHOWN_DELAYS])
    theirs = ("-", "-", "-", "-")
    if peer is not None:
        theirs = (
            f"{peer.score.found}/{peer.score.visits}",
            str(peer.score.false_starts),
            f"{_mcore(peer.found.cpu_s, result.length_s):.1f}",
            f"{ours.found.cpu_s / peer.found.cpu_s:.2f}",
        )
    return (
        result.truth.name.removesuffix(".mp4"),
        f"{ours.score.found}/{ours.score.visits}",
        str(ours.score.false_starts),
        delays or "-",
        f"{ours.score.whole_before}/{ours.score.recorded}",
        f"{ours.found.looks / result.length_s:.1f}",
        f"{ours.found.decoded / ours.found.packets:.0%}",
        f"{_mcore(ours.found.cpu_s, result.length_s):.1f}",
        *theirs,
    )


def _sentences(totals: Totals, debian: MotionTotals | None, named: _Names | None) -> list[str]:
    peer = totals.peer_found is not None
    lines = [
        f"Found {totals.found} of {totals.visits} visits"
        + (f"; MOG2 on every picture {totals.peer_found}." if peer else "."),
        f"False starts {totals.false_starts}" + (f"; MOG2 {totals.peer_false_starts}." if peer else "."),
    ]
    if totals.delay_p95_s is not None:
        lines.append(f"Known after {totals.delay_p50_s:.2f} s, 95 of 100 within {totals.delay_p95_s:.2f} s.")
    if totals.preroll_whole is not None:
        lines.append(f"The 5 s before are whole in {totals.preroll_whole:.0%} of the found visits.")
    if totals.cpu_ratio is not None:
        quiet = f"; {totals.cpu_ratio_quiet:.2f} where at least half is quiet" if totals.cpu_ratio_quiet else ""
        lines.append(f"Processor time {totals.cpu_ratio:.2f} of MOG2's{quiet}.")
    if debian is not None:
        lines.append(
            f"Debian's motion, one round: found {debian.found} of {debian.visits}, false starts {debian.false_starts}, "
            f"{debian.cpu_s / debian.seconds * 1000:.1f} thousandths of a core."
        )
    if named is not None:
        lines.append(f"Named by {named.model}.")
        lines += [f"Visits by day, {_rate_words(kind, rate)}." for kind, rate in named.day.items()]
        lines += [f"Visits in infrared light, {_rate_words(kind, rate)}." for kind, rate in named.infrared.items()]
        lines += [f"Pictures, {_rate_words(kind, rate)}." for kind, rate in named.pictures.items()]
        lines.append(f"Empty pictures with a find: {named.empty_with_find}.")
    return lines


def _rate_words(kind: str, rate: Rate) -> str:
    right = "none told" if rate.precision is None else f"{rate.precision:.0%} of {rate.told} told are right"
    found = "none there" if rate.recall is None else f"{rate.recall:.0%} of {rate.there} found"
    return f"{kind}: {right}, {found}"
