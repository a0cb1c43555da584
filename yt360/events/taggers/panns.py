"""PANNs: AudioSet's 527 classes from a published checkpoint of Cnn6, Cnn10 or Cnn14 (Kong et al. 2020).

The checkpoint says everything: the windowed Fourier matrix of its spectrogram, its mel weights, and how many
convolution blocks of which width and kernel follow. A block is one or two convolutions, each with a batch norm and a
ReLU, and a mean over 2 by 2 (of six blocks the last keeps its size). Then come the mean over frequencies, the maximum
plus the mean over time, a linear layer, and a sigmoid for each class. Files are read with weights alone allowed.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as nnf
from numpy.typing import NDArray

from yt360.errors import UsageError
from yt360.segmentation.device import pick_device

_RATE_OF_WINDOW = {256: 8_000, 512: 16_000, 1024: 32_000}
"""Window in samples -> sample rate of the published models; their hop is 10 ms."""

_HOPS_PER_S = 100
_LEAST_S, _PIECE_S = 1.0, 10.0
"""Sound is filled up with silence to the first, and heard in pieces of the second, as the networks were trained."""

_LARGEST_BYTES = 2 << 30
_LARGEST_LABELS = 1 << 20
_DB_FLOOR = 1e-10
_BN_EPS = 1e-5
_EXACT = 6
"""Blocks from which on the last one does not halve its size."""

Weights = Mapping[str, torch.Tensor]


class PannsTagger:
    """See :class:`yt360.events.taggers.Tagger`. A frame is up to ten seconds.

    Raises :class:`UsageError` when ``weights`` is no such checkpoint, ``labels`` no such table, or they do not fit.
    """

    name, licence = "panns", "CC BY 4.0 (Zenodo 3987831)"

    def __init__(self, weights: Path, labels: Path, device: str = "cpu", sha256: str = "") -> None:
        digest = _digest(weights)
        if not digest.startswith(sha256.lower()):
            raise UsageError(f"{weights}: expected a SHA-256 that begins with {sha256.lower()}, found {digest}")
        self._device = pick_device(device)
        self._net = {name: value.to(self._device) for name, value in read_checkpoint(weights).items()}
        self._blocks = _blocks(self._net, str(weights))
        window = self._net["spectrogram_extractor.stft.conv_real.weight"].shape[-1]
        self.rate_hz = _RATE_OF_WINDOW[window]
        self.labels = read_labels(labels)
        classes = int(self._net["fc_audioset.weight"].shape[0])
        if len(self.labels) != classes:
            raise UsageError(
                f"{labels}: expected the names of the {classes} classes of {weights}, found {len(self.labels)}"
            )
        self.weights = f"{weights.name} {digest[:16]}"

    def probabilities(self, sound: NDArray[np.float32]) -> NDArray[np.float64]:
        least, piece = round(_LEAST_S * self.rate_hz), round(_PIECE_S * self.rate_hz)
        count = max(1, -(-len(sound) // piece))
        found = []
        for part in np.array_split(sound, count):
            heard = np.pad(part, (0, max(0, least - len(part))))
            with torch.inference_mode():
                samples = torch.from_numpy(np.ascontiguousarray(heard, np.float32)).to(self._device)
                found.append(self._forward(samples).double().cpu().numpy())
        return np.stack(found)

    def _forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Probabilities ``(classes,)`` of mono ``(samples,)``."""
        x = self._normed(self._log_mel(samples).T[None, :, :, None], "bn0")  # (1, mels, time, 1)
        x = x.permute(0, 3, 2, 1)  # (1, 1, time, mels)
        for number, convolutions in enumerate(self._blocks, 1):
            for convolution in range(1, convolutions + 1):
                prefix = f"conv_block{number}"
                kernel = self._net[f"{prefix}.conv{convolution}.weight"]
                x = nnf.conv2d(x, kernel, padding=kernel.shape[-1] // 2)
                norm = f"{prefix}.bn{convolution}"
                x = torch.relu_(self._normed(x, norm))
            if number < _EXACT:
                x = nnf.avg_pool2d(x, 2)
        x = x.mean(dim=3)
        x = x.amax(dim=2) + x.mean(dim=2)
        x = torch.relu_(nnf.linear(x, self._net["fc1.weight"], self._net["fc1.bias"]))
        return torch.sigmoid(nnf.linear(x, self._net["fc_audioset.weight"], self._net["fc_audioset.bias"]))[0]

    def _log_mel(self, samples: torch.Tensor) -> torch.Tensor:
        """``(time, mels)`` in dB."""
        real, imaginary = (self._net[f"spectrogram_extractor.stft.conv_{part}.weight"] for part in ("real", "imag"))
        window = real.shape[-1]
        padded = nnf.pad(samples[None, None], (window // 2, window // 2), mode="reflect")
        hop = self.rate_hz // _HOPS_PER_S
        power = nnf.conv1d(padded, real, stride=hop).square() + nnf.conv1d(padded, imaginary, stride=hop).square()
        mel = power[0].T @ self._net["logmel_extractor.melW"]
        return 10 * torch.log10(mel.clamp(min=_DB_FLOOR))

    def _normed(self, x: torch.Tensor, name: str) -> torch.Tensor:
        mean, variance, weight, bias = (
            self._net[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return nnf.batch_norm(x, mean, variance, weight, bias, eps=_BN_EPS)


_PARTS_OF_NORM = ("running_mean", "running_var", "weight", "bias")


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """Name -> tensor of a checkpoint ``{"model": {…}}``, or of the tensors alone. Raises :class:`UsageError`."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise UsageError(f"{path}: expected a checkpoint of at most {_LARGEST_BYTES} bytes")
        found = torch.load(path, map_location="cpu", weights_only=True)
    except UsageError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        raise UsageError(
            f"{path}: expected a checkpoint of PANNs (weights alone), found: {type(error).__name__}: "
            f"{str(error).splitlines()[0] if str(error) else ''}; fetch it again"
        ) from error
    model = found.get("model", found) if isinstance(found, dict) else None
    if not isinstance(model, dict) or not all(isinstance(value, torch.Tensor) for value in model.values()):
        raise UsageError(f"{path}: expected a checkpoint with tensors under 'model', found {type(found).__name__}")
    tensors = {str(name).removeprefix("module."): value for name, value in model.items()}
    floats = {name: value.float() for name, value in tensors.items() if value.is_floating_point()}
    if wrong := [name for name, value in floats.items() if not bool(torch.isfinite(value).all())]:
        raise UsageError(f"{path}: expected finite numbers in {wrong[0]!r}, found others")
    return floats


def _blocks(net: Weights, where: str) -> list[int]:
    """How many convolutions each block has. Raises :class:`UsageError` where tensors are missing or do not fit."""
    try:
        return _fitting_blocks(net, where)
    except (IndexError, ValueError) as error:  # a tensor of fewer or more dimensions
        raise UsageError(f"{where}: expected layers of PANNs, found tensors of other dimensions ({error})") from error


def _fitting_blocks(net: Weights, where: str) -> list[int]:
    named = [re.fullmatch(r"conv_block(\d)\.conv([12])\.weight", name) for name in net]
    numbers = sorted((int(match[1]), int(match[2])) for match in named if match)
    count = numbers[-1][0] if numbers else 0
    blocks = [sum(number == block for number, _ in numbers) for block in range(1, count + 1)]
    needed = [
        "spectrogram_extractor.stft.conv_real.weight", "spectrogram_extractor.stft.conv_imag.weight",
        "logmel_extractor.melW", "fc1.weight", "fc1.bias", "fc_audioset.weight", "fc_audioset.bias",
    ]  # fmt: skip
    norms = ["bn0", *(f"conv_block{block}.bn{number}" for block, number in numbers)]
    needed += [f"{norm}.{part}" for norm in norms for part in _PARTS_OF_NORM]
    missing = [name for name in needed if name not in net]
    if missing or not blocks or min(blocks) < 1:
        raise UsageError(
            f"{where}: expected Cnn6, Cnn10 or Cnn14 of PANNs, found no "
            f"{(missing or ['conv_block1.conv1.weight'])[0]!r}"
        )
    bins, _, window = net["spectrogram_extractor.stft.conv_real.weight"].shape
    if window not in _RATE_OF_WINDOW:
        raise UsageError(
            f"{where}: expected a window of {', '.join(map(str, _RATE_OF_WINDOW))} samples, found {window}"
        )
    mels, channels = int(net["bn0.weight"].shape[0]), 1
    problem = f"{bins} and {tuple(net['logmel_extractor.melW'].shape)}"
    fits = tuple(net["logmel_extractor.melW"].shape) == (bins, mels) and mels >> min(count, _EXACT - 1) > 0
    for block, number in numbers:
        shape = tuple(net[f"conv_block{block}.conv{number}.weight"].shape)
        if shape[1] != channels or shape[2] != shape[3] or shape[2] % 2 == 0:
            fits, problem = False, f"{shape} behind {channels} channels"
        channels = shape[0]
    fits = fits and net["fc1.weight"].shape[1] == channels
    fits = fits and net["fc_audioset.weight"].shape[1] == net["fc1.weight"].shape[0]
    widths = {"bn0": mels}
    for block, number in numbers:
        widths[f"conv_block{block}.bn{number}"] = int(net[f"conv_block{block}.conv{number}.weight"].shape[0])
    wanted: dict[str, tuple[int, ...]]
    wanted = {f"{norm}.{part}": (widths[norm],) for norm in norms for part in _PARTS_OF_NORM}
    wanted |= {f"{layer}.bias": (int(net[f"{layer}.weight"].shape[0]),) for layer in ("fc1", "fc_audioset")}
    wanted["spectrogram_extractor.stft.conv_imag.weight"] = (bins, 1, window)
    wanted["spectrogram_extractor.stft.conv_real.weight"] = (bins, 1, window)
    for name, shape in wanted.items():
        if tuple(net[name].shape) != shape:
            fits, problem = False, f"{tuple(net[name].shape)} in {name}"
    if not fits:
        raise UsageError(f"{where}: expected layers of PANNs that fit each other, found {problem}")
    return blocks


def read_labels(path: Path) -> tuple[str, ...]:
    """Names in order of classes from AudioSet's ``class_labels_indices.csv``. Raises :class:`UsageError`."""
    try:
        if path.stat().st_size > _LARGEST_LABELS:
            raise ValueError("more than 1 MiB")
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        names = {int(row["index"]): str(row["display_name"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise UsageError(
            f"{path}: expected a table with the columns index and display_name (AudioSet's class_labels_indices.csv), "
            f"found: {error!r}"
        ) from error
    if sorted(names) != list(range(len(rows))) or not rows:
        raise UsageError(f"{path}: expected classes counted from 0 without a gap, found {len(rows)} rows")
    return tuple(names[number] for number in range(len(rows)))


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{path}: expected a checkpoint of PANNs, found: {error.strerror}") from error
