"""What a picture can be, and what each possibility predicts for its shape, its lines, seams, poles and eyes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from yt360.media.containers.spatial import Projection, Stereo
from yt360.media.projection.breaks import torn_lines
from yt360.media.projection.layouts import half_equirectangular, known_layouts

_LOOSE_OCTAVES = 0.6
"""Spread, in octaves of the aspect around the first usual one, of frames of no usual shape."""

_SAME_OCTAVES = 0.02
"""Spread of the usual ones: widths are rounded to blocks."""

JUDGED_ASPECT = 16 / 9
"""Shape to which every picture is stretched before it is looked at."""

_ANY = 0.02 / 10
"""Density (per octave) of an aspect that has nothing to do with the layout: people squeeze everything."""


@dataclass(frozen=True)
class Hypothesis:
    """One possibility.

    ``prior`` is its share among the files that a search for 360° video finds, before anything is known of one.
    ``shapes`` are aspects (width over height of the whole frame) and the share of all such files that have them.
    ``seams`` names the layout (:func:`~yt360.media.projection.layouts.known_layouts`) whose seams close, empty where
    none need; ``torn`` numbers the lines (:data:`~yt360.media.projection.breaks.LINES`) over which the frame breaks
    off. ``stretched``: the rows at the poles of each eye are. ``canvas``: a quarter of the frame at either side is
    empty. ``degrees``: how many lie beside each other in the whole frame, and above each other; where they are not
    known, the shape says how far the picture is drawn out.
    """

    name: str
    projection: Projection
    stereo: Stereo
    prior: float
    shapes: tuple[tuple[float, float], ...]
    seams: str = ""
    torn: tuple[int, ...] = ()
    stretched: bool = False
    canvas: bool = False
    degrees: tuple[float, float] | None = None

    @property
    def eyes(self) -> Stereo:
        """How many eyes, and how they lie: two circles side by side are mostly the front and the back of one."""
        return "mono" if self.projection == "fisheye" else self.stereo

    @property
    def whole_sphere(self) -> bool:
        """Whether a full equirectangular picture can be made of it."""
        return self.projection in ("equirectangular", "eac", "cubemap")

    def log_shape(self, aspect: float) -> float:
        """Logarithm of the probability density (per octave) of this aspect of the whole frame."""
        octaves = float(np.log2(aspect))
        first, others = np.log2(self.shapes[0][0]), 1 - sum(share for _, share in self.shapes)
        density = others * _bell((octaves - first) / _LOOSE_OCTAVES) / _LOOSE_OCTAVES
        for shape, share in self.shapes:
            density += share * _bell((octaves - np.log2(shape)) / _SAME_OCTAVES) / _SAME_OCTAVES
        return float(np.log(density + _ANY))

    def log_drawn_out(self, aspect: float) -> float:
        """Logarithm of how much wider a degree is than it is high in the frame that is judged, which has the shape
        :data:`JUDGED_ASPECT` whatever ``aspect`` the file has."""
        across, down = self.degrees or (aspect, 1.0)
        return float(np.log(JUDGED_ASPECT * down / across))


def _bell(x: float) -> float:
    return float(np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi))


_WIDE = 16 / 9
_SPHERES: dict[str, tuple[float, tuple[tuple[float, float], ...]]] = {
    "equirectangular": (0.44, ((2, 0.5), (_WIDE, 0.25))),
    "equirectangular-tb": (0.08, ((1, 0.6), (_WIDE, 0.25))),
    "equirectangular-lr": (0.02, ((4, 0.35), (2, 0.2), (_WIDE, 0.2))),
    "eac": (0.03, ((1.5, 0.5), (_WIDE, 0.3))),
    "eac-lr": (0.01, ((4 / 3, 0.3), (1, 0.2), (_WIDE, 0.2))),
    "cubemap-3x2": (0.01, ((1.5, 0.7), (_WIDE, 0.1))),
    "cubemap-cbmp": (0.01, ((1.5, 0.7), (_WIDE, 0.1))),
    "cubemap-6x1": (0.004, ((6, 0.8),)),
    "cubemap-1x6": (0.004, ((1 / 6, 0.8),)),
}
"""Name of a layout: prior and shapes."""

_DEGREES = {
    "equirectangular": (360.0, 180.0), "equirectangular-tb": (360.0, 360.0), "equirectangular-lr": (720.0, 180.0),
    "eac": (270.0, 180.0), "eac-lr": (360.0, 270.0), "cubemap-3x2": (270.0, 180.0), "cubemap-cbmp": (270.0, 180.0),
    "cubemap-6x1": (540.0, 90.0), "cubemap-1x6": (90.0, 540.0), "half-mono": (180.0, 180.0),
    "half-left-right": (360.0, 180.0), "half-top-bottom": (180.0, 360.0),
    "fisheye-left-right": (380.0, 190.0), "fisheye-mono": (190.0, 190.0),
}  # fmt: skip
"""Degrees across and down the whole frame, both eyes."""

_HALVES: dict[Stereo, tuple[float, tuple[tuple[float, float], ...]]] = {
    "left-right": (0.06, ((2, 0.6), (_WIDE, 0.2))),
    "top-bottom": (0.01, ((0.5, 0.4), (1, 0.2), (_WIDE, 0.1))),
    "mono": (0.01, ((1, 0.3), (_WIDE, 0.2))),
}
_PLAIN: dict[Stereo, tuple[float, tuple[tuple[float, float], ...]]] = {
    "mono": (0.25, ((_WIDE, 0.5), (2, 0.06), (4 / 3, 0.1), (9 / 16, 0.1))),
    "left-right": (0.005, ((_WIDE, 0.4), (2 * _WIDE, 0.3))),
    "top-bottom": (0.005, ((_WIDE, 0.4), (_WIDE / 2, 0.3))),
}
_ROUND: dict[Stereo, tuple[float, tuple[tuple[float, float], ...]]] = {
    "left-right": (0.03, ((2, 0.7), (_WIDE, 0.15))),
    "mono": (0.01, ((1, 0.4), (_WIDE, 0.3), (4 / 3, 0.1))),
}
_CANVAS = (0.01, ((2, 0.6), (_WIDE, 0.2)))


@lru_cache(maxsize=1)
def hypotheses() -> dict[str, Hypothesis]:
    """All possibilities by name; their priors sum to about 1."""
    layouts = known_layouts()
    found = [
        Hypothesis(
            name, layouts[name].projection, layouts[name].stereo, *about, seams=name, torn=torn_lines(layouts[name]),
            stretched=layouts[name].projection == "equirectangular", degrees=_DEGREES[name],
        )
        for name, about in _SPHERES.items()
    ]  # fmt: skip
    for stereo, about in _HALVES.items():
        torn = torn_lines(half_equirectangular(stereo))
        name = f"half-{stereo}"
        found.append(
            Hypothesis(name, "half_equirectangular", stereo, *about, torn=torn, stretched=True, degrees=_DEGREES[name])
        )
    found.append(Hypothesis("half-canvas", "half_equirectangular", "mono", *_CANVAS, stretched=True, canvas=True))
    for stereo, about in _PLAIN.items():
        found.append(
            Hypothesis(f"flat-{stereo}", "flat", stereo, *about, torn=torn_lines(half_equirectangular(stereo)))
        )
    for stereo, about in _ROUND.items():
        name = f"fisheye-{stereo}"
        found.append(Hypothesis(name, "fisheye", stereo, *about, degrees=_DEGREES[name]))
    return {hypothesis.name: hypothesis for hypothesis in found}
