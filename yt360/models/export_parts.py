"""What of a model is exported: its parts as modules, with names, shapes and meanings of what goes in and out.

A view is one direction at one moment. The video and the sound part take views one by one; the translators take all
views of a moment together, as they see each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from yt360 import ambisonics, sphere
from yt360.models.avsa_model import AVSAModel
from yt360.models.processor_settings import ProcessorSettings

EXAMPLE_MOMENTS, EXAMPLE_DIRECTIONS = 6, 4


@dataclass(frozen=True)
class Port:
    """An input or output: its ``axes`` (words are free, numbers fixed), ``dtype`` and ``meaning``."""

    axes: tuple[str | int, ...]
    dtype: str
    meaning: str

    def to_json(self) -> dict[str, Any]:
        return {"axes": list(self.axes), "dtype": self.dtype, "meaning": self.meaning}


@dataclass(frozen=True)
class ExportPart:
    """A module, what goes in and out by name in the order of its arguments, and ``example`` values to go in."""

    name: str
    module: nn.Module
    inputs: Mapping[str, Port]
    outputs: Mapping[str, Port]
    example: tuple[Tensor, ...]

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """Which axes of the inputs are free, as ``torch.export`` takes it."""
        free = {axis for port in self.inputs.values() for axis in port.axes if isinstance(axis, str)}
        dims = {axis: torch.export.Dim(axis, min=1, max=1 << 20) for axis in sorted(free)}
        return tuple(
            {place: dims[axis] for place, axis in enumerate(port.axes) if isinstance(axis, str)}
            for port in self.inputs.values()
        )


class _Video(nn.Module):
    def __init__(self, model: AVSAModel) -> None:
        super().__init__()
        self.pictures, self.encoder, self.head = model.pictures, model.network.video, model.network.video_head

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        video = self.encoder(self.pictures(pictures.unsqueeze(1)).flatten(0, 1)).float()
        return video, functional.normalize(self.head(video), dim=-1)


class _Sound(nn.Module):
    def __init__(self, model: AVSAModel) -> None:
        super().__init__()
        self.spectrogram, self.encoder, self.head = model.spectrogram, model.network.sound, model.network.sound_head

    def forward(self, sound: Tensor, matrices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        spectrogram = self.spectrogram.at_once(sound.unsqueeze(1), matrices.unsqueeze(1)).flatten(0, 1)
        heard = self.encoder(spectrogram).float()
        return spectrogram, heard, functional.normalize(self.head(heard), dim=-1)


class _Translators(nn.Module):
    def __init__(self, model: AVSAModel) -> None:
        super().__init__()
        self.network = model.network
        self.sound_to_video, self.video_to_sound = model.network.sound_to_video, model.network.video_to_sound
        self.video_head, self.sound_head = model.network.video_prediction_head, model.network.sound_prediction_head

    def forward(self, video: Tensor, sound: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        video_from_sound, sound_from_video = (
            self.sound_to_video(sound, directions),
            self.video_to_sound(video, directions),
        )
        seen = functional.normalize(self.video_head(video_from_sound), dim=-1)
        heard = functional.normalize(self.sound_head(sound_from_video), dim=-1)
        return video_from_sound, sound_from_video, seen, heard


def export_parts(model: AVSAModel) -> list[ExportPart]:
    """The parts of ``model`` in the order in which they are used; without translation networks there are two."""
    config, made = model.config, model.processor_settings
    features, projection, sound = config.model.features, config.model.projection, config.sound
    views = EXAMPLE_MOMENTS * EXAMPLE_DIRECTIONS
    rng = np.random.default_rng(0)
    pictures = torch.from_numpy(_example_pictures(made, views, rng))
    waves, matrices = (torch.from_numpy(each) for each in _example_sound(made, views, rng))
    feature_axes, embedding_axes = ("views", features), ("views", projection)
    parts = [
        ExportPart(
            "video",
            _Video(model),
            {"pictures": Port(("views", made.frames, made.size, made.size, 3), "uint8", _PICTURES.format(made=made))},
            {
                "video_features": Port(feature_axes, "float32", "features of the video encoder"),
                "video_embedding": Port(embedding_axes, "float32", "behind the head, of length 1"),
            },
            (pictures,),
        ),
        ExportPart(
            "sound",
            _Sound(model),
            {
                "sound": Port(("views", 4, made.samples), "float32", _SOUND.format(made=made)),
                "matrices": Port(("views", 4, 4), "float32", _MATRICES),
            },
            {
                "spectrogram": Port(
                    ("views", sound.channels, made.samples // sound.hop, sound.mels),
                    "float32",
                    "log-mel spectrograms of W, Y, Z, X, normalised"
                    + (", then intensity vectors Y, Z, X" if sound.channels == 7 else ""),
                ),
                "sound_features": Port(feature_axes, "float32", "features of the sound encoder"),
                "sound_embedding": Port(embedding_axes, "float32", "behind the head, of length 1"),
            },
            (waves, matrices),
        ),
    ]
    if not model.network.translates:
        return parts
    with torch.no_grad():
        seen, heard = parts[0].module(pictures)[0], parts[1].module(waves, matrices)[1]
    grouped = (EXAMPLE_MOMENTS, EXAMPLE_DIRECTIONS)
    directions = torch.from_numpy(_directions(views, rng)).view(*grouped, 3)
    axes: tuple[str | int, ...] = ("moments", "directions", features)
    compared: tuple[str | int, ...] = ("moments", "directions", projection)
    parts.append(
        ExportPart(
            "translators",
            _Translators(model),
            {
                "video_features": Port(axes, "float32", "features of the video encoder"),
                "sound_features": Port(axes, "float32", "features of the sound encoder"),
                "directions": Port(("moments", "directions", 3), "float32", "unit vectors of the views' centres"),
            },
            {
                "video_from_sound": Port(axes, "float32", "video features predicted from sound"),
                "sound_from_video": Port(axes, "float32", "sound features predicted from video"),
                "predicted_video_embedding": Port(compared, "float32", "to compare with video_embedding"),
                "predicted_sound_embedding": Port(compared, "float32", "to compare with sound_embedding"),
            },
            (seen.view(*grouped, features), heard.view(*grouped, features), directions),
        )
    )
    return parts


_PICTURES = (
    "RGB views in [0, 255] at {made.frames_per_second:g} frames a second, from the middle of the sound; a view is a "
    "perspective crop around its direction"
)
_SOUND = "AmbiX (W, Y, Z, X in ACN order, SN3D) at {made.sample_rate_hz} Hz, not turned, of the view's moment"
_MATRICES = "turn W, Y, Z, X so that the view's direction becomes the front (+X)"
FRAME = "x front, y left, z up; azimuth counter-clockwise from the front, elevation up, in radians"


def _directions(views: int, rng: np.random.Generator) -> NDArray[np.float32]:
    vectors = rng.normal(size=(views, 3))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _example_pictures(made: ProcessorSettings, views: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Smooth blobs of colour on grounds of several brightnesses, with noise: unlike each other, as pictures are."""
    y, x = np.mgrid[0 : 1 : 1j * made.size, 0 : 1 : 1j * made.size]
    held = np.empty((views, made.frames, made.size, made.size, 3))
    for view in held:
        view[:] = rng.uniform(20, 220, 3)
        for _ in range(4):
            (row, column), radius, colour = rng.uniform(0, 1, 2), rng.uniform(0.05, 0.4), rng.uniform(0, 255, 3)
            drift = rng.uniform(-0.05, 0.05)
            for number, frame in enumerate(view):
                near = np.exp(-((y - row) ** 2 + (x - column - drift * number) ** 2) / radius**2)[..., None]
                frame += near * (colour - frame)
    held += rng.normal(0, 6, held.shape)
    return np.clip(held, 0, 255).astype(np.uint8)


def _example_sound(
    made: ProcessorSettings, views: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two sources of different pitch and place a view, over noise of different levels; and matrices that turn them."""
    time_s = np.arange(made.samples) / made.sample_rate_hz
    highest_hz = 0.4 * made.sample_rate_hz
    sound, matrices = [], []
    for _ in range(views):
        field = rng.normal(size=(4, made.samples)) * 10 ** rng.uniform(-4, -2)
        for _ in range(2):
            pitch_hz, beat_hz = rng.uniform(80, highest_hz / 8), rng.uniform(0.5, 8)
            tone = sum(np.sin(2 * np.pi * pitch_hz * k * time_s) / k for k in range(1, 8))
            signal = 0.1 * tone * (0.6 + 0.4 * np.sin(2 * np.pi * beat_hz * time_s))
            field += ambisonics.encode(signal, rng.uniform(-np.pi, np.pi), rng.uniform(-1.2, 1.2))
        sound.append(field)
        turn = sphere.view_rotation(rng.uniform(-np.pi, np.pi), rng.uniform(-0.7, 0.7))
        matrices.append(ambisonics.rotation_matrix(turn))
    return np.stack(sound).astype(np.float32), np.stack(matrices).astype(np.float32)
