"""Frozen features of labelled recordings: one window after the other, in a ring of directions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from yt360 import sphere
from yt360.dataset.perspective_crop import PAD, DrawnView, continue_sphere, crop_frames
from yt360.dataset.starss import LabelledRecording
from yt360.dataset.views import sound_matrix
from yt360.errors import UsageError
from yt360.evaluation.doa.settings import DoaSettings
from yt360.files import atomic_write
from yt360.hashing import digest_json
from yt360.inference.processor import views_of
from yt360.inference.recording import FrameWindow
from yt360.media.picture import VideoDecodeSpec
from yt360.media.probe import probe
from yt360.media.reading_picture import read_frames
from yt360.models.avsa_model import AVSAModel

_BATCH = 8
"""Windows that pass the model together."""


def ring(settings: DoaSettings, model: AVSAModel) -> list[DrawnView]:
    """The views in which features are taken: around the vertical axis, the first to the front."""
    made = model.processor_settings
    directions_deg = [(360 * k / settings.around, 0.0) for k in range(settings.around)]
    return views_of(directions_deg, made.fov_deg, made)


def ring_rotations(settings: DoaSettings) -> NDArray[np.float32]:
    """``(directions, 3, 3)``: matrices from the world's frame to each view's."""
    turns = [sphere.view_rotation(math.radians(360 * k / settings.around), 0.0) for k in range(settings.around)]
    return np.stack(turns).astype(np.float32)


def feature_size(model: AVSAModel, settings: DoaSettings) -> int:
    """Features of one direction."""
    return model.config.model.features * len(settings.inputs)


def recording_features(
    model: AVSAModel, recording: LabelledRecording, settings: DoaSettings, cache: Path, weights: str
) -> Tensor:
    """Features ``(windows, directions, n)`` of a recording, float32. Window k lies around frames ``k * frames`` on.

    What was computed is kept below ``cache``; ``weights`` is a digest of the model's. Raises :class:`UsageError` where
    a picture is asked for and missing.
    """
    stamps = [(file.stat().st_size, file.stat().st_mtime_ns) for file in (recording.sound, recording.video) if file]
    facts = [recording.name, stamps, weights, settings.around, settings.frames, settings.inputs]
    path = cache / f"{digest_json(facts)}.npy"
    if path.is_file():
        return torch.from_numpy(np.load(path, allow_pickle=False))
    windows = math.ceil(recording.frames / settings.frames)
    with torch.no_grad():
        made = {"sound": _heard, "video": _seen}
        parts = [torch.cat(list(made[kind](model, recording, settings, windows))) for kind in settings.inputs]
    features = torch.cat(parts, dim=-1).cpu()
    atomic_write(path, lambda partial: _save(partial, features))
    return features


def _heard(model: AVSAModel, recording: LabelledRecording, settings: DoaSettings, windows: int) -> Iterator[Tensor]:
    made = model.processor_settings
    try:
        sound, rate_hz = soundfile.read(recording.sound, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise UsageError(f"{recording.sound}: expected sound as WAV, found {error}") from error
    if rate_hz != made.sample_rate_hz:
        sound = soxr.resample(sound, rate_hz, made.sample_rate_hz)
    hop = round(settings.hop_s * made.sample_rate_hz)
    before = (made.samples - hop) // 2  # the window reaches as far before its frames as behind them
    length = (windows - 1) * hop + made.samples
    padded = np.zeros((4, length), np.float32)
    first = max(0, -before)  # where windows are shorter than the frames they stand for, the start is left out
    held = sound[first : first + length - max(0, before)].T
    padded[:, max(0, before) : max(0, before) + held.shape[1]] = held
    matrices = torch.from_numpy(np.stack([sound_matrix(view, made.switches) for view in ring(settings, model)]))
    device = model.spectrogram.mean.device
    for some in _batches(windows):
        waves = torch.from_numpy(np.stack([padded[:, k * hop : k * hop + made.samples] for k in some]))[:, None]
        turned = matrices.expand(len(some), *matrices.shape).to(device)
        spectrograms = model.spectrogram(waves.to(device), turned)
        yield model.network.sound(spectrograms.flatten(0, 1)).float().view(len(some), settings.around, -1)


def _seen(model: AVSAModel, recording: LabelledRecording, settings: DoaSettings, windows: int) -> Iterator[Tensor]:
    made, views = model.processor_settings, ring(settings, model)
    if recording.video is None:
        raise UsageError(
            f"{recording.name}: expected a picture in video_dev, found none; use inputs: [sound], or leave it out"
        )
    facts = probe(recording.video)
    if not facts.videos:
        raise UsageError(f"{recording.video}: expected an equirectangular picture, found none")
    source = VideoDecodeSpec(width=facts.videos[0].width, height=facts.videos[0].height)
    rate, device = made.frames_per_second, model.spectrogram.mean.device
    frames = FrameWindow(read_frames(recording.video, source, height=made.height, width=2 * made.height, fps=rate))
    held: list[NDArray[np.uint8]] = []
    for k in range(windows):
        start_s = (k + 0.5) * settings.hop_s - made.picture_s / 2
        held = frames.take(max(0, round(start_s * rate)), made.frames) or held[-1:]
        if not held:
            raise UsageError(f"{recording.video}: expected an equirectangular picture, found no frame")
        padded = np.zeros((made.frames, made.height + 2 * PAD, 2 * made.height + 2 * PAD, 3), np.uint8)
        for number in range(made.frames):  # the last frame is held behind the end
            padded[number, PAD:-PAD, PAD:-PAD] = held[min(number, len(held) - 1)]
        continue_sphere(padded)
        crops = torch.from_numpy(np.stack([crop_frames(padded, view, made.size) for view in views]))[None]
        yield model.network.video(model.pictures(crops.to(device)).flatten(0, 1)).float()[None]


def _batches(total: int) -> Iterator[tuple[int, ...]]:
    for start in range(0, total, _BATCH):
        yield tuple(range(start, min(total, start + _BATCH)))


def _save(path: Path, features: Tensor) -> None:
    with path.open("wb") as stream:
        np.save(stream, features.numpy(), allow_pickle=False)
