"""Tensors on disk: safetensors files, read without unpickling."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from yt360.errors import UsageError
from yt360.models.safetensors_header import sort_metadata


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write ``tensors`` (of any device) and ``metadata`` to ``path``, readable for whom the umask lets read it.

    Equal tensors and metadata give equal bytes.
    """
    held = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    # safetensors gives its files mode 0600 (0.8.0); a file made the ordinary way has the mode that the umask says.
    path.touch()
    mode = path.stat().st_mode & 0o777
    save_file(held, path, metadata=dict(metadata) if metadata is not None else None)
    sort_metadata(path)
    path.chmod(mode)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of ``path``, on the CPU; :class:`UsageError` where it is absent or not whole."""
    try:
        tensors: dict[str, Tensor] = load_file(path)
        return tensors
    except FileNotFoundError as error:
        raise UsageError(f"{path}: the weights are not there") from error
    except (SafetensorError, OSError) as error:
        raise UsageError(f"{path}: not a whole safetensors file ({error}); remove {path.parent}") from error
