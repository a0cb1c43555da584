"""The logit of a still, from features: a linear part and small trees, whose weights lie beside this file.

Both halves see the same features; the linear one goes on where nothing was fitted, the trees know the exceptions.
Fitted by ``fitting/stills.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

WEIGHTS = Path(__file__).with_name("classifier.npz")
_DEPTH = 3

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Classifier:
    """``names`` of the ``n`` features, in order; ``weights`` ``(n,)`` of the features once ``mean`` is taken off and
    they are divided by ``scale``, and their ``bias``.

    ``trees`` are complete: node k goes on to 2 k + 1 where the feature ``features[t, k]`` is at most
    ``limits[t, k]``, and to 2 k + 2 where it is more (``(t, 7)`` each); ``leaves`` ``(t, 8)`` add up, with ``start``.
    ``calibration`` is an offset and a factor for the mean of the two.
    """

    names: tuple[str, ...]
    mean: Floats
    scale: Floats
    weights: Floats
    bias: float
    features: NDArray[np.int64]
    limits: Floats
    leaves: Floats
    start: float
    calibration: tuple[float, float]

    def logit(self, values: Floats) -> float:
        """Of one video's features ``(n,)``, in the order of ``names``."""
        linear = float((values - self.mean) / self.scale @ self.weights) + self.bias
        tree, node = np.arange(len(self.features)), np.zeros(len(self.features), np.int64)
        for _ in range(_DEPTH):
            more = values[self.features[tree, node]] > self.limits[tree, node]
            node = 2 * node + 1 + more
        grown = self.start + float(self.leaves[tree, node - (2**_DEPTH - 1)].sum())
        offset, factor = self.calibration
        return offset + factor * (linear + grown) / 2

    def save(self, path: Path) -> None:
        """As plain arrays."""
        parts = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "names"}
        np.savez_compressed(path, names=np.array(self.names), **parts)

    @classmethod
    def load(cls, path: Path) -> Self:
        with np.load(path, allow_pickle=False) as kept:
            offset, factor = kept["calibration"].tolist()
            return cls(
                names=tuple(kept["names"].tolist()),
                mean=kept["mean"],
                scale=kept["scale"],
                weights=kept["weights"],
                bias=float(kept["bias"]),
                features=kept["features"],
                limits=kept["limits"],
                leaves=kept["leaves"],
                start=float(kept["start"]),
                calibration=(offset, factor),
            )


@cache
def shipped() -> Classifier:
    """The one that lies beside this file."""
    return Classifier.load(WEIGHTS)
