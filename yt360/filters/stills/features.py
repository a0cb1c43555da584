"""What the comparisons of a video say about it, in numbers that neither its length nor its size changes.

Medians and other quantiles over the comparisons, on logarithmic scales where a quantity spans decades:
:mod:`yt360.filters.stills.classifier` weighs them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yt360.filters.stills.frame_differences import Columns, over_lag

_QUANTILES: tuple[tuple[str, float, tuple[float, ...]], ...] = (
    ("residual", 1e-3, (0.1, 0.25, 0.5, 0.75, 0.9)),
    ("moved", 1e-3, (0.25, 0.5, 0.9)),
    ("later", 1e-3, (0.1, 0.5, 0.9)),
    ("strength", 0.1, (0.1, 0.25, 0.5, 0.75, 0.9)),
    ("weaker", 0.1, (0.25, 0.5, 0.9)),
    ("stronger", 0.1, (0.25, 0.5)),
    ("changed", 1e-3, (0.25, 0.5)),
    ("background", 0.05, (0.1, 0.5)),
    ("regions", 1.0, (0.5, 0.9)),
    ("extent", 1e-3, (0.5, 0.9)),
    ("second", 0.05, (0.5, 0.9)),
    ("frozen", 1e-3, (0.1, 0.5)),
    ("rotation_deg", 0.05, (0.5,)),
    ("stretch", 0.05, (0.8,)),
    ("steady", 0.02, (0.5, 0.9)),
    ("usual", 0.02, (0.5,)),
    ("peak", 0.05, (0.5, 0.9)),
    ("half", 0.2, (0.5,)),
    ("liveliest", 0.3, (0.5,)),
    ("levels", 0.5, (0.5,)),
    ("area", 3e-3, (0.5,)),
    ("sharpness", 0.5, (0.5,)),
    ("edges", 0.1, (0.5,)),
    ("tails", 0.5, (0.5,)),
    ("beside_half", 0.1, (0.5,)),
    ("beside_most", 0.1, (0.5,)),
)
"""Columns, what is added before the logarithm (about the size of what is noise), and the quantiles."""

_QUIET, _WIDE = 0.005, 0.1
"""Shares of the sphere: up to the first nothing moves, from the second on it is another picture."""

_TRAVELS = 0.1
"""Stretch, a natural logarithm, from which something goes up or down."""

_DRAWN = {"plain": 0.5, "steep": 0.1, "common": 0.3, "variety": 2.3}
"""Of :class:`yt360.filters.stills.drawn.Drawn`, and what is usual: it stands in where nothing stands out."""

_LEAST_NET = 0.3
"""Gray levels by which the brightness may change from the start of a window to its end where it stays the same."""

_DARK = 10.0
"""Mean gray level below which changes of brightness are not compared with it."""


def measure(columns: Columns) -> dict[str, float]:
    """Features of one video's comparisons, at least one."""
    later, later_strength = over_lag(columns, "later"), over_lag(columns, "later_strength")
    known = later >= 0
    residual, strength = columns["residual"], columns["strength"]
    both = columns | {
        "moved": np.where(known, np.minimum(residual, later), residual),
        "later": later[known] if known.any() else residual,
        "weaker": np.where(known, np.minimum(strength, later_strength), strength),
        "stronger": np.where(known, np.maximum(strength, later_strength), strength),
    }
    found: dict[str, float] = {}
    for name, least, shares in _QUANTILES:
        values = np.sort(both[name])
        for share in shares:
            value = float(values[min(len(values) - 1, int(share * len(values)))])
            found[f"{name} {share:g}"] = float(np.log(max(value, 0.0) + least))
    found["explained"] = found["changed 0.5"] - found["residual 0.5"]
    found["alone"] = found["strength 0.5"] - found["second 0.5"]
    found["steady against usual"] = found["steady 0.5"] - found["usual 0.5"]
    found["levels against beside"] = found["levels 0.5"] - found["beside_most 0.5"]
    found["liveliest against half"] = found["liveliest 0.5"] - found["half 0.5"]
    found["quiet"] = float(np.mean(residual <= _QUIET))
    found["quiet and later"] = float(np.mean((both["moved"] <= _QUIET) & (later <= 2.4 * _QUIET)))
    found["wide"] = float(np.mean(residual >= _WIDE))
    found["turns"] = float(np.mean(columns["rotation_deg"] > 0))
    found["zooms"] = float(np.mean(columns["zoom"] > 0))
    return found | _brightness(columns, found["liveliest 0.5"]) | _of_one_thing(columns)


def _brightness(columns: Columns, liveliest: float) -> dict[str, float]:
    """How far the brightness goes up and down, and how often it comes back."""
    levels, windows = columns["brightness"], columns["window"]
    begins = np.flatnonzero(np.append(True, windows[1:] != windows[:-1]))
    ends = np.append(begins[1:], len(levels)) - 1
    steps = np.abs(np.diff(levels))[windows[1:] == windows[:-1]]
    net = float(np.abs(levels[ends] - levels[begins]).mean())
    counts = ends + 1 - begins
    apart = levels - np.repeat(np.add.reduceat(levels, begins) / counts, counts)
    swing = float(np.median(np.sqrt(np.add.reduceat(apart**2, begins) / counts)))
    mean = max(float(levels.mean()), _DARK)
    return {
        "level": float(np.log(mean)),
        "flicker": float(np.log(100 * (steps.mean() if len(steps) else 0.0) / mean + 0.02)),
        "swing": float(np.log(100 * swing / mean + 0.02)),
        "swing against liveliest": float(np.log(swing + 0.05)) - liveliest,
        "returns": float(np.log(steps.sum() / len(begins) / (net + _LEAST_NET) + 0.1)),
    }


def _of_one_thing(columns: Columns) -> dict[str, float]:
    """What is known of a thing that travels, and of one that comes and goes."""
    travels, known, seen = columns["stretch"] >= _TRAVELS, columns["unlike"] >= 0, columns["area"] > 0
    drawn = columns["tails"] > 0
    flatness = columns["flatness"][travels] / columns["stretch"][travels]
    return {
        "travels": float(travels.mean()),
        "flatness": _median(flatness, 0.0),
        "unlike": _median(columns["unlike"][known], -0.2),
        "seen": float(seen.mean()),
        "held": _median(columns["held"][seen], 1.0),
        **{name: _median(columns[name][drawn], usual) for name, usual in _DRAWN.items()},
    }


def _median(values: NDArray[np.float64], otherwise: float) -> float:
    return float(np.median(values)) if len(values) else otherwise
