"""How the cat or dog on a picture looks, taken where the picture is decoded: nobody else opens it for that."""

from __future__ import annotations

from vigilar.detect.objects.detection import Detection, ObjectKind
from vigilar.detect.pictures import PictureLike
from vigilar.pets.look import MOST, look_of, room_around

PETS = frozenset({ObjectKind.CAT, ObjectKind.DOG})


def look_at(picture: PictureLike, found: Detection) -> bytes:
    """The numbers of ``pets.match``; empty for what is no cat or dog, or is too small to be told from others."""
    if found.kind not in PETS:
        return b""
    box = found.box
    part, inner = room_around((box.left, box.top, box.right, box.bottom))
    size_px = round(min(box.width * picture.shown[0], box.height * picture.shown[1]))
    look = look_of(picture.crop_bgr(part, MOST), inner, size_px)
    return look.dump() if look is not None else b""
