"""Plans of movies are kept while somebody plays them, and let go afterwards."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

from vigilar.web.movie_cache import MovieCache


def a_plan() -> Any:
    return SimpleNamespace(memory_bytes=1)


def never() -> Any:
    raise AssertionError("it is made anew")


def test_plan_is_let_go_when_nobody_asks_for_it_any_more() -> None:
    now = [0.0]
    cache = MovieCache(lambda: now[0], kept_s=3600.0)
    played, paused = cache.get("played", a_plan), cache.get("paused", a_plan)
    now[0] = 3000.0
    assert cache.get("played", never) is played
    now[0] = 3600.0
    cache.forget_old()
    assert cache.get("played", never) is played
    assert cache.get("paused", a_plan) is not paused


def test_one_that_is_being_made_is_not_let_go() -> None:
    now = [0.0]
    cache = MovieCache(lambda: now[0], kept_s=3600.0)

    def make_slowly() -> Any:
        now[0] = 9999.0
        cache.forget_old()
        return a_plan()

    made = cache.get("long", make_slowly)
    assert cache.get("long", never) is made


def test_timer_lets_go_by_itself() -> None:
    let_go = threading.Event()

    class Told:
        memory_bytes = 1

        def __del__(self) -> None:
            let_go.set()

    make: Any = Told
    MovieCache(kept_s=0.05).get("clip", make)
    assert let_go.wait(30)
