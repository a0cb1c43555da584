"""How likely the numbers of :mod:`yt360.media.ambisonic.features` are under each kind of signal.

A small network fitted by ``fitting/ambisonics.py`` on simulated sound; its weights stand in ``model.json``.
Outputs are tempered and bounded as that fit found right, so that no sound can be surer than the evidence was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SoundModel:
    """``low`` and ``high`` bound each feature to what was seen when fitting, ``mean`` and ``scale`` normalize it.

    ``layers`` are weights ``(inputs, outputs)`` and biases, with tanh between them. ``floor`` is the least
    probability of any kind of signal, ``temperature`` what the last outputs are divided by.
    """

    features: tuple[str, ...]
    signals: tuple[str, ...]
    low: Array
    high: Array
    mean: Array
    scale: Array
    layers: tuple[tuple[Array, Array], ...]
    temperature: float
    floor: float

    def knows(self, features: Mapping[str, float]) -> bool:
        """Whether all that it asks for was measured; an earlier version measured less."""
        return features.keys() >= set(self.features)

    def likelihoods(self, features: Mapping[str, float]) -> dict[str, float]:
        """Relative likelihood of each kind of signal; they add up to 1."""
        x = np.array([features[name] for name in self.features], float)
        found = self.probabilities(x[None])[0]
        return dict(zip(self.signals, map(float, found), strict=True))

    def probabilities(self, x: Array) -> Array:
        """The same for many sounds at once: ``(n, features)`` to ``(n, signals)``."""
        x = (np.clip(x, self.low, self.high) - self.mean) / self.scale
        for weights, bias in self.layers[:-1]:
            x = np.tanh(x @ weights + bias)
        logits = (x @ self.layers[-1][0] + self.layers[-1][1]) / self.temperature
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        share = odds / odds.sum(axis=1, keepdims=True)
        return np.asarray(self.floor + (1 - self.floor * share.shape[1]) * share)


@lru_cache(maxsize=1)
def shipped_model() -> SoundModel:
    """The model that the package carries."""
    return read_model(Path(__file__).with_name("model.json"))


def read_model(path: Path) -> SoundModel:
    """A model from the JSON that the fit writes."""
    value = json.loads(path.read_text(encoding="utf-8"))
    low, high, mean, scale = (np.array(value[name], float) for name in ("low", "high", "mean", "scale"))
    layers = [(np.array(layer["weights"], float), np.array(layer["bias"], float)) for layer in value["layers"]]
    return SoundModel(
        tuple(value["features"]), tuple(value["signals"]), low, high, mean, scale, tuple(layers),
        float(value["temperature"]), float(value["floor"]),
    )  # fmt: skip
