"""An answer of the house that comes late: what a page does meanwhile, and what it makes of it then."""

from __future__ import annotations

from playwright.sync_api import APIResponse, Page, Route


class HeldBack:
    """Holds back the next answer to an address of a page (a pattern of Playwright's); later ones pass.

    The page's window has no worker (``service_workers="block"``): under one, requests may pass unseen.
    """

    def __init__(self, page: Page, pattern: str) -> None:
        self._page, self._held = page, list[tuple[Route, APIResponse]]()
        self._has_met = False
        page.route(pattern, self._meet)

    def _meet(self, route: Route) -> None:
        if self._has_met:
            route.continue_()
            return
        self._has_met = True  # at once: others may be asked for while the house answers this one
        self._held.append((route, route.fetch()))

    def wait(self) -> None:
        """Until the house has answered; the browser goes on meanwhile."""
        for _ in range(1000):
            if self._held:
                return
            self._page.wait_for_timeout(20)
        raise AssertionError("nothing was asked")

    def let_go(self) -> APIResponse:
        """The page has the answer, and had time to do something with it."""
        route, answer = self._held[0]
        with self._page.expect_event("requestfinished", lambda request: request == route.request):
            route.fulfill(response=answer)
        self._page.wait_for_timeout(200)
        return answer

    def lose(self) -> None:
        """The answer never arrives: the network is gone. The page had time to do something with that."""
        route, _ = self._held[0]
        with self._page.expect_event("requestfailed", lambda request: request == route.request):
            route.abort()
        self._page.wait_for_timeout(200)
