"""What stands around a run: one at a time in a folder, and a clean end on SIGTERM and Ctrl-C."""

from __future__ import annotations

import fcntl
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from yt360.errors import RootBusyError, UsageError


@contextmanager
def only_run(out: Path, *, first: bool) -> Iterator[None]:
    """Make the output folder and refuse a second run in it; only the ``first`` of several processes holds the lock."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / ".lock").open("w") if first else None
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise UsageError(f"{out}: cannot be used as the output folder ({error.strerror})") from error
    if lock is None:
        yield
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RootBusyError(f"{out}: another run is working there; wait for it or use a new --out") from None
        yield


@contextmanager
def stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT call ``stop``; a second one does what it did before."""
    earlier: dict[int, Any] = {}

    def handle(number: int, _: object) -> None:
        stop()
        signal.signal(number, earlier[number])

    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            earlier[number] = signal.signal(number, handle)
    except ValueError:
        pass  # not in the main thread: whoever runs us there handles signals
    try:
        yield
    finally:
        for caught, handler in earlier.items():
            signal.signal(caught, handler)


def differing_names(a: Any, b: Any, prefix: str = "") -> list[str]:
    """Dotted names of values that differ between two JSON values."""
    if isinstance(a, dict) and isinstance(b, dict):
        names = sorted(a.keys() | b.keys())
        return [found for name in names for found in differing_names(a.get(name), b.get(name), f"{prefix}{name}.")]
    return [] if a == b else [prefix.rstrip(".")]
