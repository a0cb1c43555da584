"""Samples stay what they are: the requests of a plan, and what is drawn for each of them."""

from __future__ import annotations

import itertools
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.world import edit_manifest, tiny
from yt360 import ambisonics
from yt360.dataset import decoding
from yt360.dataset.manifest import ClipRow, ClipSplit, load_split
from yt360.dataset.members import MemberReader
from yt360.hashing import digest_json
from yt360.training import samples as samples_module
from yt360.training.batch_plan import BatchPlan, Request
from yt360.training.checkpoints import State
from yt360.training.loader import data_loader
from yt360.training.samples import BadSample, Sample, SampleDataset, make_sample

RATE = 24000
AVTS = {"name": "avts", "objective": "avts", "views": 2, "batch": 4, "translators": False, "steps": 2}


def split(name: str, videos: int) -> ClipSplit:
    """Two clips of 1.5 s a video."""
    clips = tuple(
        ClipRow(f"{name}{video}-{clip}", f"{name}{video}", "s.tar", 0, 1, "", 0, 1, "", 24, 16.0, 32, 64, 36000, RATE)
        for video in range(videos)
        for clip in range(2)
    )
    groups = tuple(np.arange(2 * video, 2 * video + 2) for video in range(videos))
    return ClipSplit(name, clips, tuple(f"{name}{video}" for video in range(videos)), groups, ())


DIRECTIONS = [[0.573807, -0.816451, -0.064442], [0.811078, -0.323571, 0.487292]]
EXPECTED = ((True, [[125, 124, 194], [121, 95, 119]], 9675), (False, [[110, 100, 140]] * 2, 9675))
"""``augment``, first pixel of each view and first sample, as commit ac3c3dc made them."""


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> MemberReader:
    """Members that need no codec: frames that turn from red to blue with their number, sound that is a ramp."""

    def frames(data: bytes, clip: ClipRow, indices: list[int], *, pad: int = 0) -> np.ndarray:
        made = np.zeros((len(indices), clip.height + 2 * pad, clip.width + 2 * pad, 4), np.uint8)
        for slot, index in enumerate(indices):
            made[slot] = [250 - 10 * index, 100, 10 * index, 255]
        return made

    def sound(data: bytes, clip: ClipRow, start: int, count: int, room: np.ndarray) -> None:
        room[:] = np.arange(start, start + count, dtype=np.float32) / 36000

    monkeypatch.setattr(decoding, "each_decoded_frame", frames)
    monkeypatch.setattr(decoding, "decode_sound", sound)
    monkeypatch.setattr(MemberReader, "_read", lambda *_: b"")
    return MemberReader("nowhere")


@pytest.mark.parametrize(
    ("changes", "digest"),
    [({}, "44bbf0c204627bc8276e"), ({"seed": 7}, "d16ccaeddbc46ecaf0c2"), ({"phases": [AVTS]}, "cdc8656af70edc8a519a")],
    ids=["curriculum", "seed 7", "avts"],
)
def test_a_plan_asks_for_the_same_clips_with_the_same_seeds_as_ever(changes: dict[str, Any], digest: str) -> None:
    plan = BatchPlan(tiny(**changes), split("train", 6), split("test", 4))
    rows = [[r.split, r.clip, r.phase, r.step, [int(n) for n in r.seed]] for batch in plan.requests() for r in batch]
    assert digest_json(rows) == digest


def test_a_request_says_its_video_and_whether_to_augment() -> None:
    train, test = split("train", 6), split("test", 4)
    for request in (r for batch in BatchPlan(tiny(), train, test).requests() for r in batch):
        part = train if request.split == "train" else test
        assert part.videos[request.video] == part.clips[request.clip].video
        assert request.augment == (request.split == "train")


def test_what_is_drawn_for_a_request_is_what_it_ever_was(decoded: MemberReader) -> None:
    recipe = tiny()
    clip = split("train", 6).clips[3]
    for augment, pixels, start in EXPECTED:
        settings = recipe.sample_settings(1) if augment else recipe.held_out_settings()
        made = make_sample(Request("train", 3, 1, (0, 1, 1, 2, 3), augment=augment), clip, settings, decoded)
        np.testing.assert_allclose(made.pictures[:, 0, 0, 0], pixels, atol=1)
        assert made.sound[0, 0, 0] * 36000 == pytest.approx(start, abs=0.5)
        np.testing.assert_allclose(made.directions, DIRECTIONS, atol=1e-5)


def load(root: Path, name: str = "train") -> ClipSplit:
    return load_split(str(root), name, tiny().data, RATE)


def dataset(root: Path, recipe: Any) -> Any:
    splits = [load(root), load(root, "test")]
    return SampleDataset(recipe, str(root), splits), BatchPlan(recipe, *splits), splits


def test_a_sample_shows_what_it_sounds_like(root: Path) -> None:
    """The world has one disc a clip that sounds from where it is: if it is in a view's middle, its sound is on +X."""
    recipe = tiny(views={"energy_share": 1.0, "size": 32, "flip": 0.5, "jitter": [0, 0, 0, 0]})
    data, plan, _ = dataset(root, recipe)
    checked = 0
    for request in (r for batch in plan.requests(1) for r in batch if r.split == "train"):
        sample = data[request]
        for view in range(2):
            heard = ambisonics.sound_direction(sample.matrices[view] @ sample.sound[0])
            picture = sample.pictures[view].mean(axis=0)
            saturation = picture.max(axis=-1) - picture.min(axis=-1)
            disc = saturation > 140
            if disc.sum() < 40 or disc[[0, -1]].any() or disc[:, [0, -1]].any():
                continue
            rows, columns = np.nonzero(disc)
            assert (columns.mean() < 15.5) == (heard.azimuth > 0) or abs(columns.mean() - 15.5) < 2
            assert (rows.mean() < 15.5) == (heard.elevation > 0) or abs(rows.mean() - 15.5) < 2
            checked += 1
    assert checked >= 3


def test_a_sample_is_the_same_every_time_it_is_asked_for(root: Path) -> None:
    data, plan, _ = dataset(root, tiny())
    request = next(iter(plan.requests()))[0]
    one, two = data[request], data[request]
    np.testing.assert_array_equal(one.pictures, two.pictures)
    np.testing.assert_array_equal(one.sound, two.sound)
    np.testing.assert_array_equal(one.matrices, two.matrices)


def test_avts_has_one_direction_and_several_moments(root: Path) -> None:
    phase = {"name": "avts", "objective": "avts", "views": 2, "batch": 2, "translators": False, "steps": 1}
    data, plan, _ = dataset(root, tiny(phases=[phase]))
    sample = data[next(iter(plan.requests()))[0]]
    assert isinstance(sample, Sample)
    assert sample.sound.shape == (2, 4, RATE)
    assert np.abs(sample.sound[0] - sample.sound[1]).max() > 0
    np.testing.assert_array_equal(sample.directions[0], sample.directions[1])
    np.testing.assert_array_equal(sample.matrices[0], sample.matrices[1])


def test_bad_samples_are_named_and_left_out_of_the_batch(own_root: Path) -> None:
    recipe = tiny()
    edit_manifest(own_root, lambda rows: rows[1].update(foa_digest="0" * 40))
    bad_split = load(own_root)
    data = SampleDataset(recipe, str(own_root), [bad_split])
    requests = [Request("train", index, index // 2, (0, 1, index), augment=True) for index in range(3)]
    assert isinstance(data[requests[1]], BadSample)
    batch = data.__getitems__(requests)
    assert batch.clips == ("video000-00000", "video001-00000")
    assert [bad.clip for bad in batch.bad] == ["video000-00010"]
    assert batch.pictures.shape[0] == 2
    nothing = data.__getitems__(requests[1:2])
    assert nothing.clips == ()
    assert nothing.pictures.numel() == 0


@pytest.mark.parametrize("share", [0.0, 1.0], ids=["drawn at once", "drawn by the sound"])
@pytest.mark.parametrize("uncut", [False, True])
@pytest.mark.parametrize("augment", [False, True])
def test_a_batch_is_its_samples_stacked(root: Path, uncut: bool, augment: bool, share: float) -> None:
    recipe = tiny(phases=[AVTS], views={"energy_share": share}, run={"device_views": uncut})
    data, _, _ = dataset(root, recipe)
    requests = [Request("train", n, n // 2, (0, 1, n), augment=augment, phase=0, step=3) for n in (2, 0, 3)]
    batch = data.__getitems__(requests)
    samples = [data[request] for request in requests]
    assert (batch.split, batch.phase, batch.step, batch.bad) == ("train", 0, 3, ())
    assert list(batch.clips) == [data._clips["train"][n].clip for n in (2, 0, 3)]
    for field in fields(samples[0]):
        if field.name != "request":
            stacked = np.stack([getattr(sample, field.name) for sample in samples])
            found = getattr(batch, field.name)
            assert found.numpy().dtype == stacked.dtype
            np.testing.assert_array_equal(found.numpy(), stacked)


def test_a_clip_that_views_cannot_be_drawn_of_is_bad_too(own_root: Path) -> None:
    edit_manifest(own_root, lambda rows: rows[1].update(foa_digest="0" * 40))
    recipe = tiny(views={"energy_share": 1.0})
    data = SampleDataset(recipe, str(own_root), [load(own_root)])
    batch = data.__getitems__([Request("train", n, n // 2, (0, 1, n), augment=True) for n in range(3)])
    assert [bad.clip for bad in batch.bad] == ["video000-00010"]
    assert len(batch.sound) == len(batch.clips) == 2


@pytest.mark.parametrize("uncut", [False, True])
def test_data_workers_make_the_same_batches_in_memory_that_they_share(root: Path, uncut: bool) -> None:
    """The first two of a run; that they come in shared memory is torch's doing, that they begin there is ours."""
    batches = {}
    for workers in (0, 1):
        recipe = tiny(data={"workers": workers}, run={"device_views": uncut})
        _, plan, splits = dataset(root, recipe)
        loader = data_loader(recipe, str(root), splits, plan, State(), torch.device("cpu"))
        batches[workers] = list(itertools.islice(iter(loader), 2))
    for ours, theirs in zip(batches[0], batches[1], strict=True):
        assert ours.clips == theirs.clips
        for name in ("pictures", "planes", "sound", "matrices", "directions"):
            assert torch.equal(getattr(ours, name), getattr(theirs, name))


def test_room_for_a_batch_is_shared_in_a_data_worker_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not samples_module._empty((2, 3), torch.float32).is_shared()
    monkeypatch.setattr(samples_module, "get_worker_info", lambda: object())
    made = samples_module._empty((2, 3), torch.float32)
    assert made.is_shared()
    assert (made.shape, made.dtype, made.is_contiguous()) == ((2, 3), torch.float32, True)
