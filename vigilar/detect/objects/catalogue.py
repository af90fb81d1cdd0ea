"""The models that can be installed by name."""

from __future__ import annotations

from pathlib import Path

from vigilar.base.errors import ErrorKind
from vigilar.detect.objects.detection import ObjectKind
from vigilar.detect.objects.manifest import ModelError, ModelManifest

BUNDLED = Path(__file__).parent / "bundled"
"""What comes with Vigilar: each model with its manifest beside it."""

DRAWN_NAME = "drawn-scenes"
"""The project's own tiny network, made for the drawn scenes of the demo house and for nothing else."""

_COCO = {
    0: ObjectKind.PERSON,
    2: ObjectKind.VEHICLE,  # car
    3: ObjectKind.VEHICLE,  # motorbike
    5: ObjectKind.VEHICLE,  # bus
    7: ObjectKind.VEHICLE,  # truck
    14: ObjectKind.BIRD,
    15: ObjectKind.CAT,
    16: ObjectKind.DOG,
    17: ObjectKind.ANIMAL,  # horse
    18: ObjectKind.ANIMAL,  # sheep
    19: ObjectKind.ANIMAL,  # cow
    20: ObjectKind.ANIMAL,  # elephant: what a model of COCO calls some deer and boars
    21: ObjectKind.ANIMAL,  # bear
    22: ObjectKind.ANIMAL,  # zebra
    23: ObjectKind.ANIMAL,  # giraffe
}
"""COCO's classes, numbered as its detectors do. A bicycle is left out: alone it stands, and with somebody on it that
is who matters."""

_FROM_ABOVE = {67: ObjectKind.VEHICLE}
"""COCO shows cars from the street. From above a car is a slab with rounded corners and dark glass, which a network of
COCO surely takes for the slab that it knows: a mobile phone. Of ten clips none but that of a drive seen from above has
one in more than two looks."""

_ZOO = (
    "https://media.githubusercontent.com/media/opencv/opencv_zoo/966be4cb6eefc2a4f586ed0581bf4bbaa2533070"
    "/models/object_detection_yolox/"
)

CATALOGUE: tuple[ModelManifest, ...] = (
    ModelManifest(
        name="yolox-s",
        title="YOLOX-S of OpenCV's model collection: finds most, and needs most of the processor",
        licence="Apache-2.0",
        file="yolox-s.onnx",
        size_bytes=35_858_002,
        sha256="c5c2d13e59ae883e6af3b45daea64af4833a4951c92d116ec270d9ddbe998063",
        source=_ZOO + "object_detection_yolox_2022nov.onnx",
        width=640,
        height=640,
        kinds=_COCO,
        from_above=_FROM_ABOVE,
    ),
    ModelManifest(
        name="yolox-s-int8",
        title="YOLOX-S with weights of 8 bits: a quarter of the download",
        licence="Apache-2.0",
        file="yolox-s-int8.onnx",
        size_bytes=9_744_418,
        sha256="dcaae0aaa2fea4167f89235ee340eb869d3707b25712218d4c7ce921ac90e2ba",
        source=_ZOO + "object_detection_yolox_2022nov_int8bq.onnx",
        width=640,
        height=640,
        kinds=_COCO,
        from_above=_FROM_ABOVE,
    ),
    ModelManifest(
        name="yolox-nano",
        title="YOLOX-Nano: for small boxes",
        licence="Apache-2.0",
        file="yolox-nano.onnx",
        size_bytes=3_660_092,
        sha256="695e750a5d5754bb5a8d5325643b59282191a7e7a564e435a415fd3c578eab14",
        source="",  # no address is known that will keep these bytes
        width=416,
        height=416,
        kinds=_COCO,
        from_above=_FROM_ABOVE,
    ),
)
"""In the order of what they can do."""

DEFAULT_NAME = "yolox-s-int8"
"""What is named to somebody who has none."""


def bundled_models() -> tuple[ModelManifest, ...]:
    """The models that come with Vigilar. Raises ModelError when the installation is damaged."""
    try:
        return tuple(ModelManifest.parse(file.read_text(encoding="utf-8")) for file in sorted(BUNDLED.glob("*.json")))
    except OSError as error:
        raise ModelError(f"{BUNDLED} cannot be read: {error.strerror}", kind=ErrorKind.CORRUPT) from error


def all_models() -> tuple[ModelManifest, ...]:
    return CATALOGUE + bundled_models()


def find_by_name(name: str) -> ModelManifest | None:
    return next((one for one in all_models() if one.name == name), None)


def find_by_sha256(sha256: str) -> ModelManifest | None:
    return next((one for one in all_models() if one.sha256 == sha256), None)
