"""Checkpoints of Panoptic FPN: detectron2's pickles, read so that they can only bring arrays, and safetensors.

A published checkpoint is a pickle of ``{"model": {name: array}, …}`` made with Python 2 (hence
latin1). :class:`ArraysOnly` lets numpy's own way of rebuilding an array through and nothing else,
so a file that was made to run code is refused before anything runs.
"""

from __future__ import annotations

import json
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from yt360.errors import UsageError
from yt360.files import atomic_write
from yt360.models.safetensors_header import sort_metadata
from yt360.segmentation.fpn.config import FpnConfig
from yt360.segmentation.fpn.model import PanopticFPN

_LARGEST_BYTES = 4 << 30
_SKIPPED = ("pixel_mean", "pixel_std", "proposal_generator.anchor_generator.cell_anchors")
"""What older files hold besides weights."""

_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric")


def _latin1_bytes(text: str, encoding: str = "latin1") -> bytes:
    """How Python 2's protocol 2 writes bytes for Python 3."""
    return text.encode(encoding)


class ArraysOnly(pickle.Unpickler):
    """An unpickler that knows numpy arrays, scalars, plain containers and text. Anything else is an error."""

    def find_class(self, module: str, name: str) -> Any:
        if module in _MULTIARRAY and name in ("_reconstruct", "scalar", "_frombuffer"):
            from numpy._core import multiarray, numeric

            return getattr(numeric if name == "_frombuffer" else multiarray, name)
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("_codecs", "encode"):
            return _latin1_bytes
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, and only arrays are allowed")


def read_arrays(path: Path) -> dict[str, NDArray[np.floating]]:
    """Name -> float array of a checkpoint (``.pkl`` as published, or ``.safetensors``).

    Raises :class:`UsageError` when the file is not a whole checkpoint, or holds anything but arrays.
    """
    try:
        size = path.stat().st_size
        if size > _LARGEST_BYTES:
            raise UsageError(f"{path}: expected a checkpoint of at most {_LARGEST_BYTES} bytes, found {size}")
        found = load_file(path) if path.suffix == ".safetensors" else _read_pickle(path)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: expected a checkpoint, found no file") from error
    except (OSError, SafetensorError) as error:
        raise UsageError(f"{path}: expected a whole checkpoint, found: {error}; fetch it again") from error
    arrays = {name: value for name, value in found.items() if not name.startswith(_SKIPPED)}
    for name, value in arrays.items():
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or not np.isfinite(value).all():
            raise UsageError(f"{path}: expected finite numbers in {name!r}, found {type(value).__name__}")
    return arrays


def _read_pickle(path: Path) -> dict[str, NDArray[np.floating]]:
    try:
        with path.open("rb") as stream:
            value = ArraysOnly(stream, encoding="latin1").load()
    except OSError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        raise UsageError(
            f"{path}: expected a whole checkpoint of detectron2 (a pickle of arrays), found: "
            f"{type(error).__name__}: {error}; if the download was cut short, fetch it again"
        ) from error
    model = value.get("model") if isinstance(value, dict) else None
    if not isinstance(model, dict) or not all(isinstance(name, str) for name in model):
        raise UsageError(f"{path}: expected a checkpoint with the key 'model', found {type(value).__name__}")
    return dict(model)


def load_into(model: PanopticFPN, arrays: Mapping[str, NDArray[np.floating]], where: str) -> None:
    """Put a checkpoint's arrays into a model. Raises :class:`UsageError` that says how they differ if they do."""
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    problem = _difference({name: value.shape for name, value in arrays.items()}, expected)
    if problem:
        raise UsageError(f"{where}: {problem}")
    model.load_state_dict({name: torch.from_numpy(value.astype(np.float32)) for name, value in arrays.items()})


def _difference(found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]) -> str:
    """How a checkpoint differs from what a model needs, in words; empty when it does not."""
    depth, wanted_depth = _blocks(found), _blocks(expected)
    if depth != wanted_depth and any(depth):
        return (
            f"expected a ResNet with {wanted_depth} blocks in res2 to res5, found {depth}; "
            f"{'this is a ResNet-50: choose panoptic-fpn-r50' if depth == (3, 4, 6, 3) else ''}"
            f"{'this is a ResNet-101: choose panoptic-fpn-r101' if depth == (3, 4, 23, 3) else ''}"
        ).rstrip("; ")
    for name, meaning in (
        ("roi_heads.box_predictor.cls_score.weight", "kinds of things and background"),
        ("sem_seg_head.predictor.weight", "kinds of stuff and 'thing'"),
    ):
        if name in found and found[name][:1] != expected[name][:1]:
            return (
                f"expected {expected[name][0]} {meaning} (trained on COCO panoptic), found {found[name][0]}; "
                "this checkpoint was trained on other categories"
            )
    missing = sorted(set(expected) - set(found))
    if missing:
        return (
            f"{len(missing)} of {len(expected)} tensors are missing, first {missing[0]!r}: this is not a "
            "Panoptic FPN checkpoint in detectron2's layout"
        )
    surplus = sorted(set(found) - set(expected))
    if surplus:
        return f"{len(surplus)} tensors belong to another model, first {surplus[0]!r}"
    other = [name for name in expected if tuple(found[name]) != expected[name]]
    if other:
        return f"{other[0]!r} has the shape {tuple(found[other[0]])}, expected {expected[other[0]]}"
    return ""


def _blocks(shapes: Mapping[str, Any]) -> tuple[int, ...]:
    stages = (f"backbone.bottom_up.res{number}." for number in range(2, 6))
    first = [name for name in shapes if name.endswith(".conv1.weight")]
    return tuple(len([name for name in first if name.startswith(stage)]) for stage in stages)


def convert(source: Path, target: Path, config: FpnConfig) -> None:
    """Write a checkpoint as safetensors, after checking that it is one of ``config``."""
    arrays = read_arrays(source)
    load_into(PanopticFPN(config), arrays, str(source))
    tensors = {name: np.ascontiguousarray(value, np.float32) for name, value in arrays.items()}
    about = {"format": "yt360-panoptic-fpn", "source": json.dumps(source.name)}
    target.parent.mkdir(parents=True, exist_ok=True)

    def write(partial: Path) -> None:
        save_file(tensors, partial, metadata=about)
        sort_metadata(partial)

    # Maps say the digest of the weights that they were made with: the same checkpoint gives the same file.
    atomic_write(target, write)
