"""Weighs the segments of a sound: how likely is something in W alone, dry in the front, or a stereo bed over it.

A few small networks over :mod:`yt360.filters.post_production.segment_features`, their logits averaged: two layers for
each segment, mean and spread over the segments, one layer for the whole. Fitted by ``fitting/post_production.py`` on
procedural mixes; the weights lie beside this file as plain arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

KINDS = ("omni", "front", "bed")
"""Laid into W alone; dry and exactly in front; a stereo pair."""

WEIGHTS = Path(__file__).with_name("classifier.npz")
"""The fitted weights, arrays by name."""

_WIDEST = 6.0
"""Standard deviations beyond which an unusual number is taken as no more unusual."""


class Classifier:
    """Scores from ``weights``: ``mean`` and ``scale`` of the columns, and ``0.first.weight`` … by network."""

    def __init__(self, weights: Mapping[str, NDArray[np.floating]]) -> None:
        self._mean, self._scale = (np.asarray(weights[name], np.float32) for name in ("mean", "scale"))
        numbers = sorted({name.split(".")[0] for name in weights if name[0].isdigit()}, key=int)
        self._networks = [
            {
                name.partition(".")[2]: np.asarray(value, np.float32)
                for name, value in weights.items()
                if name.startswith(f"{number}.")
            }
            for number in numbers
        ]

    def video(self, vectors: NDArray[np.float32], loud: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Logits ``(3,)``, as :data:`KINDS`, for the segments ``(n, columns)`` of one sound; -20 without any sound."""
        if not loud.any():
            return np.full(len(KINDS), -20.0)
        found = []
        for network, inside in self._inside(vectors[loud]):
            mean = inside.mean(axis=0)
            spread = np.sqrt(np.mean((inside - mean) ** 2, axis=0) + 1e-4)
            found.append(_linear(network, "last", np.concatenate([mean, spread])))
        return np.clip(np.mean(found, axis=0, dtype=np.float64), -20, 20)

    def segments(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Logits ``(n, 3)`` of the segments by themselves: where it is, once the whole says that it is there."""
        if not len(vectors):
            return np.zeros((0, len(KINDS)))
        each = [_linear(network, "each", inside) for network, inside in self._inside(vectors)]
        return np.clip(np.mean(each, axis=0, dtype=np.float64), -20, 20)

    def _inside(self, vectors: NDArray[np.float32]) -> list[tuple[dict[str, NDArray[np.float32]], NDArray[np.float32]]]:
        scaled = np.clip((vectors - self._mean) / self._scale, -_WIDEST, _WIDEST)
        found = []
        for network in self._networks:
            first = np.maximum(_linear(network, "first", scaled), 0)
            found.append((network, np.maximum(_linear(network, "second", first), 0)))
        return found


def _linear(network: Mapping[str, NDArray[np.float32]], name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = values @ network[f"{name}.weight"].T + network[f"{name}.bias"]
    return found


@lru_cache(maxsize=1)
def fitted() -> Classifier:
    """The classifier with the weights of this version."""
    with np.load(WEIGHTS, allow_pickle=False) as weights:
        return Classifier(dict(weights))
