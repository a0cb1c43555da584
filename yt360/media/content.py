"""Projection and stereo layout from the picture alone, when metadata is gone or lies.

Each known layout predicts which edges of the frame meet on the sphere (:mod:`yt360.media.seams`).
The layout whose seams close wins; if no layout's seams close the picture is not a sphere; if there
is too little texture to tell, the answer is ``unknown``, never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360.media.layouts import Layout, known_layouts
from yt360.media.seams import SeamEvidence, seam_count, seam_evidence
from yt360.media.spatial import Projection, Stereo

WORK_HEIGHT, WORK_WIDTH = 360, 640
"""Size at which pictures are judged; any aspect ratio is stretched to it."""

ACCEPT = 2.0
"""A layout needs this much evidence (natural logarithm of a likelihood ratio) to be believed."""

ACCEPT_SHAPED = 0.7
"""The same for a frame whose shape is the layout's own, when no other layout comes near."""

_CLEAR_MARGIN = 4.0
"""Log odds by which an equirectangular layout of the usual shape must lead for the milder limit."""

REJECT = -1.8
"""Evidence below this says that an equirectangular layout is not it."""

_CUBE_ACCEPT, _CUBE_APART, _CUBE_REJECT = -1.0, 1.8, -2.4
"""For layouts of faces, whose many seams make small pictures look bad in all: mean evidence of a seam that is
enough, by how much it must be better than in other arrangements of faces, and what says that it is not it."""

_CLOSED = (0.85, 0.18)
"""Mean and spread of the likeness of two edges that belong together."""

_OPEN = (0.05, 0.25)
"""Mean and spread of the likeness of two edges that do not."""

_JUMP, _JUMP_WEIGHT = 1.6, 4.0
"""Likeness of the two sides of a seam that closes and of one that does not (mean, spread), and how many
times as large as a step beside it a step over a closed seam may be, and how much a larger one (logarithm) counts."""

_LEAST_DETAIL, _LEAST_LIT = 1.2, 0.25
"""Detail along a seam, and its share that is not black, without which it says nothing."""

_MOST_PER_SEAM = 4.0
"""Log odds that one seam can add."""

_POLE_JUMP = 3.0
"""Ratio of differences along the top or bottom row at which a pole says nothing."""

_POLE_WEIGHT = 1.5
"""Log odds per unit of the logarithm of that ratio."""

_FOR_POLE, _AGAINST_POLE = 0.3, 2.0
"""Log odds that a pole can add, and take away."""

_LIKE_EYES = 0.65
"""Likeness of two halves at which they may be two eyes or not."""

_LIKENESS_WEIGHT = 12.0
"""Log odds per unit of likeness of two eyes."""

_ASPECT_WEIGHT, _SQUEEZED_WEIGHT, _SQUEEZED_OCTAVES = 0.8, 3.0, 1.2
"""Log odds lost per octave of unusual aspect, and per square octave beyond the third number."""

_DARK = 24
"""Gray level below which a pixel is black."""

_BESIDE = 0.75
"""Part of the half height within which a corner is beside a circle, not above or below it."""

_FLAT_STD = 6.0
"""Standard deviation in gray levels below which a picture is too flat to tell."""

_SURELY_EYES = 0.9
"""Halves of a frame as alike as this are two eyes; nothing that shows one picture can look so."""

_SQUARE = (0.8, 1.25)
"""Range of aspects that count as square."""

_SQUARE_CLOSED, _SQUARE_OPEN = 4.2, 1.0
"""Square eyes side by side are those of VR180 cameras far more often than whole spheres squeezed to half their
width: evidence that is enough to believe in the latter, and evidence below which it is the former."""


@dataclass(frozen=True)
class PictureGuess:
    """What the picture looks like. ``scores`` holds the evidence for each layout, ``measures`` the rest."""

    projection: Projection
    stereo: Stereo
    layout: str
    confidence: float
    reason: str
    scores: dict[str, float] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "projection": self.projection,
            "stereo": self.stereo,
            "layout": self.layout,
            "confidence": round(self.confidence, 3),
            "reason": self.reason,
            "scores": {name: round(value, 2) for name, value in self.scores.items()},
            "measures": {name: round(value, 4) for name, value in self.measures.items()},
        }


def _log_normal(x: float, mean: float, spread: float) -> float:
    return float(-0.5 * ((x - mean) / spread) ** 2 - np.log(spread))


def seam_score(seam: SeamEvidence, coarseness: float = 1.0) -> float:
    """Log likelihood ratio that a seam closes, within ±4; 0 where it can tell nothing.

    ``coarseness``: how much smaller than usual the picture was before it was stretched. Stretching makes steps
    inside it smaller, but not the one over a seam.
    """
    score = 0.0
    if seam.lit < _LEAST_LIT:
        return 0.0
    if seam.detail >= _LEAST_DETAIL:
        mean, spread = _OPEN
        unlike = _log_normal(max(seam.likeness, seam.elsewhere), max(mean, seam.elsewhere), spread)
        score = _log_normal(min(seam.likeness, _CLOSED[0]), *_CLOSED) - unlike
    jump = _JUMP * coarseness
    if seam.ratio > jump:
        score -= _JUMP_WEIGHT * float(np.log(seam.ratio / jump))
    return float(np.clip(score, -_MOST_PER_SEAM, _MOST_PER_SEAM))


def layout_score(layout: Layout, seams: list[SeamEvidence], coarseness: float = 1.0) -> float:
    """Evidence of the seams for a layout as a whole.

    A row at a pole shows one point and is nearly plain, as in many other pictures, and in a stereo frame
    the other eye repeats it: a step there speaks against a layout (a logo over a tripod steps, too), but its
    absence hardly for it.
    """
    if layout.projection == "equirectangular":
        sides, poles = seams[:1], seams[1:]
    else:
        sides, poles = seams, []
    closed = [seam_score(seam, coarseness) for seam in sides]
    plain = np.clip([_POLE_WEIGHT * np.log(_POLE_JUMP / seam.ratio) for seam in poles], -_AGAINST_POLE, _FOR_POLE)
    return float(sum(closed) + plain.sum())


def stereo_score(likeness: float) -> float:
    """Evidence that two halves of a frame are two eyes, from :func:`detail_correlation`."""
    return float(np.clip((likeness - _LIKE_EYES) * _LIKENESS_WEIGHT, -2 * _MOST_PER_SEAM, _MOST_PER_SEAM))


def detail_correlation(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """How alike two stacks of half pictures ``(n, h, w)`` are in their details, in [-1, 1].

    Slow shading (sky above, ground below) is taken out: it is alike in unrelated pictures. A few
    pixels of parallax are allowed for by trying shifts.
    """
    best = -1.0
    fine_a, fine_b = _details(a), _details(b)
    for shift in range(-4, 5):
        moved = np.roll(fine_b, shift, axis=2)
        norm = float(np.sqrt((fine_a**2).sum() * (moved**2).sum()))
        if norm > 0:
            best = max(best, float((fine_a * moved).sum()) / norm)
    return best


def _details(stack: NDArray[np.uint8]) -> NDArray[np.float32]:
    out = []
    for picture in stack:
        small = cv2.resize(picture, (96, 72), interpolation=cv2.INTER_AREA).astype(np.float32)
        small = cv2.GaussianBlur(small, (0, 0), 1.0)
        fine = small - cv2.GaussianBlur(small, (0, 0), 6.0)
        # The rim of a black pole and a level horizon are alike in unrelated halves, too.
        out.append(fine - fine.mean(axis=1, keepdims=True))
    return np.stack(out)


def _side_bars(frames: NDArray[np.uint8]) -> float:
    """Width (fraction) of the narrower of two dark or plain bars that run down the left and right edge."""
    spread = frames.reshape(-1, frames.shape[2]).astype(np.float32)
    plain = (spread.std(axis=0) < 2.0) & (spread.mean(axis=0) < _DARK)
    if plain.all():
        return 0.0
    left = int(np.argmin(plain))
    right = int(np.argmin(plain[::-1]))
    return float(min(left, right) / frames.shape[2])


def _is_round(frames: NDArray[np.uint8]) -> bool:
    """Whether the picture is a lit ellipse that touches its edges, with dark corners."""
    _, height, width = frames.shape
    y, x = np.mgrid[0:height, 0:width]
    radius = np.hypot((x + 0.5) / width * 2 - 1, (y + 0.5) / height * 2 - 1)
    dark = frames.mean(axis=0) < _DARK
    rim, corners = (radius > 0.85) & (radius < 0.96), radius > 1.05
    # Black poles hide the ends of the corners; beside the ellipse they must be dark, too.
    beside = corners & (np.abs(y + 0.5 - height / 2) < _BESIDE * height / 2)
    return bool(min(dark[corners].mean(), dark[beside].mean()) > 0.9 and dark[rim].mean() < 0.6)


def _halves(frames: NDArray[np.uint8]) -> dict[Stereo, tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    half_height, half_width = frames.shape[1] // 2, frames.shape[2] // 2
    return {
        "top-bottom": (frames[:, :half_height], frames[:, half_height : 2 * half_height]),
        "left-right": (frames[:, :, :half_width], frames[:, :, half_width : 2 * half_width]),
    }


def guess_projection(frames: NDArray[np.uint8], width: int, height: int) -> PictureGuess:
    """Judge gray ``frames`` ``(n, WORK_HEIGHT, WORK_WIDTH)`` of a picture that is ``width`` x ``height`` as coded."""
    if len(frames) == 0:
        return PictureGuess("unknown", "mono", "", 0.0, "no frame could be decoded")
    contrast = float(np.mean([frame.std() for frame in frames]))
    if contrast < _FLAT_STD:
        return PictureGuess(
            "unknown", "mono", "", 0.0, f"the picture has almost no contrast ({contrast:.1f} of 255)", {},
            {"contrast": contrast},
        )  # fmt: skip
    likeness = {stereo: detail_correlation(*pair) for stereo, pair in _halves(frames).items()}
    bars = _side_bars(frames)
    left, right = _halves(frames)["left-right"]
    both_round = _is_round(left) and _is_round(right)
    measures = {
        "contrast": contrast,
        "likeness_top_bottom": likeness["top-bottom"],
        "likeness_left_right": likeness["left-right"],
        "side_bars": bars,
    }
    eyes = {stereo: stereo_score(value) for stereo, value in likeness.items()}
    eyes["mono"] = min(_MOST_PER_SEAM, -max(eyes.values()))
    if both_round or _is_round(frames):
        stereo: Stereo = "left-right" if both_round and eyes["left-right"] > 0 else "mono"
        reason = "two round pictures side by side" if both_round else "a round picture with dark corners"
        return PictureGuess("fisheye", stereo, "fisheye", 0.9, reason, {}, measures)
    stretched = float(np.sqrt(WORK_WIDTH / width * WORK_HEIGHT / height))
    coarseness = max(1.0, stretched)
    scores: dict[str, float] = {}
    for name, layout in known_layouts().items():
        score = layout_score(layout, seam_evidence(frames, layout), coarseness)
        if bars > 0.01 and layout.projection == "equirectangular":
            score -= _MOST_PER_SEAM
        scores[name] = score
    return _decide(eyes, scores, measures, width / height)


def _decide(
    eyes: dict[Stereo, float], scores: dict[str, float], measures: dict[str, float], aspect: float
) -> PictureGuess:
    layouts = known_layouts()
    alike = {s: measures[f"likeness_{s.replace('-', '_')}"] for s in ("top-bottom", "left-right")}
    surely = max(alike, key=lambda key: alike[key])
    if alike[surely] > _SURELY_EYES:
        layouts = {name: layout for name, layout in layouts.items() if layout.stereo == surely}
    total = {
        name: scores[name] + eyes[layout.stereo] + _aspect_score(layout, aspect) for name, layout in layouts.items()
    }
    best = max(total, key=lambda name: total[name])
    margin = total[best] - max((value for name, value in total.items() if name != best), default=0.0)
    if margin > 1.0 and _closes(best, scores, aspect, margin):
        layout = layouts[best]
        confidence = float(1 - np.exp(-max(0.0, scores[best])))
        reason = f"the seams of {best} close (evidence {scores[best]:.1f})"
        return PictureGuess(layout.projection, layout.stereo, best, confidence, reason, scores, measures)
    square = _SQUARE[0] < aspect / 2 < _SQUARE[1] and surely == "left-right" and len(layouts) < len(scores)
    if square and scores["equirectangular-lr"] < _SQUARE_OPEN:
        return _not_a_sphere(eyes, scores, measures, aspect)
    if all(_open(name, scores[name] + min(0.0, eyes[layout.stereo])) for name, layout in layouts.items()):
        return _not_a_sphere(eyes, scores, measures, aspect)
    reason = f"no layout is clear: best is {best} with evidence {scores[best]:.1f}, margin {margin:.1f}"
    return PictureGuess("unknown", layouts[best].stereo, best, 0.0, reason, scores, measures)


def _closes(name: str, scores: dict[str, float], aspect: float, margin: float) -> bool:
    """Whether the seams of a layout close well enough to believe in it."""
    layout = known_layouts()[name]
    if layout.projection == "equirectangular":
        # A little less well in a frame of just the shape that the layout has.
        shaped = _has_usual_shape(layout, aspect) and margin > _CLEAR_MARGIN
        if layout.stereo == "left-right" and _SQUARE[0] < aspect / 2 < _SQUARE[1]:
            return scores[name] >= _SQUARE_CLOSED
        return scores[name] >= (ACCEPT_SHAPED if shaped else ACCEPT)
    # The two ways to turn the lids of a cube share most seams; every other arrangement must be clearly worse.
    twins = {"cubemap-3x2", "cubemap-cbmp"}
    others = [
        _mean(other, scores[other])
        for other, its in known_layouts().items()
        if other != name and its.projection != "equirectangular" and not {name, other} <= twins
    ]
    return _mean(name, scores[name]) >= max(_CUBE_ACCEPT, max(others) + _CUBE_APART)


def _open(name: str, score: float) -> bool:
    """Whether the seams of a layout are torn so clearly that it cannot be it."""
    if known_layouts()[name].projection == "equirectangular":
        return score <= REJECT
    return _mean(name, score) <= _CUBE_REJECT


def _mean(name: str, score: float) -> float:
    return score / seam_count(known_layouts()[name], WORK_HEIGHT, WORK_WIDTH)


def _aspect_score(layout: Layout, aspect: float) -> float:
    """A slight preference for the eye whose shape is usual, within what squeezing does; more speaks against it."""
    if layout.projection != "equirectangular":
        return 0.0
    eye_aspect = {"mono": aspect, "left-right": aspect / 2, "top-bottom": aspect * 2}[layout.stereo]
    octaves = abs(float(np.log2(eye_aspect / 2)))
    return -_ASPECT_WEIGHT * octaves - _SQUEEZED_WEIGHT * max(0.0, octaves - _SQUEEZED_OCTAVES) ** 2


def _has_usual_shape(layout: Layout, aspect: float) -> bool:
    return layout.projection == "equirectangular" and abs(_aspect_score(layout, aspect)) < 0.03


def _not_a_sphere(
    eyes: dict[Stereo, float], scores: dict[str, float], measures: dict[str, float], aspect: float
) -> PictureGuess:
    stereo = max(eyes, key=lambda key: eyes[key])
    eye_aspect = aspect / 2 if stereo == "left-right" else aspect * 2 if stereo == "top-bottom" else aspect
    confidence = float(1 - np.exp(min(0.0, max(scores.values()))))
    if _SQUARE[0] < eye_aspect < _SQUARE[1]:
        reason = "square pictures of one scene for each eye, whose edges do not meet: 180°"
        if stereo == "mono":
            reason = "a square picture whose edges do not meet: 180° or flat"
        return PictureGuess("half_equirectangular", stereo, "half", confidence, reason, scores, measures)
    reason = "no seam of any spherical layout closes"
    return PictureGuess("flat", stereo, "flat", confidence, reason, scores, measures)
