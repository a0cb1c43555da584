"""Manifest, shards, decoding, samples: what is read, and what happens when it is not what it should be."""

from __future__ import annotations

import contextlib
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.world import edit_manifest, encode_sound, encode_video, tiny
from yt360 import ambisonics
from yt360.dataset.cutting import draw_moments
from yt360.dataset.decoding import ClipDecoder, decode_frames, decode_planes, decode_sound
from yt360.dataset.manifest import ClipRow, check_shards, load_split
from yt360.dataset.members import MemberReader
from yt360.errors import ItemError, UsageError
from yt360.training.batch_plan import BatchPlan, Request
from yt360.training.samples import BadSample, Collate, Sample, SampleDataset

RATE = 24000


def load(root: Path | str, name: str = "train", **data: Any) -> Any:
    return load_split(str(root), name, tiny(data=data).data, RATE)


def clip(frames: int = 40, height: int = 32, width: int = 64, samples: int = 60000, fps: float = 16.0) -> ClipRow:
    return ClipRow("c", "v", "s.tar", 0, 1, "", 0, 1, "", frames, fps, height, width, samples, RATE)


def test_split_groups_clips_by_video(root: Path) -> None:
    split = load(root)
    assert len(split.clips) == 12
    assert split.videos == tuple(f"video{v:03d}" for v in range(6))
    for video, indices in zip(split.videos, split.clips_of, strict=True):
        assert {split.clips[i].video for i in indices} == {video}


def test_members_are_the_bytes_of_the_manifest(root: Path) -> None:
    reader = MemberReader(str(root))
    for one in load(root).clips:
        assert reader.video(one)[4:8] == b"ftyp"
        assert reader.sound(one)[:4] == b"fLaC"


def test_members_come_from_any_fsspec_store(root: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    for path in root.rglob("*.*"):
        store.pipe(f"/bucket/{path.relative_to(root)}", path.read_bytes())
    split = load("memory://bucket")
    check_shards("memory://bucket", [split])
    assert MemberReader("memory://bucket").sound(split.clips[3]) == MemberReader(str(root)).sound(split.clips[3])


def test_missing_manifest_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"clips\.parquet.*yt360 run"):
        load(tmp_path)


def test_text_instead_of_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "clips.parquet").write_text("hello")
    with pytest.raises(UsageError, match="Parquet"):
        load(tmp_path)


def test_missing_shard_is_named(own_root: Path) -> None:
    (own_root / "shards" / "train-000000.tar").unlink()
    with pytest.raises(UsageError, match=r"train-000000\.tar"):
        check_shards(str(own_root), [load(own_root)])


def test_cut_shard_is_named_with_its_size(own_root: Path) -> None:
    shard = own_root / "shards" / "train-000000.tar"
    shard.write_bytes(shard.read_bytes()[:20000])
    with pytest.raises(UsageError, match=r"train-000000\.tar \(20000 bytes"):
        check_shards(str(own_root), [load(own_root)])


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("convention", "fuma", "AmbiX"),
        ("shard", "../../etc/passwd", "plain file name"),
        ("shard", "..", "plain file name"),
        ("video_offset", -1, "cannot be"),
        ("foa_size", 1 << 40, "cannot be"),
        ("sample_rate_hz", 48000, "48000 Hz"),
        ("fps", 0.0, "cannot be"),
        ("fps", float("nan"), "cannot be"),
        ("width", 127, "cannot be"),
        ("height", 99999, "at most"),
        ("video_digest", None, "video_digest"),
    ],
)
def test_impossible_manifest_values_are_refused(own_root: Path, column: str, value: Any, message: str) -> None:
    edit_manifest(own_root, lambda rows: rows[0].update({column: value}))
    with pytest.raises(UsageError, match=message) as caught:
        load(own_root)
    assert "video000-00000" in str(caught.value)


def test_missing_column_is_named(own_root: Path) -> None:
    def without(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            del row["foa_digest"]

    edit_manifest(own_root, without)
    with pytest.raises(UsageError, match="foa_digest"):
        load(own_root)


def test_a_few_short_clips_are_left_out_and_named(root: Path, tmp_path: Path) -> None:
    split = load(root)
    assert split.short == ()
    with pytest.raises(UsageError, match=r"12 of 12 train clips are shorter.*video000-00000"):
        load(root, sound_s=2.5)


@pytest.mark.parametrize("member", ["video", "foa"])
def test_corrupted_member_is_found_by_its_digest(own_root: Path, member: str) -> None:
    one = load(own_root).clips[0]
    shard = own_root / "shards" / one.shard
    data = bytearray(shard.read_bytes())
    data[getattr(one, f"{member}_offset") + getattr(one, f"{member}_size") // 2] ^= 1
    shard.write_bytes(data)
    reader = MemberReader(str(own_root))
    with pytest.raises(ItemError, match=f"clip {one.clip}: {member} in {one.shard}.*yt360 verify"):
        reader.video(one) if member == "video" else reader.sound(one)


def frames_with_numbers(count: int, height: int = 32, width: int = 64) -> np.ndarray:
    """Frames whose brightness is their number."""
    return np.stack([np.full((height, width, 3), 20 + 5 * number, np.uint8) for number in range(count)])


MP4 = encode_video(frames_with_numbers(40))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 39), min_size=1, max_size=8))
def test_the_frames_asked_for_are_the_frames_that_come(indices: list[int]) -> None:
    indices = sorted(indices)
    decoded = decode_frames(MP4, clip(), indices, pad=1)
    assert decoded.shape == (len(indices), 34, 66, 3)
    numbers = (decoded[:, 1:-1, 1:-1].mean(axis=(1, 2, 3)) - 20) / 5
    np.testing.assert_allclose(numbers, indices, atol=0.4)


def test_a_picture_with_fewer_frames_than_the_manifest_says() -> None:
    with pytest.raises(ItemError, match="frame 45 is not in the picture, the manifest says 50"):
        decode_frames(MP4, clip(frames=50), [38, 45])


def test_a_picture_of_another_size() -> None:
    with pytest.raises(ItemError, match="64x32, the manifest says 128x64"):
        decode_frames(MP4, clip(height=64, width=128), [0])


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=400), st.integers(0, len(MP4)))
def test_garbage_is_an_item_error(garbage: bytes, cut: int) -> None:
    for data in (garbage, MP4[:cut] + garbage):
        with contextlib.suppress(ItemError):
            decode_frames(data, clip(), [0, 30])
        with pytest.raises(ItemError):
            decode_sound(data, clip(), 0, 100)


def test_sound_is_exact_to_the_sample() -> None:
    ramp = np.tile(np.arange(30000) / 32768, (4, 1)) * np.array([[1], [-1], [0.5], [0.25]])
    flac = encode_sound(ramp)
    found = decode_sound(flac, clip(samples=30000), 12345, 777)
    assert found.shape == (4, 777)
    np.testing.assert_allclose(found, ramp[:, 12345 : 12345 + 777], atol=1 / 32768)
    with pytest.raises(ItemError, match="ends before"):
        decode_sound(flac, clip(samples=40000), 29999, 2)


def test_sound_with_other_channels_is_refused() -> None:
    with pytest.raises(ItemError, match="2 channels"):
        decode_sound(encode_sound(np.zeros((2, 1000))), clip(), 0, 10)


@given(st.integers(16, 200), st.integers(1, 6), st.integers(0, 2**31))
def test_moments_lie_inside_the_clip_and_the_picture_inside_the_sound(frames: int, count: int, seed: int) -> None:
    one = clip(frames=frames, samples=int(frames / 16 * RATE) + seed % 100)
    recipe = tiny(data={"picture_s": 0.5})
    for moment in draw_moments(np.random.default_rng(seed), one, recipe.data, count):
        assert moment.sound_start >= 0
        assert moment.sound_start + RATE <= one.samples
        assert len(moment.frames) == 8
        assert moment.frames[0] >= 0
        assert moment.frames[-1] < one.frames
        assert list(moment.frames) == sorted(moment.frames)
        assert moment.frames[0] / 16 >= moment.sound_start / RATE - 0.04
        assert (moment.frames[-1] + 1) / 16 <= moment.sound_start / RATE + 1.04


def test_moments_of_avts_are_in_separate_parts_of_the_clip() -> None:
    moments = draw_moments(np.random.default_rng(0), clip(frames=160, samples=240000), tiny().data, 4)
    starts = [moment.sound_start / RATE for moment in moments]
    for part, start in enumerate(starts):
        assert 2.5 * part <= start <= 2.5 * (part + 1) - 1


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
    split = load(own_root)
    edit_manifest(own_root, lambda rows: rows[1].update(foa_digest="0" * 40))
    bad_split = load(own_root)
    data = SampleDataset(recipe, str(own_root), [bad_split])
    made = [data[Request("train", index, index // 2, (0, 1, index), augment=True)] for index in range(3)]
    assert isinstance(made[1], BadSample)
    batch = Collate([split])(made)
    assert batch.clips == ("video000-00000", "video001-00000")
    assert [bad.clip for bad in batch.bad] == ["video000-00010"]
    assert batch.pictures.shape[0] == 2
    nothing = Collate([split])([made[1]])
    assert nothing.clips == ()
    assert nothing.pictures.numel() == 0


def test_of_a_member_that_was_checked_only_a_window_is_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, one = MemberReader(str(root)), load(root).clips[0]
    decoder = ClipDecoder(reader, one)
    sizes: list[int] = []
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda *what: (sizes.append(what[1]), real(*what))[1])
    read = []
    for _ in range(2):
        sizes.clear()
        pictures, sound = decoder.planes([3]), decoder.sound([100], 1000)
        read.append(sum(sizes))
    assert read[1] < read[0] == one.video_size + one.foa_size
    np.testing.assert_array_equal(pictures, decode_planes(reader.video(one), one, [3]))
    np.testing.assert_array_equal(sound[0], decode_sound(reader.sound(one), one, 100, 1000))


def test_a_shard_that_was_cut_short_after_it_was_checked_is_named(own_root: Path) -> None:
    reader, one = MemberReader(str(own_root)), load(own_root).clips[0]
    decoder = ClipDecoder(reader, one)
    decoder.frames([0])
    os.truncate(own_root / "shards" / one.shard, one.video_offset + 100)
    with pytest.raises(ItemError, match=rf"clip {one.clip}: video: .*{one.shard} ends after .* run yt360 verify"):
        decoder.frames([0])


def test_reader_can_be_sent_to_a_worker(root: Path) -> None:
    reader = MemberReader(str(root))
    one = load(root).clips[0]
    data = reader.sound(one)
    again = pickle.loads(pickle.dumps(reader))
    assert again.sound(one) == data
    reader.close()
    again.close()
