"""How far a stage is: items, rate, remaining time, and how many were kept, filtered and failed."""

from __future__ import annotations

import sys
import time
from collections import Counter
from types import TracebackType
from typing import TextIO

from tqdm import tqdm

_QUIET_INTERVAL_S = 10.0
"""Seconds between lines where nobody watches a terminal (a log file, CI)."""


class StageProgress:
    """A bar on a terminal, a line now and then elsewhere; both on standard error."""

    def __init__(self, stage: str, total: int, *, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._stage = stage
        self._counts: Counter[str] = Counter()
        self._total = total
        self._started = self._last = time.monotonic()
        self._bar: tqdm | None = None
        if self._stream.isatty():
            self._bar = tqdm(total=total, desc=f"{stage:>10}", unit="item", file=self._stream, dynamic_ncols=True)

    def add(self, status: str) -> None:
        """Count one ended item: ``done``, ``filtered`` or ``failed``."""
        self._counts[status] += 1
        if self._bar is not None:
            self._bar.set_postfix_str(self._words(), refresh=False)
            self._bar.update()
        elif time.monotonic() - self._last > _QUIET_INTERVAL_S:
            self._last = time.monotonic()
            done = self._counts.total()
            rate = done / (self._last - self._started)
            left = (self._total - done) / rate if rate else 0.0
            self.say(f"{self._stage:>10}: {done}/{self._total} items, {rate:.2f}/s, {left:.0f} s left, {self._words()}")

    def say(self, text: str) -> None:
        """A line that does not tear the bar."""
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        else:
            print(text, file=self._stream, flush=True)

    def _words(self) -> str:
        counts = self._counts
        return f"{counts['done']} kept, {counts['filtered']} filtered, {counts['failed']} failed"

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
