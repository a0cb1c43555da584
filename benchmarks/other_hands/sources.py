"""Where recordings of other people lie on this machine, and how they are read."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks.other_hands import LeftOutError

Array = NDArray[np.float64]

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("YT360_OTHER_HANDS", CHECKOUT.parent / "shared"))
"""Real recordings beside the checkout (:envvar:`YT360_OTHER_HANDS` names another folder)."""

DEBIAN = Path(os.environ.get("YT360_OTHER_HANDS_DEBIAN", "/usr/share"))
"""Where Debian's packages lie (:envvar:`YT360_OTHER_HANDS_DEBIAN`: where they were unpacked, ``usr/share`` of it)."""


def found(path: Path, what: str) -> Path:
    """``path`` itself. Raises :class:`LeftOutError` naming ``what`` where it is absent."""
    if not path.exists():
        raise LeftOutError(what)
    return path


@lru_cache(maxsize=64)
def read_sound(path: Path, rate_hz: int) -> Array:
    """``(channels, n)`` at ``rate_hz``, by libsndfile where it knows the format, else by libav."""
    try:
        samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
        sound = np.asarray(samples.T, np.float64)
    except soundfile.LibsndfileError:
        sound, rate = _decoded(path)
    if rate != rate_hz:
        sound = np.asarray(soxr.resample(sound.T, rate, rate_hz).T, np.float64)
    return sound


def _decoded(path: Path) -> tuple[Array, int]:
    parts: list[NDArray[Any]] = []
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        rate = int(stream.rate)
        # A recording may be cut off inside its last packet; what was whole before it counts.
        with contextlib.suppress(av.error.InvalidDataError):
            for frame in container.decode(stream):
                parts.append(frame.to_ndarray().astype(np.float64))
    return np.concatenate(parts, axis=1), rate


def read_frames(path: Path, count: int) -> NDArray[np.uint8]:
    """``(count, h, w, 3)`` RGB frames spread over a video, or the one picture of a still ``count`` times."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        length = float((container.duration or 0) / av.time_base)
        frames = []
        for k in range(count if length > 1 else 1):
            if length > 1:
                base = stream.time_base or Fraction(1, 1000)
                container.seek(int((k + 0.5) / count * length * 0.95 / base), stream=stream)
            frames.append(next(container.decode(stream)).to_ndarray(format="rgb24"))
    return np.stack([frames[min(k, len(frames) - 1)] for k in range(count)])
