"""Where one can go: the six tabs, and what stands under each of them in the rail of a wide screen.

A page is offered to who may ask for it, as its view declares, and only where this house has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask, current_app, request

from vigilar.web.rights import Declaration, Member, Right, declaration_of

EXTENSION = "vigilar-tabs"


@dataclass(frozen=True, slots=True)
class Tab:
    """A page that one can go to from all others; those under a tab have no ``icon``. ``key`` goes there after ``g``."""

    path: str
    words: str
    icon: str = ""
    key: str = ""
    below: tuple[Tab, ...] = ()


TABS = (
    Tab("/live", "Live", "live", "l", (Tab("/wall", "On the wall"),)),
    Tab("/events", "Events", "events", "e", (
        Tab("/kept", "Kept", key="k"),
        Tab("/pets", "Pets", key="a"),
        Tab("/wildlife", "Wildlife", key="w"),
    )),
    Tab("/reels", "Reels", "play", "r"),
    Tab("/exports", "Exports", "download", "x"),
    Tab("/system", "System", "system", "s", (
        Tab("/sensors", "Sensors"),
        Tab("/presence", "Who is at home"),
        Tab("/system/storage", "Storage"),
        Tab("/system/backup", "Backup"),
        Tab("/system/power", "Power"),
        Tab("/system/keys", "Recording keys"),
    )),
    Tab("/settings", "Settings", "sliders", ",", (
        Tab("/settings/notifications", "Notifications"),
        Tab("/settings/arming", "Arming"),
        Tab("/settings/home-assistant", "Home Assistant"),
        Tab("/settings/reels", "Daily reels"),
        Tab("/settings/members", "Members"),
        Tab("/settings/certificate", "Certificate"),
        Tab("/settings/account", "My account"),
        Tab("/settings/audit", "Who did what"),
        Tab("/help", "Help"),
    )),
)  # fmt: skip


def tabs_for(member: Member) -> list[tuple[Tab, str, list[tuple[Tab, str]]]]:
    """The tabs of this member, each with the value of its ``aria-current`` (empty for none) and the rows under it."""
    pages = _pages(current_app._get_current_object())  # type: ignore[attr-defined]  # werkzeug's proxy has it
    found = []
    for tab in TABS:
        if _may_open(pages, tab, member):
            below = [(one, _mark(one.path)) for one in tab.below if _may_open(pages, one, member)]
            found.append((tab, _mark(tab.path), below))
    return found


def _mark(path: str) -> str:
    return "page" if request.path == path else ""


def _may_open(pages: Mapping[str, Declaration | None], tab: Tab, member: Member) -> bool:
    if tab.path not in pages:
        return False
    declared = pages[tab.path]
    return not isinstance(declared, Right) or member.may(declared)


def _pages(app: Flask) -> Mapping[str, Declaration | None]:
    """By path what the view of each page without names in its address declares; made once, when all views are there."""
    if EXTENSION not in app.extensions:
        app.extensions[EXTENSION] = {
            rule.rule: declaration_of(app.view_functions[rule.endpoint])
            for rule in app.url_map.iter_rules()
            if not rule.arguments and "GET" in (rule.methods or ())
        }
    found: Mapping[str, Declaration | None] = app.extensions[EXTENSION]
    return found
