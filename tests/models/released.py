"""A checkpoint in the authors' layout with weights that follow from their names, so that nobody has to store them.

``released_outputs.npz`` beside this file holds what the published code (commit 817a8cf) gives for
these weights and :func:`inputs`: it was run once, in evaluation mode, on the CPU.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def _weights(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    rng = np.random.default_rng(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big"))
    if name.endswith("num_batches_tracked"):
        return torch.tensor(1)
    if name.endswith("running_var") or ("bn" in name and name.endswith("weight")) or name.endswith("norm.weight"):
        values = rng.uniform(0.5, 1.5, shape)
    elif len(shape) == 1:
        values = rng.normal(0, 0.1, shape)
    else:
        values = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
    return torch.from_numpy(values.astype(np.float32))


def _norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    shapes = {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}
    return shapes | {f"{name}.num_batches_tracked": ()}


def _linear(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def model_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of ``AV_Wrapper(R2Plus1D(18), Conv2D(10, 4))`` inside a DataParallel module."""
    shapes: dict[str, tuple[int, ...]] = {"video_model.conv1.0.weight": (64, 3, 3, 7, 7)}
    shapes |= _norm("video_model.conv1.1", 64)
    inputs = 64
    for stage, outputs in zip((2, 3, 4, 5), (64, 128, 256, 512), strict=True):
        for block in range(2):
            name = f"video_model.conv{stage}x.{block}"
            shapes[f"{name}.spt_conv1.weight"] = (outputs, inputs, 1, 3, 3)
            shapes |= _norm(f"{name}.spt_bn1", outputs)
            shapes[f"{name}.tmp_conv1.weight"] = (outputs, outputs, 3, 1, 1)
            shapes |= _norm(f"{name}.tmp_bn1", outputs)
            shapes[f"{name}.spt_conv2.weight"] = (outputs, outputs, 1, 3, 3)
            shapes |= _norm(f"{name}.spt_bn2", outputs)
            shapes[f"{name}.tmp_conv2.weight"] = (outputs, outputs, 3, 1, 1)
            shapes |= _norm(f"{name}.out_bn", outputs)
            if inputs != outputs:
                shapes[f"{name}.res_conv.weight"] = (outputs, inputs, 1, 1, 1)
            inputs = outputs
    shapes["audio_model.conv1.0.weight"] = (64, 4, 7, 7)
    shapes |= _norm("audio_model.conv1.1", 64)
    inputs = 64
    for block, outputs in enumerate((64, 128, 256, 512), start=1):
        name = f"audio_model.block{block}"
        shapes[f"{name}.conv1.weight"] = (outputs, inputs, 3, 3)
        shapes |= _norm(f"{name}.bn1", outputs)
        shapes[f"{name}.conv2.weight"] = (outputs, outputs, 3, 3)
        shapes |= _norm(f"{name}.bn2", outputs)
        inputs = outputs
    return {f"module.{name}": shape for name, shape in shapes.items()}


def criterion_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of ``MultiTask([Video2AudioSeq(...)])`` as ``Cur-Loc4-TransfD2.yaml`` configures it."""
    shapes: dict[str, tuple[int, ...]] = {}
    for translator in ("v2a_transformer", "a2v_transformer"):
        for layer in range(2):
            name = f"losses.0.{translator}.transformer.{layer}"
            for part in ("query", "key", "value", "dense"):
                shapes |= _linear(f"{name}.attention.{part}", 512, 512)
            shapes |= _linear(f"{name}.dense.0", 512, 2048) | _linear(f"{name}.dense.2", 2048, 512)
            for norm in ("attention_norm", "dense_norm"):
                shapes |= {f"{name}.{norm}.weight": (512,), f"{name}.{norm}.bias": (512,)}
    for head in ("video_head", "audio_head", "video_pred_head", "audio_pred_head"):
        shapes |= _linear(f"losses.0.{head}.projection.0", 512, 128)
    return shapes


def checkpoint() -> dict[str, object]:
    """What ``torch.load`` of a released file gives."""
    return {
        "epoch": 50,
        "model": {name: _weights(name, shape) for name, shape in model_shapes().items()},
        "train_criterion": {name: _weights(name, shape) for name, shape in criterion_shapes().items()},
    }


def inputs() -> dict[str, torch.Tensor]:
    """``video`` (2, 3, 8, 112, 112), ``sound`` (2, 4, 100, 128), and features (2, 4, 512) for translators and loss."""
    rng = np.random.default_rng(0)
    shapes = {
        "video": (2, 3, 8, 112, 112),
        "sound": (2, 4, 100, 128),
        "video_features": (3, 4, 512),
        "sound_features": (3, 4, 512),
    }
    return {name: torch.from_numpy(rng.normal(size=shape).astype(np.float32)) for name, shape in shapes.items()}


def picture() -> np.ndarray:
    """A smooth equirectangular picture (64, 128, 3) uint8."""
    rows, columns = np.mgrid[:64, :128] / 64 * np.pi
    waves = [np.sin(columns), np.cos(columns) * np.sin(rows), np.sin(2 * columns) * np.sin(rows) ** 2]
    return np.stack([127 + 100 * wave for wave in waves], axis=-1).astype(np.uint8)


VIEWS = [(0.0, 0.0), (0.25, 0.3), (-0.5, -0.4), (0.75, 0.2)]
"""Azimuth in units of pi (whole columns of :func:`picture`) and elevation in radians of recorded crops."""
