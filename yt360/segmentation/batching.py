"""Runs a model over a stream of pictures: decoding ahead, in batches, smaller ones when memory runs out."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from yt360.errors import ItemError

_LOG = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


def read_ahead(source: Iterable[T], depth: int) -> Iterator[T]:
    """The same items, made in a thread up to ``depth`` items before they are asked for.

    What the source raises is raised here, after the items before it. The thread ends when the caller stops early.
    """
    waiting: queue.Queue[tuple[str, Any]] = queue.Queue(max(1, depth))
    stopped = threading.Event()

    def hand_over(kind: str, value: Any) -> bool:
        while not stopped.is_set():
            try:
                waiting.put((kind, value), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in source:
                if not hand_over("item", item):
                    return
            hand_over("end", None)
        except BaseException as error:
            hand_over("error", error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            kind, value = waiting.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stopped.set()
        thread.join()


class Batcher(Generic[T, R]):
    """Calls ``function`` with up to ``size`` items at a time; halves the size for good when memory runs out."""

    def __init__(self, function: Callable[[list[T]], list[R]], size: int) -> None:
        self._function = function
        self.size = size

    def run(self, source: Iterable[T]) -> Iterator[R]:
        """Results in order. Raises :class:`ItemError` when not even one item fits into memory."""
        pending: list[T] = []
        for item in read_ahead(source, 2 * self.size):
            pending.append(item)
            if len(pending) >= self.size:
                yield from self._take(pending)
        while pending:
            yield from self._take(pending)

    def _take(self, pending: list[T]) -> list[R]:
        """Results of the first items of ``pending``, which are taken off it."""
        while True:
            part = pending[: self.size]
            if not part:
                return []
            too_much = False
            try:
                done = self._function(part)
            except (MemoryError, RuntimeError) as error:
                if not _out_of_memory(error):
                    raise
                if self.size == 1:
                    raise ItemError("out-of-memory", f"not even one picture fits into memory: {error}") from error
                too_much = True
            # Outside the handler: inside it the traceback still holds the tensors that are to be freed.
            if too_much:
                self.size = max(1, len(part) // 2)
                _LOG.warning("out of memory with %d pictures at a time; going on with %d", len(part), self.size)
                _free()
                continue
            del pending[: len(part)]
            return done


def _out_of_memory(error: BaseException) -> bool:
    words = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in words or "can't allocate memory" in words


def _free() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
