"""Where the sound of a recording is, ten times a second, for the layers over the player's picture.

The energy map of first-order sound is a quadratic form of its covariance (:func:`yt360.ambisonics.covariance_map`), so
ten numbers a moment say all of it: the page draws the map from them at any size, with the colours, contrast and opacity
of :mod:`yt360.media.energy_overlay`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics, sphere
from yt360.media.energy_overlay import CONTRAST, ENERGY_WORDS, OPACITY, heat_colours

RATE_HZ = 10
"""Moments a second; moment n is at n / 10 s."""

WINDOW_S = 0.2
"""Sound of a moment: from half of this before it to half of this after it."""

QUIET_DB = 40.0
"""A moment that is quieter than the loudest by this much or more is left clear: its energy is that of the noise."""

_FADE_DB = 10.0
"""Over so many decibels before :data:`QUIET_DB` the map fades."""

_UPPER = np.triu_indices(4)
_GRID = (60, 120)
"""Directions in which peak and floor of a map are looked for: every 3°, which misses less than 0.1 % of a peak."""

_SILENCE_DB = -200.0


def covariances(foa: NDArray[np.floating], rate_hz: int) -> NDArray[np.float64]:
    """Mean products ``(moments, 4, 4)`` of AmbiX ``(4, samples)`` in windows of :data:`WINDOW_S` around each moment.

    There is a moment at 0 and at every tenth of a second before the end.

    >>> covariances(np.ones((4, 4800)), 24_000)[:, 0, 0]
    array([1., 1.])
    """
    samples = foa.shape[-1]
    moments = max(1, math.ceil(samples * RATE_HZ / rate_hz - 1e-9))
    half = WINDOW_S / 2 * rate_hz
    found = np.empty((moments, 4, 4))
    for number in range(moments):
        centre = number * rate_hz / RATE_HZ
        start, end = max(0, round(centre - half)), min(samples, round(centre + half))
        found[number] = ambisonics.covariance(foa[:, start:end])
    return found


def sound_layers(foa: NDArray[np.floating], rate_hz: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What ``energy.json`` and ``directions.json`` hold, of AmbiX ``(4, samples)``.

    Energy: ``covariance`` has the ten products WW WY WZ WX YY YZ YX ZZ ZX XX of each moment, ``peak`` and ``floor``
    the largest and smallest value of the map, ``strength`` in [0, 1] how far the moment is drawn at all.
    Directions: azimuth and elevation in degrees, diffuseness in [0, 1] (0: from one direction), level of W in dB re
    full scale.
    """
    products = covariances(foa, rate_hz)
    power = products[:, 0, 0]
    level_db = 10 * np.log10(np.maximum(power, 10 ** (_SILENCE_DB / 10)))
    heard = [ambisonics.covariance_direction(each) for each in products]
    maps = _maps(products)
    below_db = level_db.max() - level_db
    strength = np.clip((QUIET_DB - below_db) / _FADE_DB, 0, 1) * (level_db > _SILENCE_DB)
    moments = {"rate_hz": RATE_HZ, "window_s": WINDOW_S, "moments": len(products)}
    energy = moments | {
        "contrast": CONTRAST,
        "opacity": OPACITY,
        "words": ENERGY_WORDS,
        "colours": heat_colours().tolist(),
        "covariance": [_short(each[_UPPER]) for each in products],
        "peak": _short(maps.max(axis=1)),
        "floor": _short(np.maximum(maps.min(axis=1), 0)),
        "strength": _short(strength),
    }
    directions = moments | {
        "azimuth_deg": _short(np.degrees([each.azimuth for each in heard])),
        "elevation_deg": _short(np.degrees([each.elevation for each in heard])),
        "diffuseness": _short([each.diffuseness for each in heard]),
        "level_db": _short(level_db),
    }
    return energy, directions


def _maps(products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Energy maps ``(moments, pixels)`` on the grid."""
    rows, columns = sphere.row_elevations(_GRID[0])[:, None], sphere.column_azimuths(_GRID[1])[None, :]
    gains = ambisonics.encoding_gains(columns, rows).reshape(4, -1)
    pairs = (gains[:, None] * gains[None, :]).reshape(16, -1)
    found: NDArray[np.float64] = products.reshape(-1, 16) @ pairs / 4
    return found


def _short(values: Any) -> list[float]:
    """Numbers to six digits: enough for a picture, and a third of the bytes."""
    return [float(f"{value:.6g}") for value in values]
