"""How far a stage is: items, rate, remaining time, and how many were kept, filtered and failed."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

from tqdm import tqdm

WORDS: Mapping[str, str] = {"done": "kept", "filtered": "filtered", "failed": "failed"}
"""Status of an ended item -> what people call it."""

_INTERVAL_S = 10.0
"""Seconds between lines where nobody watches a terminal (a log file, CI)."""


class StageProgress:
    """A bar on a terminal, a line now and then elsewhere; both on standard error. ``quiet``: neither.

    On a terminal the bar is there at once; elsewhere the first line says what begins.
    """

    def __init__(
        self,
        stage: str,
        total: int,
        *,
        stream: TextIO | None = None,
        quiet: bool = False,
        words: Mapping[str, str] = WORDS,
    ) -> None:
        self._stream = stream or sys.stderr
        self._stage = stage
        self._counts: Counter[str] = Counter()
        self._total = total
        self._started = self._last = time.monotonic()
        self._bar: tqdm[Any] | None = None
        self._quiet, self._names = quiet, words
        if quiet:
            return
        if self._stream.isatty():
            self._bar = tqdm(total=total, desc=f"{stage:>10}", unit="item", file=self._stream, dynamic_ncols=True)
        elif total:
            self.say(f"{stage:>10}: {total} items …")

    def add(self, status: str, count: int = 1) -> None:
        """Count ended items: ``done``, ``filtered`` or ``failed``."""
        self._counts[status] += count
        if self._bar is not None:
            self._bar.set_postfix_str(self._words(), refresh=False)
            self._bar.update(count)
        elif time.monotonic() - self._last > _INTERVAL_S:
            self._last = time.monotonic()
            done = self._counts.total()
            rate = done / (self._last - self._started)
            left = (self._total - done) / rate if rate else 0.0
            self.say(f"{self._stage:>10}: {done}/{self._total} items, {rate:.2f}/s, {left:.0f} s left, {self._words()}")

    def say(self, text: str) -> None:
        """A line that does not tear the bar."""
        if self._quiet:
            return
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        else:
            print(text, file=self._stream, flush=True)

    def _words(self) -> str:
        return ", ".join(f"{self._counts[status]} {name}" for status, name in self._names.items())

    def __enter__(self) -> StageProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._total:
            seconds = time.monotonic() - self._started
            self.say(
                f"{self._stage:>10}: {self._counts.total()}/{self._total} items in {seconds:.1f} s, {self._words()}"
            )
