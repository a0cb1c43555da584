"""One short scene in every form in which files come, and a model with weights that mean nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.media_containers import encode, grid_mesh, insert_boxes, mshp, sa3d, st3d, sv3d
from benchmarks.media_containers import equi as equi_box
from benchmarks.media_meshes import layout_mesh
from benchmarks.media_scenes import make_scene
from benchmarks.media_sounds import RATE_HZ, foa_scene
from tests.training.world import tiny
from yt360 import ambisonics, sphere
from yt360.media.projection.layouts import draw, known_layouts
from yt360.models.audio_visual import AudioVisualModel
from yt360.models.folder import model_tensors, write_model
from yt360.models.spectrogram import SpatialSpectrogram

SECONDS = 3
FPS = 8


@cache
def pictures_of(seed: int = 3, height: int = 240) -> NDArray[np.uint8]:
    """One a second: ``(SECONDS, height, 2 height, 3)`` equirectangular."""
    return make_scene(seed, height, 2 * height).frames(SECONDS)


def frames(seed: int = 3, height: int = 240) -> NDArray[np.uint8]:
    """``(n, height, 2 height, 3)`` equirectangular."""
    return np.repeat(pictures_of(seed, height), FPS, axis=0)


@cache
def sound(seed: int = 3) -> NDArray[np.float64]:
    """``(4, n)`` AmbiX."""
    return np.asarray(foa_scene(np.random.default_rng(seed), SECONDS * RATE_HZ))


def in_form(
    path: Path,
    projection: str = "equirectangular",
    convention: ambisonics.Convention | Literal["itag 327"] = "ambix",
    *,
    yaw: float = 0.0,
    seed: int = 3,
) -> Path:
    """The scene as a file: ``projection`` a layout, ``mesh`` or ``stereo`` (top and bottom); ``convention`` of the
    sound, or ``itag 327``, YouTube's AAC. ``yaw`` turns picture and sound counter-clockwise, in radians."""
    pictures, heard = pictures_of(seed), sound(seed)
    if yaw:
        shift = round(-yaw / (2 * np.pi) * pictures.shape[2])
        pictures = np.roll(pictures, shift, axis=2)
        heard = ambisonics.rotate(heard, sphere.yaw_rotation(yaw))
    boxes = [st3d(0), sv3d(equi_box())]
    if projection == "stereo":  # the right eye below the left one
        pictures = np.concatenate([pictures, np.roll(pictures, 2, axis=2)], axis=1)
        boxes = [st3d(1), sv3d(equi_box())]
    elif projection == "mesh":
        boxes = [st3d(0), sv3d(mshp(grid_mesh(360)))]
    elif projection != "equirectangular":
        layout = known_layouts()[projection]
        pictures = np.stack([draw(layout, each, 480, 720) for each in pictures])
        boxes = [st3d(0), sv3d(mshp(layout_mesh(layout)))]
    pictures = np.repeat(pictures, FPS, axis=0)
    if convention == "itag 327":  # six channels of AAC that hold X Y W - Z -
        w, y, z, x = heard
        silence = np.zeros_like(w)
        channels = np.stack([x, y, w, silence, z, silence])
        encode(path, frames=pictures, fps=FPS, sound=channels, audio="aac", layout="5.1")
    else:
        encode(
            path,
            frames=pictures,
            fps=FPS,
            sound=ambisonics.from_ambix(heard, convention),
            audio="flac",
        )
    insert_boxes(path, b"vide", *boxes)
    if convention == "ambix":
        insert_boxes(path, b"soun", sa3d([0, 1, 2, 3]))
    return path


def model_folder(folder: Path, **changes: object) -> Path:
    """A tiny model with intensity vectors, whose weights are random and whose batch norms have seen something."""
    recipe = tiny(**{"sound": {"features": "logmel+intensity", "mels": 32}, "views": {"size": 32}, **changes})
    torch.manual_seed(0)
    network = AudioVisualModel(recipe.model, recipe.sound.channels, translators=True, whole_video=False)
    network.train()
    spectrogram = SpatialSpectrogram(recipe.sound)
    spectrogram.mean.fill_(-20.0)
    spectrogram.std.fill_(15.0)
    for _ in range(20):
        network(
            torch.randn(2, 2, 3, 4, 32, 32),
            torch.randn(2, 2, recipe.sound.channels, 100, recipe.sound.mels),
            torch.nn.functional.normalize(torch.randn(2, 2, 3), dim=-1),
        )
    write_model(folder, model_tensors(network, spectrogram), recipe.description(), "# a card\n")
    return folder
