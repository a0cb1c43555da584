"""A model's input from files and clips, and what a model makes of one scene in different forms."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import yt360
from tests.inference.scenes import SECONDS, in_form, model_folder, sound
from tests.training.world import make_root
from yt360 import ambisonics, sphere
from yt360.ambisonics import Convention
from yt360.dataset.cutting import Moment, cut, frame_numbers
from yt360.dataset.decoding import ClipDecoder
from yt360.errors import ItemError, UsageError
from yt360.inference.processor import AVSAProcessor, views_of
from yt360.models.avsa_model import AVSAModel, Features

AROUND = [(0, 0), (90, 0), (180, 20), (-90, -30)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model") / "model")


@pytest.fixture(scope="module")
def model(folder: Path) -> AVSAModel:
    return yt360.AVSAModel.from_pretrained(folder)


@pytest.fixture(scope="module")
def processor(folder: Path) -> AVSAProcessor:
    return yt360.AVSAProcessor.from_pretrained(folder)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return in_form(tmp_path_factory.mktemp("scene") / "scene.mp4")


@pytest.fixture(scope="module")
def in_plain_form(model: AVSAModel, processor: AVSAProcessor, scene: Path) -> Features:
    features: Features = model(**processor(scene, start_s=[0.0, 1.5], directions_deg=AROUND))
    return features


def _cosines(a: Features, b: Features) -> dict[str, float]:
    return {
        name: float(torch.nn.functional.cosine_similarity(getattr(a, name), getattr(b, name), dim=-1).min())
        for name in ("video", "sound", "video_embedding", "sound_embedding")
    }


def test_five_lines_from_a_file_to_features(folder: Path, scene: Path) -> None:
    model = yt360.AVSAModel.from_pretrained(folder)
    processor = yt360.AVSAProcessor.from_pretrained(folder)
    inputs = processor(scene, start_s=[0.0, 1.0], directions_deg=AROUND)
    features = model(**inputs)
    assert features.video.shape == features.sound.shape == (2, 4, 16)
    assert features.video_embedding.shape == (2, 4, 8)
    assert features.video_from_sound is not None
    assert features.video_from_sound.shape == (2, 4, 16)
    torch.testing.assert_close(features.sound_embedding.norm(dim=-1), torch.ones(2, 4))
    assert features.match().abs().max() <= 1 + 1e-6


def test_the_sound_is_that_of_the_file_and_turned_with_the_view(processor: AVSAProcessor, scene: Path) -> None:
    inputs = processor(scene, start_s=[0.5], directions_deg=AROUND)
    assert inputs["sound"].shape == (1, 1, 4, 24000)
    heard = inputs["sound"][0, 0].numpy()
    truth = sound()[:, 12000:36000]
    assert np.abs(heard - truth).max() < 1e-3
    for k, (azimuth, elevation) in enumerate(AROUND):
        view = sphere.View(math.radians(azimuth), math.radians(elevation), 1.0, 1.0)
        expected = ambisonics.rotate(truth, view.rotation)
        assert np.abs(inputs["matrices"][0, k].numpy() @ heard - expected).max() < 2e-3
        np.testing.assert_allclose(inputs["directions"][0, k], view.rotation[0], atol=1e-6)


def test_moments_do_not_depend_on_what_is_read_with_them(processor: AVSAProcessor, scene: Path) -> None:
    """Alone, in one pass, and behind a gap that is sought over."""
    together = processor(scene, start_s=[0.0, 0.5, 1.75], directions_deg=AROUND[:2])
    for k, start_s in enumerate((0.0, 0.5, 1.75)):
        alone = processor(scene, start_s=start_s, directions_deg=AROUND[:2])
        assert torch.equal(alone["pictures"][0], together["pictures"][k])
        assert (alone["sound"][0] - together["sound"][k]).abs().max() < 1e-5


def test_a_clip_gives_what_training_cuts_out_of_it(processor: AVSAProcessor, tmp_path: Path) -> None:
    data = yt360.open(make_root(tmp_path / "root", videos=1, test_videos=1, clips=1))
    clip = data[0]
    inputs = processor(clip, start_s=[0.5], directions_deg=AROUND, fov_deg=75)
    frames = frame_numbers(clip.row, 0.5 + 0.375, 4, 16.0)
    views = views_of(AROUND, 75, processor.settings)
    made = cut(clip.decoder, [Moment(12000, frames)], views, samples=24000, size=32)
    for name, value in made.arrays().items():
        assert np.array_equal(inputs[name][0].numpy(), value), name
    assert isinstance(clip.decoder, ClipDecoder)


@pytest.mark.parametrize(
    ("projection", "convention"),
    [
        ("mesh", "ambix"),
        ("eac", "n3d"),
        *(
            pytest.param(*form, marks=pytest.mark.slow)
            for form in (
                ("eac", "ambix"),
                ("cubemap", "ambix"),
                ("stereo", "ambix"),
                ("equirectangular", "itag 327"),
                ("equirectangular", "fuma"),
                ("equirectangular", "n3d"),
            )
        ),
    ],
)
def test_one_scene_in_two_forms_has_one_embedding(
    model: AVSAModel,
    processor: AVSAProcessor,
    in_plain_form: Features,
    tmp_path: Path,
    projection: str,
    convention: Convention,
) -> None:
    name = "cubemap-cbmp" if projection == "cubemap" else projection
    other = in_form(tmp_path / "other.mp4", name, convention)
    declared = convention if convention in ("fuma", "n3d") else ""
    b = model(**processor(other, start_s=[0.0, 1.5], directions_deg=AROUND, convention=declared))
    assert min(_cosines(in_plain_form, b).values()) > 0.99


def test_a_scene_and_a_view_that_are_turned_alike_have_one_embedding(
    model: AVSAModel, processor: AVSAProcessor, scene: Path, tmp_path: Path
) -> None:
    turned = in_form(tmp_path / "turned.mp4", yaw=math.radians(60))
    a = model(**processor(scene, start_s=[0.5], directions_deg=AROUND))
    b = model(**processor(turned, start_s=[0.5], directions_deg=[(az + 60, el) for az, el in AROUND]))
    assert min(_cosines(a, b).values()) > 0.98
    unturned = model(**processor(turned, start_s=[0.5], directions_deg=AROUND))
    assert _cosines(a, unturned)["sound"] < _cosines(a, b)["sound"]


def test_what_is_not_a_sphere_with_ambisonics_is_refused(processor: AVSAProcessor, tmp_path: Path) -> None:
    n3d = in_form(tmp_path / "n3d.mp4", convention="fuma")
    (tmp_path / "flat.wav").write_bytes(b"RIFF")
    with pytest.raises((UsageError, ItemError), match=r"flat\.wav"):
        processor(tmp_path / "flat.wav")
    with pytest.raises(UsageError, match=r"outside of what has picture and sound: 0 s to 3 s"):
        processor(n3d, start_s=SECONDS - 0.5, convention="fuma")
    with pytest.raises(UsageError, match="in order of time"):
        processor(n3d, start_s=[1.0, 0.0], convention="fuma")
    with pytest.raises(UsageError, match="elevations from -90 to 90"):
        processor(n3d, directions_deg=[(0, 91)], convention="fuma")
    with pytest.raises(UsageError, match="field of view"):
        processor(n3d, fov_deg=180, convention="fuma")


def test_starts_fill_the_recording(processor: AVSAProcessor, scene: Path) -> None:
    recording = processor.open(scene)
    assert processor.starts(recording, 0.5) == [0.0, 0.5, 1.0, 1.5, 2.0]
    with pytest.raises(UsageError, match="above 0 s"):
        processor.starts(recording, 0.0)
