"""Why a picture is taken for none of a whole sphere, or for nothing that can be told, in plain words."""

from __future__ import annotations

from collections.abc import Mapping

from yt360.media.projection.decision import PictureDecision
from yt360.media.projection.hypotheses import Hypothesis

_CLEAR = 1.0
"""Log odds from which a measure is said to speak for or against."""

_TOO_PLAIN = 0.3
"""Contrast (logarithm) below which edges cannot be held against each other."""

_ALIKE = 0.75
"""Likeness from which two halves are said to be alike."""

_NAMES = {
    "equirectangular": "equirectangular",
    "eac": "equi-angular cubemap",
    "cubemap": "cubemap",
    "half_equirectangular": "half of the sphere",
    "fisheye": "fisheye",
    "flat": "plain picture",
}
_STEREO = {"mono": "", "top-bottom": ", two eyes above each other", "left-right": ", two eyes side by side"}


def reason_code(decision: PictureDecision) -> str:
    """``not-360``, ``vr180`` or ``unknown-projection``; empty for a whole sphere."""
    if decision.kind == "sphere":
        return ""
    if decision.kind == "unknown":
        return "unknown-projection"
    codes = {"flat": "not-360", "half_equirectangular": "vr180"}
    return codes.get(decision.best.projection, "unknown-projection")


def name_hypothesis(hypothesis: Hypothesis) -> str:
    """What it is called in sentences."""
    if hypothesis.projection == "fisheye":
        return "two fisheye circles" if hypothesis.stereo == "left-right" else "a fisheye circle"
    return _NAMES[hypothesis.projection] + _STEREO[hypothesis.stereo]


def picture_words(decision: PictureDecision, measures: Mapping[str, float]) -> str:
    """One sentence on a decision, with the numbers of :class:`yt360.media.projection.content.PictureGuess`."""
    if not measures:
        return "no frame could be decoded"
    seen = "; ".join(_seen(measures))
    if decision.kind == "unknown":
        rivals = " or ".join(f"{name_hypothesis(one)} ({share:.0%})" for one, share in decision.likeliest())
        return f"cannot tell {rivals}: {seen}"
    best = decision.best
    if best.projection == "fisheye":
        seen = "round pictures with dark corners; stitch it to equirectangular first"
    elif best.canvas:
        seen = "a quarter of the frame at the left and at the right is empty"
    return f"{name_hypothesis(best)} ({decision.probability:.0%}): {seen}"


def _seen(measures: Mapping[str, float]) -> list[str]:
    found = []
    edges = measures.get("edges", 0.0)
    if edges > _CLEAR:
        found.append("left and right edge meet")
    elif edges < -_CLEAR:
        found.append("left and right edge do not meet")
    elif measures.get("edges_contrast", 0.0) < _TOO_PLAIN:
        found.append("left and right edge are too plain to tell whether they meet")
    else:
        found.append("left and right edge meet in part")
    for place in ("top", "bottom"):
        if abs(measures.get(place, 0.0)) > _CLEAR:
            found.append(f"the {place} is {'' if measures[place] > 0 else 'not '}stretched like a pole")
    if measures.get("middle", 0.0) > _CLEAR:
        found.append("rows at half the height are calm, as where the poles of two eyes meet")
    for way, words in (("top_bottom", "upper and lower half"), ("left_right", "left and right half")):
        if measures.get(f"likeness_{way}", 0.0) > _ALIKE:
            found.append(f"{words} are alike")
    if measures.get("side_bars", 0.0) > 0.01:
        found.append("there are dark bars at the left and right")
    return found
