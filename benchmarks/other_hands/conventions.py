"""The ways in which W Y Z X in SN3D reaches a file, and what may be said about each.

A kind turns channels and knows the matrix that turns them back. What no signal can tell (a scale, which of two orders)
may be answered with doubt; what the sender states may not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.other_hands.sources import Array

_ACN = ("W", "Y", "Z", "X")


def _mixing(order: str, gains: dict[str, float]) -> Array:
    """``(channels, 4)`` from W Y Z X to channels named by letters; ``0`` is silence."""
    matrix = np.zeros((len(order), 4))
    for row, name in enumerate(order):
        if name != "0":
            matrix[row, _ACN.index(name)] = gains.get(name, 1.0)
    return matrix


_THREE_DB = 2**-0.5
_ROOT_3 = {"Y": 3**0.5, "Z": 3**0.5, "X": 3**0.5}
_AS_IT_IS = _mixing("WYZX", {})


@dataclass(frozen=True)
class Convention:
    """``mixing`` ``(channels, 4)`` writes W Y Z X; ``stated`` in the file, by ``writer`` of :mod:`sound_files`.

    ``doubt``: "cannot tell" is a right answer. ``any_w``: the level of W against the rest may be left as it is.
    """

    mixing: Array
    writers: tuple[str, ...]
    doubt: bool = False
    any_w: bool = False
    harm: Callable[[np.random.Generator, Array], Array] | None = None


def _clipped(rng: np.random.Generator, foa: Array) -> Array:
    """So loud that every hundredth sample of W is cut off."""
    loud = foa / max(1e-9, float(np.quantile(np.abs(foa[0]), rng.uniform(0.985, 0.995))))
    return np.asarray(np.clip(loud, -1, 1), np.float64)


def _without_height(rng: np.random.Generator, foa: Array) -> Array:
    flat = foa.copy()
    flat[2] = 0.0
    return flat


_MUTE = ("wav", "flac", "mkv pcm", "mp4 aac", "ogg vorbis")
"""Writers that say nothing of ambisonics."""

_PLAIN = (*_MUTE, "webm opus")
"""Opus says by its family that it is AmbiX."""

W_X_Y_Z = Convention(_mixing("WXYZ", {}), ())
"""FuMa's order with SN3D weights, which one recording has: a flat world whose fourth channel is silent."""

CONVENTIONS: dict[str, Convention] = {
    "AmbiX": Convention(_AS_IT_IS, _PLAIN),
    "AmbiX, stated": Convention(_AS_IT_IS, ("mp4 aac sa3d",)),
    "AmbiX without height": Convention(_AS_IT_IS, _PLAIN, harm=_without_height),
    "AmbiX, clipped": Convention(_AS_IT_IS, _PLAIN, harm=_clipped),
    "AmbiX, W 3 dB low": Convention(_mixing("WYZX", {"W": _THREE_DB}), _PLAIN, doubt=True, any_w=True),
    "AmbiX and a stereo pair": Convention(_AS_IT_IS, ("mkv pcm pair", "webm opus pair")),
    "N3D, stated": Convention(_mixing("WYZX", _ROOT_3), ("mp4 aac sa3d n3d",)),
    "N3D": Convention(_mixing("WYZX", _ROOT_3), _MUTE, doubt=True),
    "orthonormal": Convention(_mixing("WYZX", _ROOT_3) / (4 * np.pi) ** 0.5, _MUTE[:3], doubt=True),
    "FuMa, stated": Convention(_mixing("WXYZ", {"W": _THREE_DB}), ("amb",)),
    "FuMa": Convention(_mixing("WXYZ", {"W": _THREE_DB}), _MUTE, doubt=True),
    # As a 5.1 to 4.0 mix leaves the six channels of itag 327.
    "X Y W Z": Convention(_mixing("XYWZ", {"Z": _THREE_DB}), _MUTE, doubt=True),
    "itag 327": Convention(_mixing("XYW0Z0", {}), ("m4a itag 327",)),
}
