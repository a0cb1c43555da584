"""The views that training drew out of a clip: where it looked, and when.

With the folder of a run (``yt360 train --out``) they are those of that run: the plan of its batches names the clips and
the seeds of all random choices, so they are drawn again, without a picture. Without one they are drawn as the paper's
settings do.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.dataset.clip import Clip
from yt360.dataset.cutting import Moment, draw_looks
from yt360.dataset.manifest import load_split
from yt360.dataset.perspective_crop import DrawnView
from yt360.dataset.settings import SampleSettings
from yt360.training.batch_plan import BatchPlan, Request, fit_batches
from yt360.training.recipe import read_resolved

MOST_SAMPLES = 12
"""Samples of a clip that are shown, the first of a run."""

_MOST_BATCHES = 20_000
"""Batches of a run that are looked through for them."""

_SEED = 0
_EDGE = 8
"""Points on each edge of an outline: a straight edge of a view is a curve on the equirectangular picture."""


class TrainingRun:
    """A run's folder, and the root that it was trained on. Raises :class:`yt360.errors.UsageError` where it is none."""

    def __init__(self, folder: Path, root: str) -> None:
        self.name = folder.resolve().name
        recipe = read_resolved(folder / "recipe.json")
        self._test = load_split(root, recipe.data.test_split, recipe.data, recipe.sound.sample_rate_hz)
        self._train = load_split(root, recipe.data.train_split, recipe.data, recipe.sound.sample_rate_hz)
        self.recipe, _ = fit_batches(recipe, len(self._train.videos))
        self._plan = BatchPlan(self.recipe, self._train, self._test)

    def requests(self, clip: str) -> list[Request]:
        """The first samples of a clip that the run trained on; empty for one that it never saw."""
        numbers = {number for number, row in enumerate(self._train.clips) if row.clip == clip}
        if not numbers:
            return []
        batches = itertools.islice(self._plan.requests(), _MOST_BATCHES)
        wanted = (
            request
            for batch in batches
            for request in batch
            if request.augment and request.split == self._train.name and request.clip in numbers
        )
        return list(itertools.islice(wanted, MOST_SAMPLES))

    def settings(self, request: Request) -> SampleSettings:
        """How a sample of the run was made."""
        return self.recipe.sample_settings(request.phase)

    def phase(self, request: Request) -> str:
        return self.recipe.phases[request.phase].name


def drawn_views(clip: Clip, run: TrainingRun | None = None) -> dict[str, Any]:
    """What ``views.json`` holds: the views with times, angles and outlines, and in words whose they are.

    ``outline`` is a closed line of (azimuth, elevation) in degrees. Raises :class:`yt360.errors.ItemError` where views
    are drawn by the sound and the clip's does not decode.
    """
    views: list[dict[str, Any]] = []
    if run is None:
        whose = "as the paper's settings draw them, for want of a training run"
        settings = SampleSettings()
        longest = max(settings.data.sound_s, settings.data.picture_s)
        for number in range(MOST_SAMPLES if clip.duration_s >= longest else 0):
            views += _of_sample(clip, settings, (_SEED, number), {"sample": number})
    else:
        requests = run.requests(clip.id)
        whose = f"of the training run {run.name}" + ("" if requests else ", which did not use this clip")
        for number, request in enumerate(requests):
            about = {"sample": number, "phase": run.phase(request), "step": request.step}
            views += _of_sample(clip, run.settings(request), request.seed, about)
    return {"whose": whose, "samples": len({view["sample"] for view in views}), "views": views}


def _of_sample(
    clip: Clip, settings: SampleSettings, seed: tuple[int, ...], about: dict[str, Any]
) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    moments, views = draw_looks(rng, clip.decoder, settings, augment=True)
    found = []
    for number, view in enumerate(views):
        moment = moments[number if len(moments) > 1 else 0]
        found.append(about | {"number": number} | _times(clip, moment, settings) | _angles(view))
    return found


def _times(clip: Clip, moment: Moment, settings: SampleSettings) -> dict[str, Any]:
    sound_s = moment.sound_start / clip.sample_rate_hz
    return {
        "start_s": round(moment.frames[0] / clip.fps, 4),
        "end_s": round((moment.frames[-1] + 1) / clip.fps, 4),
        "sound_start_s": round(sound_s, 4),
        "sound_end_s": round(sound_s + settings.data.sound_s, 4),
    }


def _angles(drawn: DrawnView) -> dict[str, Any]:
    view = drawn.view
    azimuth, elevation = (np.degrees(each) for each in sphere.direction(outline(view)))
    return {
        "azimuth_deg": round(float(np.degrees(view.azimuth)), 2),
        "elevation_deg": round(float(np.degrees(view.elevation)), 2),
        "horizontal_fov_deg": round(float(np.degrees(view.horizontal_fov)), 2),
        "vertical_fov_deg": round(float(np.degrees(view.vertical_fov)), 2),
        "mirrored": drawn.flip,
        "outline": [[round(float(a), 2), round(float(e), 2)] for a, e in zip(azimuth, elevation, strict=True)],
    }


def outline(view: sphere.View) -> NDArray[np.float64]:
    """Unit vectors ``(n, 3)`` around the edge of a view's picture, counter-clockwise from its upper left corner.

    >>> corner = outline(sphere.View(0.0, 0.0, np.pi / 2, np.pi / 2))[0]
    >>> (corner * 3**0.5).round(6) + 0.0
    array([1., 1., 1.])
    """
    corners = [(1.0, 1.0), (1.0, -1.0), (-1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)]
    shares = np.arange(_EDGE) / _EDGE
    plane = []
    for (left, up), (next_left, next_up) in itertools.pairwise(corners):
        plane += [(left + (next_left - left) * share, up + (next_up - up) * share) for share in shares]
    wide, high = np.tan(view.horizontal_fov / 2), np.tan(view.vertical_fov / 2)
    rays = np.array([(1.0, left * wide, up * high) for left, up in plane])
    vectors: NDArray[np.float64] = (rays / np.linalg.norm(rays, axis=-1, keepdims=True)) @ view.rotation
    return vectors
