"""Pages under bad luck: answers, the event stream, scripts and the processor are late, each time by another while.

``VIGILAR_TEST_CHAOS=answers+stream+network+cpu:7 pytest tests/browser`` gives every page of every test delays drawn
from that seed; fewer kinds may be named. A test that fails so has found a race, in a page or in itself, unless it
measures time. Without the variable nothing of this is done.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

VARIABLE = "VIGILAR_TEST_CHAOS"
KINDS = frozenset({"answers", "stream", "network", "cpu"})

LATE_MS = 1500
"""Longest delay of one answer, or of one message of the stream. Both keep their own order alone."""
NETWORK_MS = 250
"""Of every request, scripts that import scripts among them: each link of that chain waits."""
SLOWER = 5
"""Times slower the page's processor is."""

_SCRIPT = """(() => {
  let seed = %(seed)d;
  const chance = () => ((seed = (seed * 48271) %% 2147483647) / 2147483647);
  // Mostly short, at times long: a delay that is always long keeps the order of things as it was.
  const late = () => (chance() < 0.5 ? chance() * 100 : chance() * %(late)d);
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  if (%(answers)s) {
    const { fetch } = window;
    window.fetch = async (...asked) => {
      const ms = late();
      try {
        return await fetch(...asked);
      } finally {
        await pause(ms);
      }
    };
  }
  if (%(stream)s && window.EventSource) {
    const Real = EventSource;
    window.EventSource = class extends EventTarget {
      static CLOSED = 2;
      #told = Promise.resolve();
      constructor(url) {
        super();
        this.isEnded = false;
        setTimeout(() => this.isEnded || this.begin(url), late());
      }
      begin(url) {
        this.real = new Real(url);
        this.real.onerror = (event) => this.pass(() => this.onerror?.(event));
        for (const name of this.names ?? []) this.hear(name);
      }
      get readyState() { return this.isEnded ? 2 : (this.real?.readyState ?? 0); }
      addEventListener(name, use) {
        super.addEventListener(name, use);
        (this.names ??= new Set()).add(name);
        if (this.real) this.hear(name);
      }
      hear(name) {
        const tell = (data) => this.dispatchEvent(new MessageEvent(name, { data }));
        this.real.addEventListener(name, ({ data }) => this.pass(() => tell(data)));
      }
      pass(act) {
        const due = performance.now() + late() / 3; // each by its own while: many a second do not add up
        this.#told = this.#told.then(() => pause(due - performance.now())).then(() => this.isEnded || act());
      }
      close() {
        this.isEnded = true;
        this.real?.close();
      }
    };
  }
})()"""


def disturb_pages(wish: str) -> None:
    """Every page that a browser of this process opens from now on is disturbed: ``wish`` is the variable's value."""
    wanted, _, seed = wish.rpartition(":")
    kinds = frozenset(wanted.split("+")) if wanted else KINDS
    if unknown := kinds - KINDS:
        raise ValueError(f"{VARIABLE} names {', '.join(sorted(unknown))}; there are {', '.join(sorted(KINDS))}")
    numbers = itertools.count(int(seed) * 1000 + 1)
    slowed: list[tuple[Page, CDPSession]] = []

    def disturbed(page: Page) -> Page:
        asked = {one: str(one in kinds).lower() for one in ("answers", "stream")}
        page.add_init_script(_SCRIPT % {"seed": next(numbers), "late": LATE_MS, **asked})
        session = page.context.new_cdp_session(page)
        if "cpu" in kinds:
            session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        if "network" in kinds:
            session.send("Network.enable")
            slow_down(session)
            slowed.append((page, session))
        return page

    def slow_down(session: CDPSession, *, offline: bool = False) -> None:
        slow = {"offline": offline, "latency": NETWORK_MS, "downloadThroughput": -1, "uploadThroughput": -1}
        session.send("Network.emulateNetworkConditions", slow)

    go_offline = BrowserContext.set_offline

    def set_offline(context: BrowserContext, offline: bool) -> None:
        """Of two who say how the network is the browser takes the one: both say the same."""
        go_offline(context, offline)
        for page, session in slowed:
            if not page.is_closed() and page.context == context:
                slow_down(session, offline=offline)

    def and_disturb(make: Callable[..., Page]) -> Callable[..., Page]:
        return lambda *values, **options: disturbed(make(*values, **options))

    for maker in (Browser, BrowserContext):
        owner: Any = maker
        owner.new_page = and_disturb(maker.new_page)
    owner.set_offline = set_offline


@functools.cache  # both folders of tests with pages ask for it, perhaps in one process
def disturb_pages_if_asked() -> None:
    if wish := os.environ.get(VARIABLE):
        disturb_pages(wish)
