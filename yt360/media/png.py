"""Writes pictures as PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360.files import atomic_write


def encode_png(picture: NDArray[Any]) -> bytes:
    """A picture ``(H, W, 3)`` RGB or ``(H, W)`` gray, uint8 or uint16, as PNG; :class:`ValueError` for any other."""
    try:
        good, data = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]) if picture.ndim == 3 else picture)
    except cv2.error as error:
        raise ValueError(f"a picture of {picture.dtype} {picture.shape} cannot be a PNG: {error}") from error
    if not good:
        raise ValueError(f"a picture of {picture.dtype} {picture.shape} cannot be a PNG")
    return bytes(data.tobytes())


def write_png(path: Path, picture: NDArray[Any]) -> None:
    """Write ``path`` in one step; pictures as for :func:`encode_png`. Raises :class:`OSError` where that fails."""
    data = encode_png(picture)
    atomic_write(path, lambda partial: partial.write_bytes(data))
