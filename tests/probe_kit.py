"""What the test of a camera says, for tests of the pages that do without one."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from vigilar.web.probe import CameraProbe, ProbeWish, Tell


def stage(name: str, detail: str, *, ok: bool = True, ms: int = 12) -> dict[str, Any]:
    return {"name": name, "ok": ok, "ms": ms, "detail": detail}


def said(sentence: str, *, ok: bool = True, code: str = "", next_step: str = "", **more: Any) -> dict[str, Any]:
    """A whole report, ``more`` of it as ``ProbeReport.dump`` has it."""
    report: dict[str, Any] = {"stages": [], "notes": [], "card": None, "address": "", "small": "", "refused_logins": 0}
    return {**report, "ok": ok, "code": code, "sentence": sentence, "next_step": next_step, **more}


def saying(report: dict[str, Any], stages: Sequence[dict[str, Any]] = (), picture: bytes = b"") -> CameraProbe:
    """A probe that tells of ``stages`` and a picture, and then says ``report``."""

    def probe(_wish: ProbeWish, tell: Tell) -> dict[str, Any]:
        for one in stages:
            tell({"stage": one})
        if picture:
            tell({"picture": base64.b64encode(picture).decode()})
        return {**report, "stages": list(stages)}

    return probe
