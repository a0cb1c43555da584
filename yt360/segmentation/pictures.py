"""Ordinary pictures from a folder."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from yt360.errors import ItemError, UsageError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")

_MOST_PIXELS = 1 << 27


def list_pictures(folder: Path) -> list[Path]:
    """Pictures in a folder and its subfolders, in order of their names."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: expected a folder of pictures, found {'a file' if folder.exists() else 'nothing'}")
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in EXTENSIONS and p.is_file())
    if not found:
        raise UsageError(f"{folder}: expected pictures ({', '.join(EXTENSIONS)}), found none")
    return found


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A picture ``(H, W, 3)`` RGB, turned as its EXIF says.

    Raises :class:`ItemError` (``broken-picture``) when it does not decode whole, or has over 134 million pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                if opened.width * opened.height > _MOST_PIXELS:
                    raise ItemError("broken-picture", f"{path}: {opened.width}x{opened.height} pixels are too many")
                upright = ImageOps.exif_transpose(opened)
                return np.asarray(upright.convert("RGB"), np.uint8)
    except ItemError:
        raise
    except Exception as error:  # decoders of many formats, each with errors of its own
        raise ItemError("broken-picture", f"{path}: expected a whole picture, found: {error}") from error
