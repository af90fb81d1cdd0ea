"""Runs both sides over each clip, and adds up what came of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from vigilar.evaluate import debian_motion
from vigilar.evaluate.clip import read_clip
from vigilar.evaluate.ours import Found, watch
from vigilar.evaluate.peer import watch_every_picture
from vigilar.evaluate.score import Score, score
from vigilar.evaluate.truth import ClipTruth

QUIET_SHARE = 0.5
"""A clip counts as quiet when at least this part of it is labelled quiet."""


@dataclass(frozen=True, slots=True)
class Side:
    """One way of looking at one clip."""

    found: Found
    score: Score


@dataclass(frozen=True, slots=True)
class ClipResult:
    """One clip. ``length_s``: of all rounds together. ``peer`` is None when it was not asked for."""

    truth: ClipTruth
    length_s: float
    ours: Side
    peer: Side | None

    @property
    def is_quiet(self) -> bool:
        return self.ours.score.quiet_s >= QUIET_SHARE * self.length_s


@dataclass(frozen=True, slots=True)
class Totals:
    """Over all clips. What needs the peer is None without it, and so is what nothing was measured of."""

    recall: float | None
    peer_recall: float | None
    found: int
    peer_found: int | None
    visits: int
    false_starts: int
    peer_false_starts: int | None
    cpu_ratio: float | None
    cpu_ratio_quiet: float | None
    delay_p50_s: float | None
    delay_p95_s: float | None
    preroll_whole: float | None
    seconds: float


def run_clips(clips: Iterable[ClipTruth], rounds: int, sensitivity: float, *, with_peer: bool) -> Iterator[ClipResult]:
    """One result a clip as it is done. Raises CameraError for a file that is no video."""
    for truth in clips:
        clip = read_clip(truth.path, truth.length_s)
        length_s = clip.length_s

        def side(found: Found, truth: ClipTruth = truth, length_s: float = length_s) -> Side:
            return Side(found, score(found, truth, rounds, length_s))

        ours = side(watch(clip, rounds, truth.role, sensitivity))
        peer = side(watch_every_picture(clip, rounds)) if with_peer else None
        yield ClipResult(truth, rounds * length_s, ours, peer)


def add_up(results: Sequence[ClipResult]) -> Totals:
    """The figures of all clips together."""
    ours = [one.ours.score for one in results]
    peers = [one.peer.score for one in results if one.peer is not None]
    has_peer = bool(results) and len(peers) == len(results)
    delays = sorted(delay for one in ours for delay in one.delays_s)
    found, visits = _sum(ours, lambda one: one.found), _sum(ours, lambda one: one.visits)
    recorded = _sum(ours, lambda one: one.recorded)
    return Totals(
        recall=found / visits if visits else None,
        peer_recall=_sum(peers, lambda one: one.found) / visits if visits and has_peer else None,
        found=found,
        peer_found=_sum(peers, lambda one: one.found) if has_peer else None,
        visits=visits,
        false_starts=_sum(ours, lambda one: one.false_starts),
        peer_false_starts=_sum(peers, lambda one: one.false_starts) if has_peer else None,
        cpu_ratio=_cpu_ratio(results),
        cpu_ratio_quiet=_cpu_ratio([one for one in results if one.is_quiet]),
        delay_p50_s=percentile(delays, 0.5),
        delay_p95_s=percentile(delays, 0.95),
        preroll_whole=_sum(ours, lambda one: one.whole_before) / recorded if recorded else None,
        seconds=sum(one.length_s for one in results),
    )


def _sum(scores: Iterable[Score], value: Callable[[Score], int]) -> int:
    return sum(map(value, scores))


def _cpu_ratio(results: Sequence[ClipResult]) -> float | None:
    peer_s = sum(one.peer.found.cpu_s for one in results if one.peer is not None)
    return sum(one.ours.found.cpu_s for one in results if one.peer is not None) / peer_s if peer_s else None


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The value that ``share`` of the ``ordered`` ones do not exceed; None of none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


@dataclass(frozen=True, slots=True)
class MotionTotals:
    """Debian's ``motion`` over all clips, one round each: its own visits, as it sees each clip once and cold."""

    found: int
    visits: int
    false_starts: int
    delay_p95_s: float | None
    cpu_s: float
    seconds: float


def run_debian_motion(program: str, clips: Sequence[ClipTruth]) -> MotionTotals:
    """All clips through ``program`` side by side, in real time. Raises CameraError for a file that is no video."""
    sides = [debian_motion.Side(truth.path, read_clip(truth.path, truth.length_s)) for truth in clips]
    founds, cpu_s = debian_motion.watch_with_motion(program, sides)
    scores = [
        score(found, truth, 1, side.clip.length_s) for found, truth, side in zip(founds, clips, sides, strict=True)
    ]
    delays = sorted(delay for one in scores for delay in one.delays_s)
    return MotionTotals(
        found=_sum(scores, lambda one: one.found),
        visits=_sum(scores, lambda one: one.visits),
        false_starts=_sum(scores, lambda one: one.false_starts),
        delay_p95_s=percentile(delays, 0.95),
        cpu_s=round(cpu_s, 2),
        seconds=sum(side.clip.length_s for side in sides),
    )
