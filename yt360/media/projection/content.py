"""Projection and stereo layout from the picture alone: what is measured, and which hypothesis explains it best.

:mod:`~yt360.media.projection.seams`, :mod:`~yt360.media.projection.breaks` and :mod:`~yt360.media.projection.looks`
measure, :mod:`~yt360.media.projection.evidence` weighs, :mod:`~yt360.media.projection.decision` adds what the file
says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.media.containers.spatial import Projection, Stereo
from yt360.media.projection import looks, poles
from yt360.media.projection.breaks import line_evidence
from yt360.media.projection.decision import PictureThresholds, decide_picture
from yt360.media.projection.evidence import PictureMeasures, evidence, inner_pole_odds, pole_odds, seam_odds
from yt360.media.projection.grain import grain
from yt360.media.projection.hypotheses import hypotheses
from yt360.media.projection.layouts import known_layouts
from yt360.media.projection.seams import REACHES, coarseness, seam_evidence
from yt360.media.projection.words import picture_words

WORK_HEIGHT, WORK_WIDTH = 360, 640
"""Size at which pictures are judged; any aspect ratio is stretched to it."""

_FLAT_STD = 1.0
"""Standard deviation in gray levels below which there is no picture at all."""


@dataclass(frozen=True)
class PictureGuess:
    """What the picture looks like by itself.

    ``layout`` is the name of the likeliest hypothesis (:mod:`~yt360.media.projection.hypotheses`), ``confidence`` its
    probability without any metadata, ``reason`` says why; ``projection`` is ``unknown`` where that is too low.
    ``scores`` holds the log likelihood of every hypothesis, empty without a picture; ``measures`` what a person can
    look at: ``edges`` (log odds that the left and right edge meet), ``top`` and ``bottom`` (that rows are stretched
    as at poles), ``middle`` (that two poles meet at half the height), ``grain`` (how much more changes along rows than
    down columns, a logarithm), how alike halves are, bars. ``letterbox`` is the height (fraction of the frame) of a
    black bar above and of one below the picture that this is about.
    """

    projection: Projection
    stereo: Stereo
    layout: str
    confidence: float
    reason: str
    scores: Mapping[str, float] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)
    letterbox: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "projection": self.projection,
            "stereo": self.stereo,
            "layout": self.layout,
            "confidence": round(self.confidence, 3),
            "reason": self.reason,
            "scores": {name: round(value, 2) for name, value in self.scores.items()},
            "measures": {name: round(value, 4) for name, value in self.measures.items()},
            "letterbox": round(self.letterbox, 4),
        }


def measure_picture(frames: NDArray[np.uint8], width: int, height: int, pixel_aspect: float = 1.0) -> PictureMeasures:
    """Measure gray ``frames`` ``(n, WORK_HEIGHT, WORK_WIDTH)``, n > 0, of a picture ``width`` x ``height`` as shown.

    ``pixel_aspect`` is how wide the file says that a pixel is for its height: it tells the shape before a squeeze.
    """
    coarse = coarseness(width, height, WORK_WIDTH, WORK_HEIGHT)
    halves = looks.halves(frames)
    left, right = halves["left-right"]
    eyes: dict[Stereo, tuple[NDArray[np.uint8], ...]] = {
        "mono": (frames,), "top-bottom": halves["top-bottom"], "left-right": (left,)
    }  # fmt: skip
    empty_sides = looks.empty_sides(frames)
    return PictureMeasures(
        aspect=width * pixel_aspect / height,
        contrast=float(np.mean([frame.std() for frame in frames])),
        seams=seam_evidence(frames, known_layouts(), coarse),
        lines=line_evidence(frames, coarse),
        eyes={"top-bottom": looks.likeness(*halves["top-bottom"]), "left-right": looks.likeness(left, right)},
        poles={stereo: poles.pole_stretch(views, coarse) for stereo, views in eyes.items()},
        inner_poles=poles.inner_poles(frames, coarse),
        grain=grain(frames, coarse),
        bars=looks.side_bars(frames),
        above=looks.side_bars(frames.transpose(0, 2, 1)),
        empty_sides=empty_sides,
        cut_quarters=empty_sides and looks.cut_quarters(frames),
        circles=(looks.roundness(frames), min(looks.roundness(left), looks.roundness(right))),
    )


def guess_from_measures(measures: PictureMeasures) -> PictureGuess:
    """The guess from what was measured."""
    numbers = _numbers(measures)
    if measures.contrast < _FLAT_STD:
        words = f"the picture has almost no contrast ({measures.contrast:.1f} of 255)"
        return PictureGuess("unknown", "mono", "", 0.0, words, measures=numbers)
    scores = {name: round(sum(terms.values()), 3) for name, terms in evidence(measures).items()}
    decision = decide_picture(scores, "", PictureThresholds())
    best = decision.best
    known = decision.kind != "unknown"
    projection: Projection = best.projection if known else "unknown"
    words = picture_words(decision, numbers)
    return PictureGuess(projection, best.stereo, best.name, decision.probability, words, scores, numbers)


def _numbers(measures: PictureMeasures) -> dict[str, float]:
    top, bottom = (pole_odds(*pole) for pole in measures.poles["mono"])
    plain = hypotheses()["equirectangular"].seams
    return {
        "contrast": measures.contrast,
        "edges": float(seam_odds(measures.seams[plain]).mean()),
        "edges_contrast": float(measures.seams[plain].contrast[:, : len(REACHES)].mean()),
        "top": top,
        "bottom": bottom,
        "middle": inner_pole_odds(*measures.inner_poles),
        "grain": measures.grain[0],
        "likeness_top_bottom": measures.eyes["top-bottom"][0],
        "likeness_left_right": measures.eyes["left-right"][0],
        "side_bars": measures.bars,
        "roundness": max(measures.circles),
    }
