"""Whether a picture has no colour: infrared light, or a camera that sends grey. Pure."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SMALL = (24, 24)
"""It is looked at so small: what compression leaves of the grey of single pixels averages out."""

MOST_SPREAD = 2.5
"""Between the strongest and the weakest of blue, green and red, in levels of 255. Of what cameras send at night 0 to 2
(three clips; the conversion of pictures adds up to 2), by day 9 and more; a bare grey yard with a white car 2 to 4."""

SHARE = 0.75
"""Of this part of the picture: a maker's coloured logo, a clock, the eyes of a cat are not the scene."""


def is_grey(picture: NDArray[np.uint8]) -> bool:
    """``picture``: HxW, or HxWx3 BGR. A black one is grey."""
    if picture.ndim == 2:
        return True
    small = cv2.resize(picture, SMALL, interpolation=cv2.INTER_AREA)
    spread = small.max(axis=2) - small.min(axis=2)
    return float(np.quantile(spread, SHARE)) <= MOST_SPREAD
