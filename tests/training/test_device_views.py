"""Views that the training device cuts are those that data workers cut."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from tests.training.runs import run
from tests.training.world import edit_manifest, make_root, tiny
from yt360.dataset.decoding import decode_planes
from yt360.dataset.manifest import ClipRow, load_split
from yt360.errors import ItemError, UsageError
from yt360.models.picture_input import PictureInput
from yt360.training.batch_plan import Request
from yt360.training.device_views import DeviceViews, rgb_of_planes
from yt360.training.recipe import TrainingRecipe
from yt360.training.samples import Batch, SampleDataset

AVTS = {"name": "avts", "objective": "avts", "views": 3, "batch": 2, "translators": False, "steps": 1}
RECIPES: dict[str, dict[str, Any]] = {
    "usual": {"views": {"jitter": [0.4, 0.4, 0.4, 0.2]}},
    "no colours": {"views": {"jitter": [0, 0, 0, 0]}},
    "original": {"mode": "original"},
    "avts": {"phases": [AVTS]},
}


def batch(recipe: TrainingRecipe, root: Path, *, augment: bool) -> Batch:
    split = load_split(str(root), "train", recipe.data, 24000)
    samples = SampleDataset(recipe, str(root), [split])
    phase = len(recipe.phases) - 1
    return samples.__getitems__(
        [Request("train", n, n // 2, (0, 1, n), augment=augment, phase=phase) for n in range(4)]
    )


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("augment", [True, False])
def test_pictures_are_those_of_data_workers(name: str, augment: bool, root: Path) -> None:
    """Crops are equal but where a place lies between two thirty-seconds of a pixel; colours are rounded otherwise."""
    recipe = tiny(**RECIPES[name])
    by_workers = batch(recipe, root, augment=augment)
    uncut = batch(tiny(**RECIPES[name], run={"device_views": True}), root, augment=augment)
    views = DeviceViews(recipe.views.size, corners=recipe.behaviour.coverage == "coded")
    pictures = views(uncut.planes, uncut.rays, uncut.flips, uncut.colours)
    assert pictures.shape == by_workers.pictures.shape
    assert pictures.dtype == torch.uint8
    apart = (pictures.int() - by_workers.pictures.int()).abs().float()
    recoloured = augment and name != "no colours"
    assert apart.mean() < (0.1 if recoloured else 0.01)
    assert (apart > 1).float().mean() < 2e-3
    assert apart.max() < 16
    for tensor in ("sound", "matrices", "directions"):
        assert torch.equal(getattr(uncut, tensor), getattr(by_workers, tensor))


def test_some_views_of_these_are_mirrored(root: Path) -> None:
    assert 0 < batch(tiny(run={"device_views": True}), root, augment=True).flips.float().mean() < 1


def test_a_batch_is_its_samples(root: Path) -> None:
    """The CPU takes samples one by one, a GPU all at once."""
    uncut = batch(tiny(run={"device_views": True}), root, augment=True)
    given = (uncut.planes, uncut.rays, uncut.flips, uncut.colours)
    views = DeviceViews(32, corners=False)
    assert torch.equal(views(*given), views.at_once(*given))


def test_colours_are_those_of_swscale() -> None:
    planes = np.random.default_rng(0).integers(0, 256, (2, 48, 64), dtype=np.uint8)
    found = rgb_of_planes(torch.from_numpy(planes))
    for each, rgb in zip(planes, found, strict=True):
        frame = VideoFrame.from_ndarray(each, format="yuv420p")
        expected = VideoReformatter().reformat(frame, format="rgb24", threads=1).to_ndarray()
        np.testing.assert_array_equal(rgb.permute(1, 2, 0).numpy(), expected)


def test_a_run_shows_its_network_the_same_pictures(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In training and in held-out evaluation."""
    shown: list[torch.Tensor] = []
    forward = PictureInput.forward

    def record(self: PictureInput, pictures: torch.Tensor) -> torch.Tensor:
        shown.append(pictures.clone())
        return forward(self, pictures)

    monkeypatch.setattr(PictureInput, "forward", record)
    phases = [{**AVTS, "name": "avsa", "objective": "avsa"}]
    for device_views in (False, True):
        run(tiny(phases=phases, run={"device_views": device_views}), root, tmp_path / str(device_views))
    half = len(shown) // 2
    assert half > 1
    for by_workers, by_device in zip(shown[:half], shown[half:], strict=True):
        assert (by_workers.int() - by_device.int()).abs().max() <= 8
        assert (by_workers.int() - by_device.int()).abs().float().mean() < 0.1


def test_clips_of_two_sizes_are_refused(tmp_path: Path) -> None:
    root = make_root(tmp_path / "root", videos=4, clips=1, seconds=1.5)
    edit_manifest(root, lambda rows: rows[0].update(height=32, width=64))
    with pytest.raises(UsageError, match=re.escape("found 64x32, 128x64: set it to false")):
        run(tiny(run={"device_views": True}), root, tmp_path / "out")


def test_a_picture_of_other_coding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=16)
        stream.height, stream.width, stream.pix_fmt = 32, 64, "yuv444p"
        container.mux(stream.encode(VideoFrame.from_ndarray(np.zeros((32, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    row = ClipRow("c", "v", "s.tar", 0, 1, "", 0, 1, "", 1, 16.0, 32, 64, 24000, 24000)
    with pytest.raises(ItemError, match=r"picture is yuv444p of 64x32.*device_views to false"):
        decode_planes(path.read_bytes(), row, [0])
