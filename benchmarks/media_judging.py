"""Right, wrong without doubt, or uncertain: what an inspection answered, held against what is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from yt360.media.inspection import Inspection

Outcome = Literal["right", "uncertain", "wrong"]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """An outcome, and the answer in words; ``kind`` and ``source`` say of what."""

    outcome: Outcome
    words: str
    kind: str = ""
    source: str = ""

    def of(self, kind: str, source: str) -> Judged:
        """The same of a kind of file and where it is from."""
        return replace(self, kind=kind, source=source)


def gives_ambix(mixing: Matrix, taken: Matrix, *, any_w: bool = False) -> bool:
    """Whether ``taken`` ``(4, channels)`` gives back the W Y Z X in SN3D that went into ``mixing`` ``(channels, 4)``.

    Up to one scale; Z may be left out where it is silent. ``any_w``: the level of W against the rest does not matter.
    """
    got = taken[:, : len(mixing)] @ mixing
    if got[2, 2] == 0:
        got[2, 2] = got[3, 3]
    level = np.diag(got)
    stray = np.abs(got - np.diag(level)).max()
    if stray > 0.05 * np.abs(got).max() or level.min() <= 0 or np.ptp(level[1:]) > 0.1 * level[1:].max():
        return False
    return any_w or bool(abs(level[1] / level[0] - 1) < 0.12)


def judge_sound(inspection: Inspection, accepts: Callable[[Matrix], bool] | None, *, doubt: bool = False) -> Judged:
    """``accepts`` judges the matrix ``(4, channels)`` that the sound is read with; None where it is to be refused.

    ``doubt``: nothing in the file tells what it is, so "cannot tell" is right. Elsewhere doubt is no wrong answer, but
    not the right one either.
    """
    heard = inspection.ambisonic
    if heard is None:
        return Judged("right" if accepts is None else "wrong", "no sound")
    reading = heard.reading
    if reading is not None:
        taken = reading.ambisonic(np.eye(reading.channels, dtype=np.float32)).astype(np.float64)
        words = (
            f"taken for {heard.convention}, channels {reading.order}, gains {tuple(round(g, 2) for g in reading.gains)}"
        )
        return Judged("right" if accepts is not None and accepts(taken) else "wrong", words)
    words = f"{heard.reason}: {heard.words}"
    if heard.reason.startswith("uncertain"):
        return Judged("right" if doubt else "uncertain", words)
    return Judged("right" if accepts is None else "wrong", words)


def judge_picture(inspection: Inspection, answer: str) -> Judged:
    """``answer`` is a projection and how its eyes lie (``equirectangular mono``), or ``refuse``.

    A mesh, which says itself where everything is, is right for any projection and stereo.
    """
    picture = inspection.picture
    if picture is None:
        return Judged("wrong", "no picture")
    seen = f"{picture.projection} {picture.stereo}"
    words = f"{seen} by {picture.source}" + (f" ({picture.reason}: {picture.words})" if picture.reason else "")
    if answer == "refuse":
        right = picture.reading is None and picture.projection != "unknown"
    else:
        right = picture.reading is not None and (seen == answer or picture.projection == "mesh")
    if right:
        return Judged("right", words)
    return Judged("uncertain" if picture.projection == "unknown" else "wrong", words)
