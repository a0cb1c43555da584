"""The device that a model runs on, by the word of a setting."""

from __future__ import annotations

from yt360.errors import UsageError


def pick_device(name: str) -> str:
    """torch's word for a device: ``auto`` is the first CUDA device, or the CPU."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"device {name!r}: expected auto, cpu, cuda or cuda:N that this machine has: {error}"
        ) from error
    return name
