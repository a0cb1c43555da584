from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import yt360
from tests.training.world import edit_manifest
from yt360 import ambisonics, sphere
from yt360.dataset import decoding
from yt360.errors import ItemError, UsageError


@pytest.fixture
def clip(data: yt360.Dataset) -> yt360.Clip:
    return data["video001-00010"]


def test_what_a_clip_says_of_itself(clip: yt360.Clip) -> None:
    assert (clip.video, clip.split, clip.start_s, clip.duration_s) == ("video001", "train", 10.0, 2.0)
    assert (clip.fps, clip.size, clip.sample_rate_hz) == (16.0, (64, 128), 24000)
    assert clip.metadata["shard"] == "train-000000.tar"


def test_frames_are_those_of_their_times(clip: yt360.Clip) -> None:
    whole = clip.frames()
    assert whole.shape == (32, 64, 128, 3)
    assert whole.dtype == np.uint8
    assert np.array_equal(clip.frames(0.5, 0.25), whole[8:12])
    assert np.array_equal(clip.frames(1.0), whole[16:])
    assert np.array_equal(clip.frames(0.0, 1.0, fps=4), whole[[0, 4, 8, 12]])
    assert np.array_equal(clip.frames(0.0, 0.125, fps=32), whole[[0, 0, 1, 2]])  # half a frame rounds to even
    assert np.array_equal(clip.frames(1.0, 0.0), whole[16:17])
    assert np.array_equal(clip.frame(0.76), whole[12])
    assert np.array_equal(clip.frame(2.0), whole[31])


def test_sound_is_that_of_its_samples(clip: yt360.Clip) -> None:
    whole = clip.foa()
    assert whole.shape == (4, 48000)
    assert whole.dtype == np.float32
    assert np.array_equal(clip.foa(0.5, 0.25), whole[:, 12000:18000])
    assert np.array_equal(clip.foa(1.9), whole[:, 45600:])
    assert np.array_equal(clip.foa(2.0, 0.0), whole[:, -1:])


def test_what_is_not_said_is_the_beginning_and_the_view_ahead(clip: yt360.Clip) -> None:
    assert np.array_equal(clip.frame(), clip.frames()[0])
    assert np.array_equal(clip.foa(duration_s=0.5), clip.foa(0.0, 0.5))
    first, given = clip.panoptic(), clip.panoptic(0.0)
    assert first is not None
    assert given is not None
    assert np.array_equal(first.ids, given.ids)
    usual = clip.view()
    told = clip.view(
        0.0, 0.0, (90.0, 90.0), start_s=0.0, picture_s=0.5, sound_s=1.0, size=112, fps=16.0, panoptic=False
    )
    assert usual.frames.shape == (8, 112, 112, 3)
    assert np.array_equal(usual.frames, told.frames)
    assert np.array_equal(usual.foa, told.foa)
    assert (usual.view, usual.panoptic) == (told.view, None)


def test_what_is_handed_out_may_be_written_to(clip: yt360.Clip) -> None:
    for read in (lambda: clip.frames(0, 0.1), lambda: clip.foa(0, 0.1), lambda: clip.view(picture_s=0.1).frames):
        first = read()
        kept = first.copy()
        first[:] = 0
        assert np.array_equal(read(), kept)


@pytest.mark.parametrize(
    ("start_s", "duration_s", "words"),
    [
        (-0.1, 0.5, "-0.1 s to 0.4 s"),
        (1.6, 0.5, "1.6 s to 2.1 s"),
        (2.1, None, "2.1 s to 2 s"),
        (0.5, -0.1, "0.5 s to 0.4 s"),
        (float("nan"), 0.1, "nan s"),
    ],
)
def test_times_outside_the_clip_are_named(
    clip: yt360.Clip, start_s: float, duration_s: float | None, words: str
) -> None:
    for read, what in ((clip.frames, "picture"), (clip.foa, "sound")):
        with pytest.raises(UsageError) as caught:
            read(start_s, duration_s)
        assert str(caught.value).startswith(f"clip video001-00010: {words}")
        assert str(caught.value).endswith(f"outside its {what}, which lasts from 0 s to 2 s")
    clip.frames(1.5, 0.5 + 1e-9)  # sums of floats are forgiven


@pytest.mark.parametrize("time_s", [-0.001, 2.001, 17.0, float("nan")])
def test_a_frame_outside_the_clip_is_refused(clip: yt360.Clip, time_s: float) -> None:
    for read in (clip.frame, clip.panoptic):
        with pytest.raises(UsageError, match=r"is outside its (picture|clip), which lasts from 0 s to 2 s"):
            read(time_s)


def test_impossible_views_are_refused(clip: yt360.Clip) -> None:
    for fov_deg in (0, 180, -1, float("nan"), (90, 180), (180, 90), (0, 90), (90, 0)):
        with pytest.raises(UsageError, match="fov_deg must lie in"):
            clip.view(fov_deg=fov_deg)
    with pytest.raises(UsageError, match="elevation_deg must lie in"):
        clip.view(elevation_deg=90.5)
    with pytest.raises(UsageError, match="size 0 must lie"):
        clip.view(size=0)
    with pytest.raises(UsageError, match="fps must lie"):
        clip.frames(fps=0)


@pytest.mark.parametrize(("azimuth_deg", "elevation_deg"), [(30, 0), (-170, 40), (180, -90)])
def test_a_view_is_the_crop_and_the_sound_of_one_rotation(
    clip: yt360.Clip, azimuth_deg: float, elevation_deg: float
) -> None:
    view = clip.view(azimuth_deg, elevation_deg, 80, start_s=0.5, picture_s=0.25, sound_s=0.5, size=33)
    look = sphere.View(*np.radians([azimuth_deg, elevation_deg, 80, 80]))
    assert view.view == look
    np.testing.assert_array_equal(view.rotation, look.rotation)
    reference = np.stack([sphere.crop(frame, look, (33, 33)) for frame in clip.frames(0.5, 0.25)])
    # Fixed-point maps have steps of 1/32 pixel, and noisy frames change by up to 200 levels from one to the next.
    assert np.abs(view.frames.astype(int) - reference).mean() < 1
    np.testing.assert_allclose(view.foa, ambisonics.rotate(clip.foa(0.5, 0.5), look.rotation), atol=1e-6)


def test_what_sounds_ahead_is_in_the_middle_of_the_picture(data: yt360.Dataset) -> None:
    clip = data["video000-00000"]
    heard = ambisonics.sound_direction(clip.foa())
    view = clip.view(np.degrees(heard.azimuth), np.degrees(heard.elevation), 60, size=31, panoptic=True)
    ahead = ambisonics.sound_direction(view.foa)
    assert np.degrees(sphere.angle_between(sphere.unit_vector(ahead.azimuth, ahead.elevation), [1, 0, 0])) < 5
    assert view.panoptic is not None
    panoptic = clip.panoptic(0.5)
    assert panoptic is not None
    things = {segment.id for segment in panoptic.segments if segment.isthing}
    assert view.panoptic[15, 15] in things


def test_panoptic_maps_come_with_their_segments_and_categories(clip: yt360.Clip) -> None:
    found = clip.panoptic(1.0)
    assert found is not None
    assert found.ids.shape == clip.size
    names = {category.id: category.name for category in clip.categories}
    assert {names[segment.category_id] for segment in found.segments} >= {"ground", "disc 1"}
    assert sum(segment.area for segment in found.segments) == 64 * 128
    with pytest.raises(UsageError, match="outside its clip"):
        clip.panoptic(2.1)


@pytest.mark.parametrize("start_s", [0.0, 0.3, 0.8, 1.3])
def test_the_map_of_a_view_is_the_one_nearest_to_its_last_frame(
    clip: yt360.Clip, monkeypatch: pytest.MonkeyPatch, start_s: float
) -> None:
    asked: list[float] = []
    maps = clip.maps
    assert maps is not None
    real = maps.nearest

    def nearest(time_s: float) -> int:
        asked.append(time_s)
        return real(time_s)

    monkeypatch.setattr(maps, "nearest", nearest)
    shown = clip.view(start_s=start_s, picture_s=0.5, sound_s=0.5, size=16, panoptic=True)
    assert shown.panoptic is not None
    assert asked == [(round(start_s * 16) + 7) / 16]
    assert clip.view(start_s=start_s, picture_s=0.5, sound_s=0.5, size=16).panoptic is None


def test_a_clip_without_maps_has_none(own_root: Path) -> None:
    clip = yt360.open(own_root)[0]
    assert clip.panoptic(0.0) is None
    assert clip.maps is None
    assert clip.categories == ()
    assert clip.view(panoptic=True).panoptic is None


def test_damaged_bytes_are_named_unless_nobody_asked(own_root: Path) -> None:
    edit_manifest(own_root, lambda rows: rows[0].update(foa_digest="0" * 40))
    clip = yt360.open(own_root)[0]
    assert clip.frame().shape == (64, 128, 3)
    with pytest.raises(ItemError, match=r"clip video000-00000: foa in train-000000\.tar has digest"):
        clip.foa()
    assert yt360.open(own_root, verify=False)[0].foa().shape == (4, 36000)


def test_views_of_one_moment_decode_it_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = yt360.open(root)
    calls: list[str] = []

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            calls.append(name)
            return real(*args, **options)

        return call

    for name in ("decode_frames", "decode_sound"):
        monkeypatch.setattr(decoding, name, counted(name, getattr(decoding, name)))
    first = data[2].view(0)
    second = data[2].view(90)
    assert sorted(calls) == ["decode_frames", "decode_sound"]
    assert not np.array_equal(first.frames, second.frames)
    data[2].view(90, start_s=0.5)
    assert len(calls) == 4
