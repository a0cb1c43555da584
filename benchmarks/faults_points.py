"""Every write of an attempt, a ledger and a manifest is a point at which a run may end: count them, fail each.

A run of toys in this process does what real ones do (outputs to a work folder, into place, then the record). What it
calls of the operating system to change a disk is counted; then, in a forked process for each, the run is ended or
gets an error at that very call, and is resumed.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.engine.conftest import run_inline, toy_recipe
from yt360.engine.storage import Root
from yt360.errors import Yt360Error

NAMES = ["a", "bb"]
_CALLS = ("replace", "rename", "fsync", "mkdir", "unlink", "rmdir", "link")
WAYS = ("killed before", "killed during", "killed after", "error before", "error after")
"""Only what takes time has a during: a write (half of it arrives), a flush (half of the file had arrived)."""


class Points:
    """Counts calls, and does at the one with number ``fatal`` what ``way`` says."""

    def __init__(self, fatal: int = -1, way: str = "") -> None:
        self.kinds: list[str] = []
        self._fatal, self._way = fatal, way

    def call(self, kind: str, real: Callable[..., Any], half: Callable[[], Any], *words: Any, **named: Any) -> Any:
        number = len(self.kinds)
        self.kinds.append(kind)
        if number != self._fatal:
            return real(*words, **named)
        what, when = self._way.split()
        if when == "during":
            half()
        if when == "after":
            with contextlib.suppress(OSError):
                real(*words, **named)
        if what == "killed":
            os._exit(137)
        raise OSError(errno.EIO, f"Input/output error ({kind}, {when})")

    def watch(self) -> None:
        """Stand in for the system's calls, for the rest of this process."""
        points = self
        for kind in _CALLS:
            real = getattr(os, kind)

            def watched(*words: Any, _kind: str = kind, _real: Any = real, **named: Any) -> Any:
                half = (lambda: _cut(words[0])) if _kind == "fsync" else (lambda: None)
                return points.call(_kind, _real, half, *words, **named)

            setattr(os, kind, watched)

        class Watched(io.FileIO):
            def write(self, data: Any) -> int:
                real = super().write
                return int(points.call("write", real, lambda: real(bytes(data)[: len(data) // 2]), data))

        io.FileIO = Watched  # type: ignore[misc]


def _cut(descriptor: int) -> None:
    """Half of what was written to a file never arrived."""
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode):
        os.truncate(f"/proc/self/fd/{descriptor}", found.st_size // 2)


def _in_a_fork(work: Callable[[], int]) -> int:
    """Exit code of a process that does ``work``; what it prints is dropped."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            os._exit(work())
        except BaseException:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run(root: Root, points: Points | None = None) -> int:
    if points is not None:
        points.watch()
    try:
        failed = run_inline(root, toy_recipe(NAMES), retry="failed" if points is None else None).failed
    except (OSError, Yt360Error):
        return 70
    return 1 if failed else 0


def count_points(root: Root) -> list[str]:
    """The calls of an undisturbed run, in order."""
    read, write = os.pipe()

    def counted() -> int:
        points = Points()
        code = _run(root, points)
        with os.fdopen(write, "w") as stream:
            stream.write(" ".join(points.kinds))
        return code

    code = _in_a_fork(counted)
    os.close(write)
    with os.fdopen(read) as stream:
        kinds = stream.read().split()
    if code:
        raise SystemExit(f"the undisturbed run ended with {code}")
    return kinds


def cases(kinds: list[str]) -> Iterator[tuple[int, str]]:
    for number, kind in enumerate(kinds):
        for way in WAYS:
            if not way.endswith("during") or kind in ("write", "fsync"):
                yield number, way


def fail_at(folder: Path, number: int, way: str, judge: Callable[[Root], str]) -> str:
    """One run that fails at one point, and its resumption."""
    root = Root(folder / "point")
    ended = _in_a_fork(lambda: _run(root, Points(number, way)))
    if way.startswith("killed") and ended != 137:
        return f"the point was not reached (exit code {ended})"
    resumed = _in_a_fork(lambda: _run(root))
    return judge(root) if resumed == 0 else f"resume ended with {resumed}"
