"""Where does the model believe the sound to be, and how is it turned? Both without labels (not in the paper).

*Source*: a grid of views looks everywhere; each view's picture is compared with the sound as heard
in it. The direction of the best match is held against where the sound field itself says it comes
from (its intensity vector), on samples whose sound is directed enough to say so.

*Yaw*: the sound is turned by each of the grid's azimuth steps; the turn under which all views match
best should be none. The error is the size of the turn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from yt360 import ambisonics, sphere
from yt360.dataset.cutting import cut, draw_moments, sound_samples
from yt360.dataset.decoding import ClipDecoder
from yt360.dataset.manifest import ClipRow
from yt360.dataset.members import MemberReader
from yt360.dataset.settings import SampleSettings
from yt360.dataset.views import fixed_view
from yt360.evaluation.frozen_features import turned_matrices
from yt360.evaluation.intervals import Measure, bootstrap
from yt360.evaluation.pretrained import Pretrained
from yt360.evaluation.recipe import LocaliseTask
from yt360.training.batch_plan import Request


def grid(task: LocaliseTask) -> list[sphere.View]:
    """``around`` views a ring, ring by ring."""
    fov = math.radians(task.fov_deg)
    return [
        sphere.View(float(sphere.wrap_angle(2 * math.pi * k / task.around)), math.radians(elevation), fov, fov)
        for elevation in task.elevations_deg
        for k in range(task.around)
    ]


@dataclass
class GridMaker:
    """Makes the sample of a request on a grid of views; picklable, for loader workers."""

    task: LocaliseTask
    settings: SampleSettings
    reader: MemberReader

    def __call__(self, request: Request, clip: ClipRow) -> dict[str, NDArray[Any]]:
        """``pictures``, ``sound``, ``matrices``, ``directions``, and ``heard`` (4,): direction and directness."""
        settings = self.settings
        made = cut(
            ClipDecoder(self.reader, clip),
            draw_moments(np.random.default_rng(request.seed), clip, settings.data, 1),
            [fixed_view(view, settings.behaviour) for view in grid(self.task)],
            samples=sound_samples(settings.data, clip.sample_rate_hz),
            size=settings.views.size,
            switches=settings.behaviour,
        )
        heard = ambisonics.sound_direction(made.sound[0])
        direction = sphere.unit_vector(heard.azimuth, heard.elevation)
        return made.arrays() | {"heard": np.array([*direction, 1 - heard.diffuseness], np.float64)}


def match(pretrained: Pretrained, batch: dict[str, Tensor], *, task: LocaliseTask) -> dict[str, Tensor]:
    """``match`` (n, views): similarity of each view's picture and its sound; ``turned`` (n, around): its mean over
    views after each turn of the sound; ``heard`` (n, 4)."""
    count, views = batch["pictures"].shape[:2]
    model, steps = pretrained.model, task.around
    video = model.video(pretrained.pictures(batch["pictures"]).flatten(0, 1)).view(count, views, -1)
    angles = 2 * math.pi * np.arange(steps) / steps
    rotations = np.broadcast_to(np.stack([sphere.yaw_rotation(angle) for angle in angles]), (count, steps, 3, 3))
    matrices = turned_matrices(batch["matrices"], rotations, pretrained.origin.samples.behaviour)
    found = []
    for step in range(steps):
        spectrograms = pretrained.spectrogram(batch["sound"], matrices[:, step])
        sound = model.sound(spectrograms.flatten(0, 1)).view(count, views, -1)
        made = model.heads(video, sound, batch["directions"])
        similarity = (made.video_prediction * made.video_target).sum(-1)
        found.append((similarity + (made.sound_prediction * made.sound_target).sum(-1)) / 2)
    stacked = torch.stack(found, dim=1)
    return {"match": stacked[:, 0].float(), "turned": stacked.mean(dim=2).float(), "heard": batch["heard"]}


def source_errors(
    match_map: NDArray[np.floating], heard: NDArray[np.floating], directions: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Angle in degrees (n,) between the direction of the best match and where the sound comes from."""
    best = directions[np.argmax(match_map, axis=1)]
    return np.degrees(sphere.angle_between(best, heard[:, :3]))


def yaw_errors(turned: NDArray[np.floating]) -> NDArray[np.float64]:
    """Size in degrees (n,) of the turn that matches best."""
    steps = turned.shape[1]
    angle = np.argmax(turned, axis=1) * 360 / steps
    return np.asarray(np.minimum(angle, 360 - angle))


def measures(
    task: LocaliseTask, found: dict[str, NDArray[np.float64]], videos: NDArray[np.int64]
) -> dict[str, Measure]:
    """Median errors with what guessing gives: a random view of the grid, and the best single direction for all."""
    views = np.stack([view.rotation[0] for view in grid(task)])
    directed = found["heard"][:, 3] >= task.least_directness
    heard, groups = found["heard"][directed], videos[directed]
    errors = source_errors(found["match"][directed], heard, views)
    every = (
        np.degrees(sphere.angle_between(views[None], heard[:, None, :3])) if len(heard) else np.zeros((0, len(views)))
    )
    always = every[:, int(np.argmin(np.median(every, axis=0)))] if len(heard) else np.zeros(0)
    yaw = yaw_errors(found["turned"])
    around = np.minimum(np.arange(task.around), task.around - np.arange(task.around)) * 360 / task.around

    def median(values: NDArray[np.float64], of: NDArray[np.int64]) -> Measure:
        return bootstrap(lambda rows: float(np.median(values[rows])), of)

    return {
        "source_error_deg": median(errors, groups),
        "source_error_random_deg": median(np.median(every, axis=1), groups),
        "source_error_one_direction_deg": median(always, groups),
        "yaw_error_deg": median(yaw, videos),
        "yaw_error_random_deg": _exact(float(np.median(around)), len(yaw)),
        "yaw_right": bootstrap(lambda rows: 100 * float((yaw[rows] == 0).mean()), videos),
        "yaw_right_random": _exact(100 / task.around, len(yaw)),
    }


def _exact(value: float, n: int) -> Measure:
    """What is known without measuring."""
    return Measure(value, value, value, n, 0)
