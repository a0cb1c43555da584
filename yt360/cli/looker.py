"""A process that looks into files for commands that read any file."""

from __future__ import annotations

import multiprocessing
import shlex
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from yt360.errors import ItemError, UsageError

_LOOK_TIMEOUT_S = 300.0


def naming_the_sound_beside(path: Path, error: UsageError) -> UsageError:
    """The same error for a command with ``--sound``: where a sound of the same name lies beside, it says so."""
    from yt360.cli.inspect import sound_beside

    beside = sound_beside(str(path))
    if beside is None:
        return error
    return UsageError(f"{error}; beside it lies a sound of the same name: give --sound {shlex.quote(str(beside))}")


class Looker:
    """A process that looks into files and may die of one."""

    def __enter__(self) -> Looker:
        self._pool: ProcessPoolExecutor | None = None
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def __call__(self, path: Path, convention: str, sound: Path | None = None) -> Any:
        """How to read a file. ``sound``: the file of its sound, where it is another one.

        Raises :class:`UsageError` and :class:`ItemError` as :func:`yt360.media.how_to_read.look` does, and for a file
        at which that crashes or hangs.
        """
        from yt360.media.how_to_read import look

        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver"))
        try:
            return self._pool.submit(look, path, sound, convention).result(timeout=_LOOK_TIMEOUT_S)
        except BrokenProcessPool as error:
            self._pool = None
            raise ItemError("crash", f"{path}: the process that looked into it died; see `yt360 inspect`") from error
        except TimeoutError as error:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
            raise ItemError("timeout", f"{path}: not looked through within {_LOOK_TIMEOUT_S:g} s") from error
