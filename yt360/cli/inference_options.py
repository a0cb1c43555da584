"""What commands share that put a trained model to work: options, a process that looks into files, a usable device."""

from __future__ import annotations

import click

from yt360.errors import UsageError

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


def torch_device(name: str) -> str:
    """A device's name, if torch can compute there. Raises :class:`UsageError`."""
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"--device {name}: torch cannot compute there ({str(error).splitlines()[0]})") from error
    return name
