"""What stands around a run: one at a time in a folder, and a clean end on SIGTERM and Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from yt360.errors import RootBusyError, UsageError
from yt360.root_marker import is_root


@contextmanager
def only_run(out: Path, *, first: bool, holds: Sequence[str] = ()) -> Iterator[None]:
    """Make the output folder and refuse a second run in it; only the ``first`` of several processes holds the lock.

    ``holds`` are files and folders (with a slash) that the run will write into it. Raises :class:`UsageError` where one
    of them cannot be written: hours later would be too late.
    """
    try:
        if is_root(out):
            raise UsageError(
                f"{out}: expected an output folder, found the root of a dataset, whose recipe.json would be replaced; "
                "give a folder of its own"
            )
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / ".lock").open("w") if first else None
    except OSError as error:
        raise UsageError(
            f"{out}: expected an output folder that can be written, found: {error.strerror}; use another --out"
        ) from error
    for name in holds:
        _require_writable(out / name, is_folder=name.endswith("/"))
    if lock is None:
        yield
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RootBusyError(f"{out}: another run is working there; wait for it or use a new --out") from None
        yield


def _require_writable(path: Path, *, is_folder: bool) -> None:
    if not os.path.lexists(path):
        return
    kind = "a folder" if is_folder else "a file"
    found = ""
    if not (path.is_dir() if is_folder else path.is_file()):
        found = "a link to nothing" if not path.exists() else "a folder" if path.is_dir() else "a file"
    elif not os.access(path, os.W_OK):
        found = f"{kind} that may not be written"
    if found:
        raise UsageError(f"{path}: expected {kind} that can be written, found {found}; use another --out, or move it")


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
