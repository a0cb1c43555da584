"""What commands share that put a trained model to work: options, a process that looks into files, a usable device."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import click

from yt360.errors import ItemError, UsageError

model_option = click.option(
    "--model",
    "name",
    required=True,
    metavar="DIR",
    help="Model folder, the name of one that comes with yt360 (avsa-procedural-world), or user/name on the hub.",
)
fov_option = click.option(
    "--fov",
    "fov_deg",
    type=click.FloatRange(0, 180, min_open=True, max_open=True),
    default=None,
    help="Field of view in degrees.  [default: the model's]",
)
convention_option = click.option(
    "--convention",
    type=click.Choice(["ambix", "n3d", "orthonormal", "fuma"]),
    default=None,
    help="Order and weights of the ambisonics, where you know them and the files do not say.",
)
device_option = click.option(
    "--device", default="cpu", show_default=True, help="Where the network computes: cpu, cuda, cuda:1."
)

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
