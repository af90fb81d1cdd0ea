"""How quick looking back is in a browser: for tests and for ``benchmarks.look_back``."""

from __future__ import annotations

from playwright.sync_api import Page


def follow_times(page: Page, from_ms: int, to_ms: int) -> list[float]:
    """Ms from a move of the pointer until the picture of that minute is drawn, shortest first; the strip shows
    [from_ms, to_ms) of a day with a picture each minute."""
    return sorted(page.evaluate(FOLLOW, [from_ms, to_ms]))


def play_time(page: Page, at_ms: int) -> float:
    """Ms from the release at ``at_ms`` until it plays."""
    return float(page.evaluate(RELEASE, at_ms))


FOLLOW = """async ([from, to]) => {
    const strip = document.getElementById("strip");
    const box = strip.getBoundingClientRect();
    const move = (x) => strip.dispatchEvent(
        new PointerEvent("pointermove", { pointerId: 9, pointerType: "mouse", clientX: x, clientY: box.top + 30 }),
    );
    const late = [];
    for (let one = 0; one < 40; one++) {
        const ms = from + ((one * 7919 + 211) % 1440) * 60000 + 30000;
        const began = performance.now();
        move(box.left + ((ms - from) / (to - from)) * box.width);
        const preview = document.getElementById("preview");
        while (!(preview.dataset.ms - preview.dataset.taken < 61000) || preview.hidden) {
            await new Promise((resolve) => setTimeout(resolve, 1));
            if (performance.now() - began > 2000) break;
        }
        late.push(performance.now() - began);
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return late;
}"""
"""Moves over the day; ms until the picture of that minute (not a neighbour from a sheet) is drawn, for each."""

RELEASE = """(ms) => new Promise((resolve) => {
    const video = document.getElementById("past-video");
    const began = performance.now();
    video.addEventListener("playing", () => resolve(performance.now() - began), { once: true });
    const link = document.createElement("a");
    link.dataset.at = String(ms);
    link.href = "#";
    document.getElementById("past").append(link);
    link.click();
})"""
"""Goes to ``ms`` as a release of the finger does; ms until it plays."""
