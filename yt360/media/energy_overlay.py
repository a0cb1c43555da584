"""Sound on the picture: a heat map of the sound's energy over a frame, as in figure 4 of the paper.

The one overlay for `yt360 inspect --picture`, the report and `yt360 localise`.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics, sphere

CONTRAST = 2.5
"""Power that narrows the energy of a cardioid for the eye."""

OPACITY = 0.75
"""Of the heat map where it is 1."""


def energy_overlay(
    frame: NDArray[np.uint8], foa: NDArray[np.float32], *, contrast: float = CONTRAST
) -> NDArray[np.uint8]:
    """A frame ``(H, W, 3)`` RGB with the energy of ``foa`` ``(4, samples)`` over it.

    First order hears widely: the map of a single source falls from 1 to 0 over the whole sphere. The
    power ``contrast`` narrows it for the eye; where the peak is does not change. Silence leaves the
    frame as it is, and an even (diffuse) field hardly tints it.
    """
    height, width = frame.shape[:2]
    energy = ambisonics.energy_map(foa, height, width)
    peak, floor = float(energy.max()), float(energy.min())
    if peak <= 0:
        return frame.copy()
    relative = (energy / peak) ** contrast
    # How much the map says at all: 0 for an even field, 1 for one plane wave.
    directedness = 1 - floor / peak
    return heat_overlay(frame, relative, directedness)


def heat_overlay(frame: NDArray[np.uint8], heat: NDArray[np.floating], strength: float = 1.0) -> NDArray[np.uint8]:
    """A frame ``(H, W, 3)`` RGB under ``heat`` ``(H, W)`` in [0, 1]: clear where it is 0, covered where it is 1.

    ``strength`` in [0, 1] thins all of it.
    """
    colours = heat_colours()[np.round(255 * heat).astype(np.uint8)]
    weight = (OPACITY * strength * heat)[..., None]
    return np.round(frame * (1 - weight) + colours * weight).astype(np.uint8)


def heat_colours() -> NDArray[np.uint8]:
    """The colours ``(256, 3)`` RGB of heat from 0 to 1: black, purple, orange, yellow.

    >>> heat_colours()[[0, 128, 255]].tolist()
    [[0, 0, 4], [188, 55, 84], [252, 255, 164]]
    """
    scale = np.arange(256, dtype=np.uint8)[:, None]
    return cv2.applyColorMap(scale, cv2.COLORMAP_INFERNO)[:, 0, ::-1].astype(np.uint8)


def mark_direction(picture: NDArray[np.uint8], azimuth: float, elevation: float) -> NDArray[np.uint8]:
    """A ring around a direction (radians), wrapped over the seam."""
    marked = picture.copy()
    height, width = picture.shape[:2]
    row, column = sphere.to_pixels(azimuth, elevation, height, width)
    radius = max(5, height // 24)
    for shift in (-width, 0, width):
        centre = (round(float(column)) + shift, round(float(row)))
        cv2.circle(marked, centre, radius + 1, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.circle(marked, centre, radius, (255, 255, 255), 2, cv2.LINE_AA)
    return marked


ENERGY_WORDS = "the brighter, the louder from there: pale yellow the loudest, clear from about 5 dB below it"
"""What the colours of :func:`energy_overlay` mean, for those who look at one."""
