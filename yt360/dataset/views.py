"""Views of a sample: drawn once, and from the one draw both the picture's crop and the sound's matrix.

:mod:`yt360.dataset.perspective_crop` makes the crop. Conventions: :mod:`yt360.sphere` (directions),
:mod:`yt360.ambisonics` (channels W, Y, Z, X).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics, sphere
from yt360.dataset.draws import uniform
from yt360.dataset.perspective_crop import DrawnView
from yt360.dataset.settings import PublishedBehaviour, ViewSettings

_ENERGY_SPREAD = math.radians(15)
_MARGIN_ATTEMPTS = 100

_MISREAD = np.zeros((4, 4))
_MISREAD[[0, 1, 2, 3], [ambisonics.X, ambisonics.Y, ambisonics.W, ambisonics.Z]] = [1, 1, 1, 0.5**0.5]
"""What the published loader's request for the layout ``4.0`` makes of a 5.1 file that holds X Y W 0 Z 0."""


def draw_views(
    rng: np.random.Generator,
    count: int,
    settings: ViewSettings,
    switches: PublishedBehaviour,
    *,
    augment: bool,
    loudest: tuple[float, float] | None = None,
) -> list[DrawnView]:
    """``count`` random views. Without ``augment``: no flip, no gain; directions and angles stay random.

    ``loudest``: direction (azimuth, elevation) in radians that ``settings.energy_share`` of the views look at.

    >>> views = draw_views(np.random.default_rng(0), 4, ViewSettings(), PublishedBehaviour(), augment=False)
    >>> len(views), bool(25 <= np.degrees(views[0].view.horizontal_fov) <= 90)
    (4, True)
    """
    views: list[DrawnView] = []
    centres: list[tuple[float, float]] = []
    for _ in range(count):
        centres.append(_draw_centre(rng, centres, settings, switches.margin, loudest))
        aspect = math.exp(uniform(rng, math.log(settings.aspect[0]), math.log(settings.aspect[1])))
        if switches.coverage == "coded":
            half_width = math.pi * uniform(rng, 0.0707, 0.25)
        else:
            half_width = math.tan(math.radians(uniform(rng, 25.0, 90.0)) / 2)
        view = sphere.View(*centres[-1], 2 * math.atan(half_width), 2 * math.atan(aspect * half_width))
        flip, gain = rng.random() < settings.flip, uniform(rng, *settings.gain)
        views.append(
            DrawnView(view, bool(flip and augment), gain if augment else 1.0, corners=switches.coverage == "coded")
        )
    return views


def fixed_view(view: sphere.View, switches: PublishedBehaviour | None = None) -> DrawnView:
    """A view that is not drawn: no flip, no gain; ``switches`` say where its pixels lie (default: at their centres).

    >>> fixed_view(sphere.View(0.0, 0.0, 1.5, 1.5)).corners
    False
    """
    return DrawnView(view, flip=False, gain=1.0, corners=switches is not None and switches.coverage == "coded")


def plane_distance(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Distance of two directions in the longitude-latitude plane, over the seam, in units of 180°.

    >>> round(plane_distance((math.pi - 0.1, 0.0), (-math.pi + 0.1, 0.0)) * math.pi, 3)
    0.2
    """
    # sphere.wrap_angle on plain numbers, many times a sample: numpy would take ten times as long.
    apart = (a[0] - b[0] + math.pi) % (2 * math.pi) - math.pi
    return math.hypot(apart, a[1] - b[1]) / math.pi


def _draw_centre(
    rng: np.random.Generator,
    taken: list[tuple[float, float]],
    settings: ViewSettings,
    margin: float,
    loudest: tuple[float, float] | None,
) -> tuple[float, float]:
    """A direction at least ``margin`` away from those taken; the farthest one tried if there is no room."""
    low, high = map(math.radians, settings.elevation_deg)
    best, best_distance = (0.0, 0.0), -1.0
    for _ in range(_MARGIN_ATTEMPTS):
        if loudest is not None and rng.random() < settings.energy_share:
            azimuth = loudest[0] + rng.normal(0, _ENERGY_SPREAD)
            elevation = float(np.clip(loudest[1] + rng.normal(0, _ENERGY_SPREAD), -math.pi / 2, math.pi / 2))
            centre = (float(sphere.wrap_angle(azimuth)), elevation)
        else:
            centre = (uniform(rng, -math.pi, math.pi), uniform(rng, low, high))
        distance = min((plane_distance(centre, other) for other in taken), default=math.inf)
        if distance >= margin:
            return centre
        if distance > best_distance:
            best, best_distance = centre, distance
    return best


def sound_matrices(views: Sequence[DrawnView], switches: PublishedBehaviour) -> NDArray[np.float32]:
    """The matrices ``(views, 4, 4)`` on W, Y, Z, X that belong to drawn views: rotation, flip and gain in one.

    >>> left = fixed_view(sphere.View(math.pi / 2, 0.0, 1.5, 1.5))
    >>> matrices = sound_matrices([left, left], PublishedBehaviour())
    >>> (matrices @ ambisonics.encoding_gains(math.pi / 2, 0.0)).round(3) + 0.0
    array([[1., 0., 0., 1.],
           [1., 0., 0., 1.]])
    """
    matrices = np.zeros((len(views), 4, 4))
    matrices[:, 0, 0] = 1.0
    if switches.rotation == "original":
        turns = [
            sphere.yaw_rotation(-each.view.azimuth) @ sphere.pitch_rotation(-each.view.elevation) for each in views
        ]
    else:
        turns = [each.view.rotation for each in views]
    rows, columns = ambisonics.TURNED
    matrices[:, rows, columns] = turns
    if switches.channels == "misread":
        matrices = matrices @ _MISREAD
    for matrix, each in zip(matrices, views, strict=True):
        if each.flip and switches.flip_sound:
            matrix[ambisonics.Y] *= -1
        matrix *= each.gain
    return matrices.astype(np.float32)


def sound_matrix(drawn: DrawnView, switches: PublishedBehaviour) -> NDArray[np.float32]:
    """The one ``(4, 4)`` of :func:`sound_matrices` for a single view.

    >>> left = fixed_view(sphere.View(math.pi / 2, 0.0, 1.5, 1.5))
    >>> (sound_matrix(left, PublishedBehaviour()) @ ambisonics.encoding_gains(math.pi / 2, 0.0)).round(3) + 0.0
    array([1., 0., 0., 1.])
    """
    (matrix,) = sound_matrices([drawn], switches)
    return np.asarray(matrix, np.float32)
