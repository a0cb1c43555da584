"""How well each hypothesis explains what was measured in a picture: a sum of log likelihood ratios.

Every measure is weighed between two states (a seam closes or not, halves are two eyes or not), each with a bell
curve and a share of outliers, which bounds what one measure can say: no single logo, cable or bar of text decides.
Where picture detail is wanting, both states predict the same and the ratio is 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from yt360.media.containers.spatial import Stereo
from yt360.media.projection.hypotheses import Hypothesis, hypotheses
from yt360.media.projection.seams import REACHES, SeamEvidence

Numbers = float | NDArray[np.float64]

Bell = tuple[float, float]
"""Mean and spread (standard deviation)."""


@dataclass(frozen=True)
class Likelihoods:
    """The parameters, all of them.

    ``closed`` and ``open_spread``: step over a seam that closes, and how far the step over one that does not is from
    steps between strangers (logarithms). ``torn``: share of seams that close and do not look so (bad stitching, bad
    coding), ``chance``: of those that do not and look so. ``many``: n seams or lines of one layout weigh n to this
    power, as they see one scene. ``stretched``, ``plain``: change along rows at a pole of a sphere and at the edge of
    another picture; ``covered``: share of poles hidden by a patch, a logo or a tripod. These are found by
    ``fitting/projection.py`` and rounded. ``parted``: share of the torn seams whose outlines do not meet either: what
    tears one is mostly how bright its sides are. ``alike``, ``unlike``: likeness of two eyes, and of halves that are
    none; ``mistaken``: share of eyes that look unlike, ``doubles``: of halves that look like eyes and are none;
    ``detail``: gray levels of it at which eyes and poles count half.

    ``calm``, ``lively``: change along the rows at half the height of a frame, against that along the equators of two
    eyes above each other, where their poles meet and in other pictures; ``inner_covered``, ``inner_plain``: outliers of
    each. ``grain``: how a picture that is drawn out sideways changes less along rows, slope and level of the logarithm;
    ``grain_spread`` of it where the layout says how much it is drawn out and where not, ``odd_grain``: its outliers.
    """

    closed: Bell = (0.15, 0.2)
    open_spread: float = 0.14
    torn: float = 0.0125
    chance: float = 0.13
    many: float = 0.37
    stretched: Bell = (-0.36, 0.56)
    plain: Bell = (0.06, 0.17)
    covered: float = 0.24
    parted: float = 0.15
    alike: Bell = (0.95, 0.1)
    unlike: Bell = (0.1, 0.18)
    mistaken: float = 0.01
    doubles: float = 0.0003
    detail: float = 1.0
    calm: Bell = (-0.9, 0.45)
    lively: Bell = (0.35, 0.28)
    inner_covered: float = 0.08
    inner_plain: float = 0.2
    grain: tuple[float, float] = (0.46, -0.07)
    grain_spread: tuple[float, float] = (0.17, 0.35)
    odd_grain: float = 0.15


SHIPPED = Likelihoods()

_RANGE = 6.0
"""Width of the range in which outliers of a logarithm lie."""

_MEETING = 3.0
"""How much more outlines that meet count than shades that do: by chance they hardly ever do."""

_PARTS = (2.0, 5.0)
"""Log odds of shades against a seam from which on outlines that part count, and count in full: coarse coding makes a
little of a step in both."""

_TELLS = 0.4
"""Contrast from which a seam counts in full: where strangers differ no more than neighbours, it tells nothing."""

_ROUND_AT, _ROUND_SLOPE, _ROUND_MOST = 0.35, 22.0, 14.0
"""Roundness at which a picture is as likely a circle as not, log odds a unit, and at most."""

_BARS, _QUARTER = 0.01, (0.235, 0.265)
"""Least width of side bars, and widths of those beside a picture of 180° on a canvas of 360°."""

_BARS_AGAINST = 6.0
"""Log odds against a whole sphere by side bars, and against a canvas by their absence."""

_HIDES_POLES = 0.02
"""Height (fraction of the frame) of black bars above and below from which they hide the poles of a sphere."""

_AT_LATITUDES = 0.145
"""How much less than a plain picture rows of a sphere change: above and below the equator they are drawn out."""

_EVEN, _GRAIN_RANGE = 2.0, 3.0
"""Gray levels of change at which noise makes rows and columns half as unlike as they are, and the grain counts half;
width of the range in which outliers of it lie."""

_EMPTY_SIDES = 2.0
"""Log odds for a canvas by sides that are empty without a straight edge: by night it cannot be seen."""


@dataclass(frozen=True)
class PictureMeasures:
    """What was measured in the frames of one picture; see :mod:`yt360.media.projection.content`.

    ``seams`` by layout, ``lines`` in the order of :data:`~yt360.media.projection.breaks.LINES`; ``eyes``: likeness of
    the halves and their detail; ``poles``: stretch and change at top and bottom of each eye by way of stereo;
    ``inner_poles``: how calm half the height is, and change; ``grain``: how much more changes along rows, and change;
    ``bars``: width of side bars; ``above``: height of bars above and below; ``empty_sides``: nothing is shown in the
    outer quarters; ``cut_quarters``: and what is shown ends there at once; ``circles``: roundness of the whole frame
    and of the less round of its left and right half.
    """

    aspect: float
    contrast: float
    seams: Mapping[str, SeamEvidence]
    lines: SeamEvidence
    eyes: Mapping[Stereo, tuple[float, float]]
    poles: Mapping[Stereo, Sequence[tuple[float, float]]]
    inner_poles: tuple[float, float]
    grain: tuple[float, float]
    bars: float = 0.0
    above: float = 0.0
    empty_sides: bool = False
    cut_quarters: bool = False
    circles: tuple[float, float] = (0.0, 0.0)


def _bell(x: Numbers, mean: Numbers, spread: Numbers) -> NDArray[np.float64]:
    return np.asarray(np.exp(-0.5 * ((x - mean) / spread) ** 2) / (spread * np.sqrt(2 * np.pi)))


def _log_mixed(density: NDArray[np.float64], outliers: float, width: float) -> NDArray[np.float64]:
    """With a share of outliers, which lie anywhere in a range of this width."""
    return np.asarray(np.log((1 - outliers) * density + outliers / width))


def _log_bell(x: float, mean: float, spread: float, outliers: float, width: float) -> float:
    return float(_log_mixed(_bell(x, mean, spread), outliers, width))


def seam_odds(seams: SeamEvidence, by: Likelihoods = SHIPPED) -> NDArray[np.float64]:
    """Log likelihood ratios ``(n,)`` that seams (or lines) close, means over the reaches."""
    mean, spread = by.closed
    # A step smaller than any beside it is no better than an equal one.
    step, apart = np.maximum(seams.step, mean), np.maximum(seams.contrast, mean)
    closed = _log_mixed(_bell(step, mean, spread), by.torn, _RANGE)
    open_ = _log_mixed(_bell(step, apart, np.hypot(by.open_spread, seams.spread)), by.chance, _RANGE)
    odds = (closed - open_) * np.clip(seams.contrast / _TELLS, 0, 1)
    reaches = len(REACHES)
    found = odds[:, :reaches].mean(axis=1)
    if odds.shape[1] > reaches:
        # Outlines that meet weaken what two shades say that do not, and those that part confirm it; they never speak
        # for or against a seam alone.
        outlines = odds[:, reaches:].mean(axis=1)
        meeting = _MEETING * np.maximum(0, outlines)
        parting = np.log(by.parted + (1 - by.parted) * np.exp(np.minimum(0, outlines)))
        confirmed = parting * np.clip((-found - _PARTS[0]) / (_PARTS[1] - _PARTS[0]), 0, 1)
        found = np.where(found < 0, np.minimum(0, found + meeting) + confirmed, found)
    return np.asarray(found)


def eye_odds(likeness: float, detail: float, by: Likelihoods = SHIPPED) -> float:
    """Log likelihood ratio that two halves of a frame are two eyes."""
    seen = min(likeness, by.alike[0])
    odds = _log_bell(seen, *by.alike, by.mistaken, 2.0) - _log_bell(seen, *by.unlike, by.doubles, 2.0)
    return odds * _counts(detail, by)


def pole_odds(stretch: float, change: float, by: Likelihoods = SHIPPED) -> float:
    """Log likelihood ratio that a pole is one."""
    # The more the better: small pictures and level landscapes look more stretched than they are.
    seen = max(stretch, by.stretched[0])
    odds = _log_bell(seen, *by.stretched, by.covered, _RANGE) - _log_bell(seen, *by.plain, by.covered, _RANGE)
    return odds * _counts(change, by)


def inner_pole_odds(calm: float, change: float, by: Likelihoods = SHIPPED) -> float:
    """Log likelihood ratio that two poles meet at half the height of a frame."""
    # Calmer than poles are, or livelier than an equator, is no better than as much.
    seen = float(np.clip(calm, by.calm[0], by.lively[0]))
    poles = _log_bell(seen, *by.calm, by.inner_covered, _RANGE)
    return (poles - _log_bell(seen, *by.lively, by.inner_plain, _RANGE)) * _counts(change, by)


def _grain(hypothesis: Hypothesis, measures: PictureMeasures, by: Likelihoods) -> float:
    """Log likelihood of how much more changes along rows than down columns."""
    grain, change = measures.grain
    slope, level = by.grain
    expected = (
        level - slope * hypothesis.log_drawn_out(measures.aspect) - (_AT_LATITUDES if hypothesis.stretched else 0)
    )
    expected *= change / (change + _EVEN)
    spread = by.grain_spread[0 if hypothesis.degrees else 1]
    return _log_bell(grain, expected, spread, by.odd_grain, _GRAIN_RANGE) * change**2 / (change**2 + _EVEN**2)


def _counts(detail: float, by: Likelihoods) -> float:
    return detail**2 / (detail**2 + by.detail**2)


def _round_odds(roundness: float) -> float:
    return float(np.clip((roundness - _ROUND_AT) * _ROUND_SLOPE, -_ROUND_MOST, _ROUND_MOST))


def evidence(measures: PictureMeasures, by: Likelihoods = SHIPPED) -> dict[str, dict[str, float]]:
    """For each hypothesis the log likelihood of what was measured, term by term, up to what all have in common."""
    # A level edge, a horizon or a beam, tears a line as often as chance closes a seam, and its outlines with it.
    lines = seam_odds(measures.lines, replace(by, torn=by.chance, parted=1.0))
    seams = {name: seam_odds(found, by) for name, found in measures.seams.items()}
    eyes = {stereo: eye_odds(*found, by) for stereo, found in measures.eyes.items()}
    poles = {stereo: sum(pole_odds(*pole, by) for pole in found) for stereo, found in measures.poles.items()}
    inner = inner_pole_odds(*measures.inner_poles, by)
    if measures.above > _HIDES_POLES:  # what is seen there are the rims of bars, or of black poles
        poles["mono"] = poles["left-right"] = 0.0
    circles = {"mono": _round_odds(measures.circles[0]), "left-right": _round_odds(measures.circles[1])}
    return {
        name: {
            "shape": hypothesis.log_shape(measures.aspect),
            "seams": _seams_of(hypothesis, seams, by),
            "lines": _together(-lines[list(hypothesis.torn)], by),
            "eyes": _eyes_of(hypothesis, eyes),
            "poles": poles[hypothesis.stereo] if hypothesis.stretched else 0.0,
            "inner": inner if hypothesis.stretched and hypothesis.stereo == "top-bottom" else 0.0,
            "grain": _grain(hypothesis, measures, by),
            "looks": _looks(hypothesis, measures, circles),
        }
        for name, hypothesis in hypotheses().items()
    }


def _eyes_of(hypothesis: Hypothesis, eyes: Mapping[Stereo, float]) -> float:
    odds = eyes.get(hypothesis.stereo, 0.0)
    # Two circles look forwards and backwards, but their rims are alike.
    return max(0.0, odds) if hypothesis.projection == "fisheye" else odds


def _seams_of(hypothesis: Hypothesis, seams: Mapping[str, NDArray[np.float64]], by: Likelihoods) -> float:
    if hypothesis.seams:
        return _together(seams[hypothesis.seams], by)
    if hypothesis.projection == "fisheye":
        # Both edges of the frame lie outside of the circles, where all is black: they meet as those of a sphere do.
        return max(0.0, _together(seams["equirectangular"], by))
    return 0.0


def _together(odds: NDArray[np.float64], by: Likelihoods) -> float:
    """Several seams of one layout: they see one scene, so that they count less than independent ones."""
    return float(odds.mean()) * len(odds) ** by.many if len(odds) else 0.0


def _looks(hypothesis: Hypothesis, measures: PictureMeasures, circles: Mapping[str, float]) -> float:
    if hypothesis.projection == "fisheye":
        return circles[hypothesis.stereo]
    if hypothesis.canvas:
        if _QUARTER[0] < measures.bars < _QUARTER[1] or measures.cut_quarters:
            return _BARS_AGAINST
        return _EMPTY_SIDES if measures.empty_sides else -_BARS_AGAINST
    barred = measures.bars > _BARS or measures.cut_quarters
    return -_BARS_AGAINST if barred and hypothesis.whole_sphere else 0.0
