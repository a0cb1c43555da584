"""What commands share that put a trained model to work: a process that looks into files, and a device that is there."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from yt360.errors import ItemError, UsageError

_LOOK_TIMEOUT_S = 300.0


class Looker:
    """A process that looks into files and may die of one."""

    def __enter__(self) -> Looker:
        self._pool: ProcessPoolExecutor | None = None
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def __call__(self, path: Path, convention: str) -> Any:
        from yt360.inference.recording import look

        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver"))
        try:
            return self._pool.submit(look, path, None, convention).result(timeout=_LOOK_TIMEOUT_S)
        except BrokenProcessPool as error:
            self._pool = None
            raise ItemError("crash", f"{path}: the process that looked into it died; see `yt360 inspect`") from error
        except TimeoutError as error:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
            raise ItemError("timeout", f"{path}: not looked through within {_LOOK_TIMEOUT_S:g} s") from error


def torch_device(name: str) -> str:
    """A device's name, if torch can compute there. Raises :class:`UsageError`."""
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"--device {name}: torch cannot compute there ({str(error).splitlines()[0]})") from error
    return name
