"""Cutting: the same bytes as ever for training, one way for everybody, and what the picture shows is what is heard."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.training.world import tiny
from yt360 import sphere
from yt360.dataset import cutting
from yt360.dataset.cutting import Moment, cut, draw_moments, draw_sample
from yt360.dataset.decoding import ClipDecoder
from yt360.dataset.manifest import ClipRow
from yt360.dataset.members import MemberReader
from yt360.dataset.perspective_crop import PAD, continue_sphere
from yt360.dataset.settings import DataSettings, PublishedBehaviour, SampleSettings
from yt360.dataset.views import fixed_view

ROW = ClipRow("c", "v", "s.tar", 0, 1, "", 0, 1, "", 40, 16.0, 32, 64, 20000, 8000)

RECORDED = {
    ("avsa", True): ("47828e538862c4a25a43", "44a580f3eca37e92f75c"),
    ("avsa", False): ("54e839e734f5489277ba", "12427fe49dfa1529b293"),
    ("avts", True): ("5e408f233496f1a24251", "aa3ebe7dbc0816c28ff8"),
    ("loudest", True): ("5ba5399a2c944a8d4d8b", "0afa90d5e50ae220fd33"),
    ("loudest", False): ("b010049f5395e3fe7d4f", "6ba2b34d609beddbae76"),
    ("original", True): ("cf99c43c628f310e3b2a", "6de3a5eab4b1501665cd"),
    ("original", False): ("fc3841c31c0c16874056", "7eb147f9798e1c819606"),
    ("fps30", True): ("1822e9937433432e71dc", "d9c3057ea0cf8a094035"),
    ("fps30", False): ("d6a79bb1de93f1623bfd", "12427fe49dfa1529b293"),
}
"""Digests of (pictures and sound, matrices and directions to 1e-4) that commit ac3c3dc made, when the training loader
cut its samples itself; by recipe and whether the sample is augmented. Not so the pictures of (fps30, True): there that
commit showed each view the frames of both moments (:func:`test_moments_that_repeat_frames_keep_to_their_own`)."""


class Noise(ClipDecoder):
    """A clip of noise that needs no codec, so that digests do not hang on one."""

    def __init__(self) -> None:
        super().__init__(MemberReader("nowhere"), ROW)
        self.pictures = np.random.default_rng(1).integers(0, 256, (40, 32, 64, 3), np.uint8)
        self.heard = (np.random.default_rng(2).integers(-(2**15), 2**15, (4, 20000)) / 2**15).astype(np.float32)

    def sound(
        self, starts: Sequence[int], samples: int, room: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        return np.stack([self.heard[:, start : start + samples] for start in starts], out=room)

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        padded = np.empty((len(indices), 32 + 2 * PAD, 64 + 2 * PAD, 3), np.uint8)
        padded[:, PAD:-PAD, PAD:-PAD] = self.pictures[list(indices)]
        continue_sphere(padded)
        return padded

    def each_frame(self, indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        return (cv2.cvtColor(frame, cv2.COLOR_RGB2RGBA) for frame in self.frames(indices))


def settings_of(name: str, augment: bool) -> SampleSettings:
    objective = "avts" if name in ("avts", "fps30") else "avsa"
    phase = {"objective": objective, "views": 2 if name == "fps30" else 3, "batch": 2, "translators": False, "steps": 2}
    changes: dict[str, dict[str, Any]] = {
        "loudest": {"views": {"energy_share": 0.5}},
        "original": {"mode": "original"},
        "fps30": {"data": {"frames_per_second": 30.0}},
    }
    recipe = tiny(phases=[phase | {"name": objective}], **changes.get(name, {}))
    return recipe.sample_settings(0) if augment else recipe.held_out_settings()


def digest(*arrays: NDArray[Any]) -> str:
    total = hashlib.blake2b(digest_size=10)
    for array in arrays:
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def crop_in_fixed_point(
    crop: NDArray[np.uint8], frame: NDArray[np.uint8], places: tuple[NDArray[np.float32], NDArray[np.float32]], *_: Any
) -> None:
    """As crops were made at that commit: halves of levels are rounded up."""
    maps = cv2.convertMaps(*places, cv2.CV_16SC2)
    cv2.remap(frame[..., :3].copy(), *maps, cv2.INTER_LINEAR, dst=crop, borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize(("name", "augment"), RECORDED)
def test_samples_are_what_they_ever_were(name: str, augment: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte, but where bilinear interpolation ends at half a level: one more or less before colours change."""
    settings, seed = settings_of(name, augment), (0, 1, 0, 0, 7)
    made = draw_sample(np.random.default_rng(seed), Noise(), settings, augment=augment)
    with monkeypatch.context() as patch:
        patch.setattr(cutting, "crop_into", crop_in_fixed_point)
        before = draw_sample(np.random.default_rng(seed), Noise(), settings, augment=augment)
    turns = np.round(np.concatenate([made.matrices.ravel(), made.directions.ravel()]) * 1e4).astype(np.int32)
    assert (digest(before.pictures, made.sound), digest(turns)) == RECORDED[name, augment]
    apart = np.abs(made.pictures.astype(int) - before.pictures)
    assert apart.max() <= (3 if augment else 1)
    assert (apart > 0).mean() < 0.01


def test_each_view_may_have_a_moment_of_its_own() -> None:
    views = [fixed_view(sphere.View(azimuth, 0.2, 1.2, 1.2)) for azimuth in (0.0, 2.0)]
    moments = [Moment(100, (3, 4)), Moment(9000, (20, 21))]
    both = cut(Noise(), moments, views, samples=500, size=16, panoramas=True)
    for number, moment in enumerate(moments):
        alone = cut(Noise(), [moment], [views[number]], samples=500, size=16)
        np.testing.assert_array_equal(both.pictures[number], alone.pictures[0])
        np.testing.assert_array_equal(both.sound[number], alone.sound[0])
        np.testing.assert_array_equal(both.matrices[number], alone.matrices[0])
    assert both.panoramas is not None
    assert both.panoramas.shape == (4, 32, 64, 3)
    np.testing.assert_array_equal(both.panoramas[2], Noise().pictures[20])


def test_frames_that_are_shown_twice_are_cut_twice() -> None:
    view = [fixed_view(sphere.View(0.0, 0.0, 1.2, 1.2))]
    made = cut(Noise(), [Moment(0, (5, 5, 6))], view, samples=10, size=16)
    np.testing.assert_array_equal(made.pictures[0, 0], made.pictures[0, 1])
    assert (made.pictures[0, 1] != made.pictures[0, 2]).any()


def test_moments_that_repeat_frames_keep_to_their_own() -> None:
    """Two moments of four frames, two of them different, are as many frames together as one shows."""
    views = [fixed_view(sphere.View(0.0, 0.0, 1.2, 1.2))] * 2
    moments = [Moment(100, (3, 3, 4, 4)), Moment(9000, (20, 20, 21, 21))]
    both = cut(Noise(), moments, views, samples=500, size=16)
    for number, moment in enumerate(moments):
        alone = cut(Noise(), [moment], views[:1], samples=500, size=16)
        np.testing.assert_array_equal(both.pictures[number], alone.pictures[0])


def test_switches_say_how_a_fixed_view_and_its_sound_are_made() -> None:
    view = sphere.View(1.0, 0.4, 1.2, 1.2)
    published = PublishedBehaviour.original()
    correct, coded = fixed_view(view), fixed_view(view, published)
    assert (correct.corners, coded.corners) == (False, True)
    one = cut(Noise(), [Moment(0, (5,))], [correct], samples=10, size=16)
    other = cut(Noise(), [Moment(0, (5,))], [coded], samples=10, size=16, switches=published)
    assert (one.pictures != other.pictures).any()
    assert np.abs(one.matrices - other.matrices).max() > 0.1


@pytest.mark.parametrize(("frames", "samples"), [(24, 20000), (40, 12000)])
def test_moments_lie_where_there_are_both_picture_and_sound(frames: int, samples: int) -> None:
    """One of the two ends after 1.5 s, the other after 2.5 s."""
    row = replace(ROW, frames=frames, samples=samples)
    data = DataSettings(sound_s=1.0, picture_s=0.25)
    for seed in range(20):
        for moment in draw_moments(np.random.default_rng(seed), row, data, 3):
            assert 0 <= moment.sound_start <= 4000
            assert 0 <= min(moment.frames) <= max(moment.frames) < 24


RATE_HZ = 24_000
LONG = replace(ROW, sample_rate_hz=RATE_HZ)


@given(st.integers(16, 200), st.integers(1, 6), st.integers(0, 2**31))
def test_moments_lie_inside_the_clip_and_the_picture_inside_the_sound(frames: int, count: int, seed: int) -> None:
    one = replace(LONG, frames=frames, samples=int(frames / 16 * RATE_HZ) + seed % 100)
    recipe = tiny(data={"picture_s": 0.5})
    for moment in draw_moments(np.random.default_rng(seed), one, recipe.data, count):
        assert moment.sound_start >= 0
        assert moment.sound_start + RATE_HZ <= one.samples
        assert len(moment.frames) == 8
        assert moment.frames[0] >= 0
        assert moment.frames[-1] < one.frames
        assert list(moment.frames) == sorted(moment.frames)
        assert moment.frames[0] / 16 >= moment.sound_start / RATE_HZ - 0.04
        assert (moment.frames[-1] + 1) / 16 <= moment.sound_start / RATE_HZ + 1.04


def test_moments_of_avts_are_in_separate_parts_of_the_clip() -> None:
    moments = draw_moments(np.random.default_rng(0), replace(LONG, frames=160, samples=240000), tiny().data, 4)
    starts = [moment.sound_start / RATE_HZ for moment in moments]
    for part, start in enumerate(starts):
        assert 2.5 * part <= start <= 2.5 * (part + 1) - 1
