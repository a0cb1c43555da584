"""Labels as what a head is to predict, and what it predicted as sources: multi-ACCDOA.

A source of a class in a frame is a vector that points to it and is as long as it is active (Shimada et al., ICASSP
2022). Several tracks a class can hold as many sources; a track that is left over repeats one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from yt360 import sphere
from yt360.dataset.starss import EventLabel
from yt360.evaluation.localisation_scores import Frame


def reference_frames(labels: Sequence[EventLabel], frames: int) -> list[Frame]:
    """What sounds in each of ``frames``: class -> unit vectors ``(n, 3)``. Labels behind the end are left out."""
    held: list[dict[int, list[NDArray[np.float64]]]] = [{} for _ in range(frames)]
    for each in labels:
        if each.frame < frames:
            vector = sphere.unit_vector(np.radians(each.azimuth_deg), np.radians(each.elevation_deg))
            held[each.frame].setdefault(each.label, []).append(vector)
    return [{label: np.stack(vectors) for label, vectors in frame.items()} for frame in held]


def event_targets(references: Sequence[Frame], classes: int, tracks: int) -> tuple[Tensor, Tensor]:
    """Vectors ``(frames, tracks, classes, 3)`` of the first ``tracks`` sources a class, and how many ``(frames,
    classes)``.
    """
    vectors = torch.zeros(len(references), tracks, classes, 3)
    counts = torch.zeros(len(references), classes, dtype=torch.long)
    for number, frame in enumerate(references):
        for label, directions in frame.items():
            held = directions[:tracks]
            vectors[number, : len(held), label] = torch.from_numpy(held).float()
            counts[number, label] = len(held)
    return vectors, counts


def track_loss(predicted: Tensor, vectors: Tensor, counts: Tensor) -> Tensor:
    """Mean squared error of ``predicted`` ``(…, tracks, classes, 3)`` under the best way of giving tracks to sources.

    Every source has at least one track, and every track one source (auxiliary duplicating permutation invariant
    training); where nothing sounds, all tracks are to be zero.
    """
    tracks = predicted.shape[-3]
    best = predicted.square().mean(dim=(-3, -1))
    for count in range(1, tracks + 1):
        ways = [way for way in product(range(count), repeat=tracks) if len(set(way)) == count]
        errors = torch.stack([(predicted - vectors[..., list(way), :, :]).square().mean(dim=(-3, -1)) for way in ways])
        best = torch.where(counts == count, errors.amin(dim=0), best)
    return best.mean()


def found_frames(predicted: NDArray[np.floating], threshold: float, merge_deg: float) -> list[Frame]:
    """The sources in vectors ``(frames, tracks, classes, 3)``: those longer than ``threshold``; of a class, tracks
    nearer than ``merge_deg`` to each other are one, at their mean.
    """
    frames: list[Frame] = []
    lengths = np.linalg.norm(predicted, axis=-1)
    for vectors, length in zip(predicted, lengths, strict=True):
        found: dict[int, NDArray[np.float64]] = {}
        for label in np.flatnonzero((length > threshold).any(axis=0)):
            strong = np.argsort(-length[:, label])
            groups: list[list[NDArray[np.floating]]] = []
            for track in strong[length[strong, label] > threshold]:
                vector = vectors[track, label]
                near = next((group for group in groups if _apart_deg(group[0], vector) < merge_deg), None)
                (near.append(vector) if near is not None else groups.append([vector]))
            sums = np.stack([np.sum(group, axis=0) for group in groups])
            found[int(label)] = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        frames.append(found)
    return frames


def _apart_deg(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    return float(np.degrees(sphere.angle_between(a, b)))
