"""What templates may say beside their own text: icons, sizes, times of the house, and the state in the header."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, g, request
from markupsafe import Markup

from vigilar.base.amounts import keep_text, size_text
from vigilar.base.errors import StoreError
from vigilar.store.events import newest_change
from vigilar.web.arm_words import ArmChip, chip_of, find_state
from vigilar.web.auth import asker, cookie_name, has_owner
from vigilar.web.help_places import place_of_code, place_of_problem
from vigilar.web.house import read_mark
from vigilar.web.own_phones import phone_part
from vigilar.web.parts import parts
from vigilar.web.patience import DoesNotAnswerError
from vigilar.web.proving import has_pin
from vigilar.web.rights import Right
from vigilar.web.static_files import load_files
from vigilar.web.tabs import tabs_for
from vigilar.web.times import clock_text, day_text, for_text, iso_text, length_text
from vigilar.web.visible import visible_cameras


def _read_symbols() -> dict[str, Markup]:
    """Each symbol of the icon sheet by its name, drawn where it stands, as ``icon`` in a page that brings it along.
    Empty in a clone whose assets are not built yet."""
    sheet = load_files().get("vendor/icons.svg")
    found = re.findall(r'<symbol id="([^"]+)" viewBox="([^"]+)">(.*?)</symbol>', sheet.data.decode()) if sheet else []
    drawn = '<svg class="icon" viewBox="{}" aria-hidden="true" focusable="false">{}</svg>'
    return {name: Markup(drawn).format(box, Markup(shape)) for name, box, shape in found}  # noqa: S704 -- of ours


def install_template_words(app: Flask) -> None:
    asset: Callable[[str], str] = app.jinja_env.globals["asset"]  # type: ignore[assignment]  # set by static_files

    def icon(name: str) -> Markup:
        """A picture that says nothing by itself: a word always stands beside it."""
        return Markup('<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>').format(
            asset("vendor/icons.svg"), name
        )

    symbols = _read_symbols()
    of_sheet = re.compile(re.escape(icon("NAME")).replace("NAME", '([^"]+)'))

    def with_symbols(caller: Callable[[], Markup]) -> Markup:
        """This part of a page brings the symbols it shows along, each drawn where it stands: a browser asks for a
        symbol of another file once for each place it stands in, and makes a tree of its own for each that is named and
        not drawn, which in a list of more than a hundred took a phone a fifth of its work. Only where no script gives
        a place another symbol (``setIcon``), and in a page that a person opens: what a script fetches names those of
        the sheet, as bytes count there."""
        text = caller()
        if "application/xhtml+xml" not in request.headers.get("Accept", ""):  # browsers ask so for a page
            return text
        return Markup(of_sheet.sub(lambda found: symbols.get(found[1], found[0]), text))  # noqa: S704

    def house_clock(ms: int) -> str:
        return clock_text(ms, parts().zone)

    def house_day(ms: int) -> str:
        return day_text(ms, parts().now_ms(), parts().zone)

    def house_iso(ms: int) -> str:
        return iso_text(ms, parts().zone)

    def header_mark() -> tuple[str, str, str]:
        return read_mark(parts(), visible_cameras(asker()))

    def arm_chip() -> ArmChip:
        return chip_of(find_state(parts()))

    def written_at() -> int | None:
        """The newest change of any event as the page is written; None while the database does not answer."""
        here = parts()
        try:
            return here.rows.ask(lambda: newest_change(here.store))
        except (StoreError, DoesNotAnswerError):
            return None  # whoever asks for the state in the header says so

    def may(right: Right) -> bool:
        return "member" in g and asker().may(right)

    def on_wall() -> bool:
        return "member" in g and asker().is_wall

    def private_shapes(camera_id: str) -> list[list[list[float]]]:
        settings = parts().cameras.settings(camera_id)
        zones = settings.zones if settings is not None else ()
        return [[list(point) for point in zone.points] for zone in zones if zone.role == "private"]

    def cover(camera_id: str) -> Markup:
        """The attribute of what shows the moving picture of a camera with private areas; nothing for others."""
        shapes = private_shapes(camera_id)
        return Markup(' data-cover="{}"').format(json.dumps(shapes)) if shapes else Markup("")

    def with_commands(text: str) -> Markup:
        """A sentence whose commands stand between back ticks, as in a terminal's words."""
        pieces = enumerate(text.split("`"))
        return Markup("").join(Markup("<code>{}</code>").format(one) if at % 2 else one for at, one in pieces)

    def cover_script(camera_ids: Iterable[str]) -> Markup:
        """What puts black shapes over the moving pictures of these cameras, if any has private areas."""
        if not any(private_shapes(one) for one in camera_ids):
            return Markup("")
        return Markup('<script type="module" src="{}"></script>').format(asset("js/cover.js"))

    def add_words() -> dict[str, Any]:
        cfg = parts().cfg
        return {
            "user_name": g.member.name if "member" in g else "",
            "has_owner": has_owner,
            "house_name": cfg.house_name,
            "zone_name": cfg.time_zone,
        }

    app.jinja_env.globals.update(
        icon=icon,
        with_symbols=with_symbols,
        clock=house_clock,
        day=house_day,
        iso=house_iso,
        length=length_text,
        header_mark=header_mark,
        arm_chip=arm_chip,
        written_at=written_at,
        Right=Right,
        may=may,
        on_wall=on_wall,
        has_own_pin=has_pin,
        is_signed_out=lambda: cookie_name() not in request.cookies,
        phone_part=phone_part,
        place_of_code=place_of_code,
        place_of_problem=place_of_problem,
        tabs_for=lambda: tabs_for(asker()),
        cover=cover,
        cover_script=cover_script,
        now_ms=lambda: parts().now_ms(),
    )
    app.jinja_env.filters.update(
        commands=with_commands, size=size_text, lasting=for_text, days=keep_text, lasted=length_text
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.context_processor(add_words)
