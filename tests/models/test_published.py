"""The published code's checkpoints, features, losses and crops, against outputs recorded from it (see released.py)."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from tests.models import released
from yt360 import sphere
from yt360.cli.model import convert_command
from yt360.dataset.perspective_crop import PAD, DrawnView, continue_sphere, crop_frames
from yt360.errors import UsageError
from yt360.models import load_encoders
from yt360.models.audio_visual import AudioVisualModel, Embeddings, _project
from yt360.models.encoders import load_spectrogram
from yt360.models.folder import load_into, read_model, without_front_end
from yt360.models.published import convert
from yt360.training.losses import align


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).parent / "released_outputs.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def released_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("released") / "checkpoint-ep50.pth.tar"
    torch.save(released.checkpoint(), path)
    return path


@pytest.fixture(scope="module")
def converted(released_file: Path) -> Path:
    out = released_file.parent / "converted"
    statistics = released_file.parent / "statistics.npz"
    np.savez(statistics, mean=np.linspace(-24, -50, 128, dtype=np.float32), std=np.full(128, 22, np.float32))
    arguments = [str(released_file), "--out", str(out), "--statistics", str(statistics)]
    result = CliRunner().invoke(convert_command, arguments)
    assert result.exit_code == 0, result.output
    assert "R(2+1)D-18, translators: transformer" in result.output
    return out


def test_encoders_give_the_published_features(converted: Path, recorded: dict[str, np.ndarray]) -> None:
    encoders = load_encoders(converted)
    inputs = released.inputs()
    with torch.no_grad():
        video, sound = encoders.video(inputs["video"]), encoders.sound(inputs["sound"])
    assert video.shape == sound.shape == (2, 512)
    # Different kernels sum in another order: single precision over 18 layers.
    np.testing.assert_allclose(video.numpy(), recorded["video"], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(sound.numpy(), recorded["sound"], rtol=1e-4, atol=1e-4)
    assert np.abs(recorded["video"]).mean() > 0.1


def test_translators_and_loss_are_the_published_ones(
    released_file: Path, converted: Path, recorded: dict[str, np.ndarray]
) -> None:
    tensors, description = read_model(converted)
    model = AudioVisualModel(description.model, description.sound.channels, translators=True, whole_video=False).eval()
    assert description.mode == "original"
    load_into(model, without_front_end(tensors), converted)
    features = released.inputs()
    video, sound, directions = features["video_features"], features["sound_features"], torch.zeros(3, 4, 3)
    with torch.no_grad():
        to_sound, to_video = model.video_to_sound(video, directions), model.sound_to_video(sound, directions)
        np.testing.assert_allclose(to_sound[..., ::16].numpy(), recorded["video_to_sound"], atol=1e-5)
        np.testing.assert_allclose(to_video[..., ::16].numpy(), recorded["sound_to_video"], atol=1e-5)
        embeddings = Embeddings(
            _project(model.video_prediction_head, to_video),
            _project(model.video_head, video),
            _project(model.sound_prediction_head, to_sound),
            _project(model.sound_head, sound),
        )
        loss = align(embeddings, description.switches.pool, 0.07).loss
    assert float(loss) == pytest.approx(float(recorded["loss"]), abs=1e-5)
    assert float(align(embeddings, "all_views", 0.07).loss) > float(loss)


def test_crops_as_coded_are_the_published_ones(recorded: dict[str, np.ndarray]) -> None:
    picture = released.picture()
    frames = np.zeros((1, 64 + 2 * PAD, 128 + 2 * PAD, 3), np.uint8)
    frames[0, PAD:-PAD, PAD:-PAD] = picture
    continue_sphere(frames)
    fov = 2 * math.atan(0.2 * math.pi)
    for (azimuth, elevation), expected in zip(released.VIEWS, recorded["crops"], strict=True):
        view = DrawnView(sphere.View(azimuth * math.pi, elevation, fov, fov), False, 1.0, corners=True)
        found = crop_frames(frames, view, 28)[0].astype(int)
        # The published code rounds weights to nothing but pixels to integers; ours has steps of 1/32 pixel.
        assert np.abs(found - expected).max() <= 2


def test_statistics_are_taken_over(converted: Path) -> None:
    spectrogram = load_spectrogram(converted)
    assert float(spectrogram.mean[0]) == -24
    assert float(spectrogram.std[5]) == 22


def test_avc_checkpoint_has_no_translators(tmp_path: Path) -> None:
    whole = released.checkpoint()
    heads = {"losses.0.video_projection.projection.0": 512, "losses.0.audio_projection.projection.0": 512}
    criterion = {}
    for name in heads:
        criterion[f"{name}.weight"], criterion[f"{name}.bias"] = torch.zeros(128, 512), torch.zeros(128)
    torch.save({"model": whole["model"], "train_criterion": criterion}, tmp_path / "avc.pth.tar")
    assert not convert(tmp_path / "avc.pth.tar", tmp_path / "out").translates
    assert load_encoders(tmp_path / "out").video.features == 512


class Malice:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("/tmp/yt360-was-here"),))


@pytest.mark.parametrize("content", ["malice", "text", "empty", "list", "foreign", "truncated"])
def test_what_is_not_a_released_checkpoint_is_refused_and_never_executed(
    tmp_path: Path, released_file: Path, content: str
) -> None:
    path = tmp_path / "file.pth.tar"
    if content == "malice":
        path.write_bytes(pickle.dumps({"model": Malice()}))
    elif content == "text":
        path.write_text("hello")
    elif content == "empty":
        path.touch()
    elif content == "list":
        torch.save([1, 2], path)
    elif content == "foreign":
        torch.save({"model": {"layer1.weight": torch.zeros(1)}}, path)
    else:
        path.write_bytes(released_file.read_bytes()[:100000])
    with pytest.raises(UsageError, match=r"file\.pth\.tar"):
        convert(path, tmp_path / "out")
    assert not Path("/tmp/yt360-was-here").exists()
    assert not (tmp_path / "out").exists()


def test_missing_weights_are_listed(tmp_path: Path) -> None:
    whole: Any = released.checkpoint()
    del whole["model"]["module.audio_model.block3.conv2.weight"]
    torch.save(whole, tmp_path / "cut.pth.tar")
    with pytest.raises(UsageError, match=r"sound\.stages\.2\.1\.0\.weight is missing"):
        convert(tmp_path / "cut.pth.tar", tmp_path / "out")


def test_a_released_file_with_a_byte_that_flipped_is_wrong_use_wherever_it_is(tmp_path: Path) -> None:
    """It ended in an IndexError of the unpickler where a mark was lost."""
    path = tmp_path / "released.pt"
    torch.save({"model": {"foreign": torch.zeros(4, 3)}, "epoch": 3}, path)
    whole = path.read_bytes()
    start = whole.index(b"\x80\x02}q")
    for place in range(start, start + 40):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            with pytest.raises(UsageError, match=r"released\.pt"):
                convert(path, tmp_path / "model")
