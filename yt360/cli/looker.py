"""A process that looks into files for commands that read any file."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from yt360.errors import ItemError

_LOOK_TIMEOUT_S = 300.0


class Looker:
    """A process that looks into files and may die of one."""

    def __enter__(self) -> Looker:
        self._pool: ProcessPoolExecutor | None = None
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def __call__(self, path: Path, convention: str, sound: Path | None = None) -> Any:
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
