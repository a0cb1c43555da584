"""Runs a network over one input at a time: what it gives does not depend on other inputs or on the number of cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


def each_alone(function: Callable[[T], R], items: Sequence[T], *, device: str) -> list[R]:
    """``function`` of each item, in order, where it runs a network of torch on ``device`` over that item alone.

    How a network's sums are rounded depends on how many pictures go through it together, and on a processor on how
    many threads share a sum. So pictures share nothing: on a processor several are in the works at a time, as many as
    torch has threads, and each has one. Not to be called by several threads at once.
    """
    threads = torch.get_num_threads()
    if device != "cpu" or threads == 1:
        return [function(item) for item in items]
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(
            max(1, min(threads, len(items))), initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            return list(pool.map(function, items))
    finally:
        torch.set_num_threads(threads)
