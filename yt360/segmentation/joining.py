"""Which segments of several overlapping maps are the same object."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

K = TypeVar("K", bound=Hashable)


class Groups(Generic[K]):
    """Disjoint sets (union-find) of whatever can be a dictionary's key."""

    def __init__(self) -> None:
        self._parent: dict[K, K] = {}

    def find(self, key: K) -> K:
        """The one that stands for the group of ``key``."""
        parent = self._parent.setdefault(key, key)
        while parent != self._parent[parent]:
            self._parent[parent] = self._parent[self._parent[parent]]
            parent = self._parent[parent]
        self._parent[key] = parent
        return parent

    def join(self, a: K, b: K) -> None:
        """Make the groups of ``a`` and ``b`` one, named by the older of the two."""
        first, second = self.find(a), self.find(b)
        if first != second:
            self._parent[second] = first


def overlaps(
    a: NDArray[np.integer], b: NDArray[np.integer], weight: NDArray[np.floating]
) -> Iterable[tuple[int, int, float, float, float]]:
    """For each pair of segments that share pixels: both ids, shared weight, and the weight of each in all.

    ``a``, ``b`` and ``weight`` are ``(n,)``: two maps' ids (0: none) of the same directions, and what each
    direction counts (its solid angle).
    """
    step = int(b.max(initial=0)) + 1
    both = a.astype(np.int64) * step + b
    names, where = np.unique(both, return_inverse=True)
    shared = np.bincount(where, weights=weight, minlength=len(names))
    total_a = np.bincount(a, weights=weight)
    total_b = np.bincount(b, weights=weight)
    for name, amount in zip(names.tolist(), shared.tolist(), strict=True):
        first, second = divmod(name, step)
        if first and second:
            yield first, second, amount, float(total_a[first]), float(total_b[second])
