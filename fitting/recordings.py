"""Folders of recordings as material for mixes: one speaker a folder, and pieces of music."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from yt360.synth import mixes

_LONGEST_S, _SHORTEST_S, _PROMPTS_S = 90.0, 25.0, 90.0
_KINDS = {".ogg", ".oga", ".opus", ".wav", ".flac", ".mp3", ".g722"}


def voices(folder: Path) -> list[NDArray[np.float32]]:
    """The files of each folder below joined, mono ``(n,)`` at the rate of mixes with an RMS of 1."""
    said: dict[Path, list[NDArray[np.float32]]] = {}
    for path in _files(folder):
        joined = said.setdefault(path.parent, [])
        if sum(part.size for part in joined) < _PROMPTS_S * mixes.RATE_HZ:
            joined.append(_recording(path, _PROMPTS_S).mean(axis=0))
    found = [np.concatenate(parts) for parts in said.values()]
    return [voice / np.sqrt(np.mean(voice**2)) for voice in found if voice.size > _SHORTEST_S * mixes.RATE_HZ]


def pieces(folder: Path) -> list[NDArray[np.float32]]:
    """The first 90 seconds of each piece that is not short or silent, stereo ``(2, n)`` at the rate of mixes."""
    found = [_recording(path, _LONGEST_S) for path in _files(folder)]
    return [piece for piece in found if piece.shape[1] > _SHORTEST_S * mixes.RATE_HZ and piece.std() > 1e-3]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _KINDS)


def _recording(path: Path, longest_s: float) -> NDArray[np.float32]:
    """The first stretch of a file as stereo ``(2, n)`` at the rate of mixes."""
    parts: list[NDArray[Any]] = []
    samples = 0
    resampler = av.AudioResampler("fltp", "stereo", mixes.RATE_HZ)
    with av.open(str(path), format="g722" if path.suffix == ".g722" else None) as container:
        for frame in container.decode(audio=0):
            resampled = [each.to_ndarray() for each in resampler.resample(frame)]
            parts += resampled
            samples += sum(part.shape[1] for part in resampled)
            if samples > longest_s * mixes.RATE_HZ:
                break
    return np.concatenate(parts, axis=1) if parts else np.zeros((2, 0), np.float32)
