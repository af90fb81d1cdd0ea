"""``vigilar evaluate``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.cli.options import with_json
from vigilar.cli.output import print_json, print_table, tell
from vigilar.evaluate.debian_motion import find_motion
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
@with_json
def evaluate(
    folder: Path, names: tuple[str, ...], rounds: int, sensitivity: float, peer: bool, motion: bool, as_json: bool
) -> int:
    """Measure what would be found in the clips of DIR, which says in groundtruth.json what is to be seen in them.

    Runs what a camera's process runs, as fast as it goes, and beside it OpenCV's MOG2 on every picture. Changes
    nothing, and needs no house.
    """
    truth = _chosen(read_truth(folder), names)
    results = []
    for result in run_clips(truth.clips, rounds, sensitivity, with_peer=peer):
        results.append(result)
        tell(f"{len(results)} of {len(truth.clips)}: {result.truth.name}")
    totals = add_up(results)
    program = find_motion() if motion else None
    debian = run_debian_motion(program, truth.clips) if program and truth.clips else None
    if as_json:
        print_json(_facts(results, totals, debian))
    else:
        print_table([_HEADER, *(_row(one) for one in results)])
        print()
        print("\n".join(_sentences(totals, debian)))
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


def _facts(results: list[ClipResult], totals: Totals, debian: MotionTotals | None) -> dict[str, Any]:
    return {
        "clips": {one.truth.name: _clip_facts(one) for one in results},
        "all": {**asdict(totals), "labels": None},
        "debian_motion": asdict(debian) if debian else None,
        "images": {"labels": None, "empty_with_find": None},
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
        "labels": None,
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


def _sentences(totals: Totals, debian: MotionTotals | None) -> list[str]:
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
    return lines
