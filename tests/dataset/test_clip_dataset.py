from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import yt360
from tests.training.world import edit_manifest, make_root
from yt360 import ambisonics, sphere
from yt360.errors import ItemError, UsageError

SMALL: dict[str, Any] = {"views": 2, "picture_s": 0.25, "size": 32}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(value, other[name]) if isinstance(value, torch.Tensor) else value == other[name]
        for name, value in one.items()
    )


def test_an_item_holds_views_and_what_was_done_to_them(root: Path) -> None:
    clips = yt360.ClipDataset(root, **SMALL)
    assert len(clips) == 6
    item = clips[3]
    shapes = {name: (tuple(v.shape), v.dtype) for name, v in item.items() if isinstance(v, torch.Tensor)}
    assert shapes == {
        "frames": ((2, 3, 4, 32, 32), torch.uint8),
        "foa": ((2, 4, 24000), torch.float32),
        "rotation": ((2, 3, 3), torch.float32),
        "azimuth": ((2,), torch.float32),
        "elevation": ((2,), torch.float32),
        "fov": ((2, 2), torch.float32),
        "flip": ((2,), torch.bool),
    }
    assert (item["clip"], item["video"], item["index"]) == ("video001-00010", "video001", 3)
    assert len(yt360.ClipDataset(root, split=None, **SMALL)) == 8
    for outside in (6, -7, 1 << 40):
        with pytest.raises(IndexError, match=f"no item {outside}: there are 6"):
            clips[outside]
    assert same(clips[-6], clips[0])
    assert same(clips[-1], clips[5])


def test_sound_and_rotation_are_those_of_the_direction(root: Path) -> None:
    item = yt360.ClipDataset(root, augment=False, **SMALL)[0]
    clip = yt360.open(root)[item["clip"]]
    foa = clip.foa(item["start_s"], 1.0)
    assert not item["flip"].any()
    for view in range(2):
        rotation = sphere.view_rotation(float(item["azimuth"][view]), float(item["elevation"][view]))
        np.testing.assert_allclose(item["rotation"][view], rotation, atol=1e-6)
        np.testing.assert_allclose(item["foa"][view], ambisonics.rotate(foa, rotation), atol=1e-5)


def test_pictures_are_the_views_of_the_clip(root: Path) -> None:
    item = yt360.ClipDataset(root, augment=False, views=1, picture_s=1.0, sound_s=1.0, size=32)[0]
    clip = yt360.open(root)[item["clip"]]
    fov = tuple(float(angle) for angle in np.degrees(item["fov"][0].numpy()))
    look = (float(torch.rad2deg(item["azimuth"][0])), float(torch.rad2deg(item["elevation"][0])))
    start_s = round(item["start_s"] * 16) / 16
    view = clip.view(*look, (fov[0], fov[1]), start_s=start_s, picture_s=1.0, size=32)
    assert np.abs(item["frames"][0].permute(1, 2, 3, 0).numpy().astype(int) - view.frames).mean() < 0.5


def test_items_depend_on_seed_epoch_and_index_alone(root: Path) -> None:
    one, other = (yt360.ClipDataset(root, seed=5, **SMALL) for _ in range(2))
    other[1]
    assert same(one[0], other[0])
    assert not same(one[0], one[1])
    assert not same(one[0], yt360.ClipDataset(root, seed=6, **SMALL)[0])
    first = one[0]
    one.set_epoch(1)
    assert not same(first, one[0])
    one.set_epoch(0)
    assert same(first, one[0])


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    yield
    cv2.setNumThreads(before)


def test_a_loader_with_workers_that_stay_sees_the_epoch(root: Path, two_threads: None) -> None:
    clips = yt360.ClipDataset(root, transform=keep_some, **SMALL)
    loader = DataLoader(clips, batch_size=3, num_workers=2, persistent_workers=True, multiprocessing_context="fork")
    for epoch in (0, 1):
        clips.set_epoch(epoch)
        batches = list(loader)
        assert [name for batch in batches for name in batch["clip"]] == yt360.open(root).split("train").ids
        assert batches[0]["frames"].shape == (3, 2, 3, 4, 32, 32)
        assert torch.equal(batches[1]["frames"][2], clips[5]["frames"])
    assert cv2.getNumThreads() == 2


def keep_some(item: dict[str, Any]) -> dict[str, Any]:
    """A transform that a worker can receive."""
    return {name: item[name] for name in ("frames", "foa", "clip", "index")}


def test_a_dataset_can_be_pickled(root: Path) -> None:
    clips = yt360.ClipDataset(root, **SMALL)
    clips.set_epoch(3)
    assert same(pickle.loads(pickle.dumps(clips))[0], clips[0])


def test_a_damaged_clip_is_named(own_root: Path) -> None:
    edit_manifest(own_root, lambda rows: rows[1].update(video_digest="0" * 40))
    clips = yt360.ClipDataset(own_root, **SMALL)
    assert clips[0]["clip"] == "video000-00000"
    with pytest.raises(ItemError, match="clip video001-00000: video"):
        clips[1]


def test_options_that_do_not_fit_are_named(root: Path, tmp_path: Path) -> None:
    for options, words in (
        ({"views": 0}, "view_count"),
        ({"picture_s": 2.0, "sound_s": 1.0}, "must not exceed"),
        ({"size": 8}, "size"),
        ({"seed": -1}, "seed"),
        ({"split": "valid"}, "its splits are 'train', 'test'"),
        ({"sound_s": 2.5}, "shorter than one sample"),
    ):
        with pytest.raises(UsageError, match=words):
            yt360.ClipDataset(root, **options)
    mixed = make_root(tmp_path / "mixed", videos=2, clips=1, seconds=1.0)
    edit_manifest(mixed, lambda rows: rows[0].update(sample_rate_hz=48000))
    with pytest.raises(UsageError, match=r"\[24000, 48000\] Hz"):
        yt360.ClipDataset(mixed)


def test_without_torch_it_says_what_to_install(root: Path) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import yt360\n"
        f"print(len(yt360.open({str(root)!r})))\n"
        "try: yt360.ClipDataset\n"
        "except yt360.errors.UsageError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("8\nClipDataset needs torch")
    assert "pip install 'yt360[train]'" in done.stdout
