"""Rendered views: what is in the middle of the picture is heard from the front, and what is beside it at its side."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training.world import make_root
from yt360 import ambisonics, sphere
from yt360.dataset.dataset import open_dataset
from yt360.errors import UsageError
from yt360.view.path import KeyFrame, ViewPath, read_path
from yt360.view.render import render_view
from yt360.view.sources import ClipSource

SIZE = (96, 128)
RED = np.array([230.0, 40.0, 40.0])


class Beacon:
    """A red spot of 6° that hisses, in a gray world, at one direction in radians."""

    name, begin_s, fps = "beacon", 0.0, Fraction(8)

    def __init__(self, azimuth: float, elevation: float, seconds: float = 0.5, level: float = 0.1) -> None:
        self.end_s = seconds
        rays = sphere.pixel_vectors(360, 720)
        self._picture = np.full((360, 720, 3), 110, np.uint8)
        self._picture[rays @ sphere.unit_vector(azimuth, elevation) > np.cos(np.radians(6))] = RED
        self._where, self._level = (azimuth, elevation), level

    def frames(self, start_s: float, duration_s: float, around: int) -> Iterator[NDArray[np.uint8]]:
        yield from (self._picture for _ in range(round(duration_s * self.fps)))

    def sound(self, start_s: float, duration_s: float, rate_hz: int) -> Iterator[NDArray[np.float32]]:
        hiss = np.random.default_rng(1).standard_normal(round(duration_s * rate_hz)) * self._level
        foa = ambisonics.encode(hiss.astype(np.float32), *self._where)
        yield from np.array_split(foa, 3, axis=1)


def look_to(azimuth: float, elevation: float, fov_deg: float = 90.0) -> ViewPath:
    return ViewPath([KeyFrame(0.0, np.degrees(azimuth), np.degrees(elevation), fov_deg)], SIZE)


def frames_of(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]


def ears_of(path: Path) -> tuple[NDArray[np.float32], int]:
    with av.open(str(path)) as container:
        parts = [frame.to_ndarray() for frame in container.decode(audio=0)]
        return np.concatenate(parts, axis=1), container.streams.audio[0].rate


def spot(frame: NDArray[np.uint8]) -> tuple[float, float]:
    """Row and column of the middle of what is red, in pixel indices."""
    rows, columns = np.nonzero(frame[..., 0].astype(int) - frame[..., 1] > 90)
    assert rows.size > 4
    return float(rows.mean()), float(columns.mean())


def louder_left_db(path: Path, part: slice = slice(None)) -> float:
    """How much louder the left ear is above 1.5 kHz."""
    ears, rate_hz = ears_of(path)
    power = np.abs(np.fft.rfft(ears[:, part])) ** 2
    high = np.fft.rfftfreq(ears[:, part].shape[1], 1 / rate_hz) > 1500
    left, right = power[:, high].sum(axis=1)
    return float(10 * np.log10(left / right))


@pytest.mark.parametrize(
    ("azimuth_deg", "elevation_deg"), [(0, 0), (30, 20), (180, 0), (-179, -40), (75, 90), (-100, -90)]
)
def test_what_one_looks_at_is_in_the_middle_and_in_front(
    tmp_path: Path, azimuth_deg: float, elevation_deg: float
) -> None:
    azimuth, elevation = np.radians([azimuth_deg, elevation_deg])
    render_view(Beacon(azimuth, elevation), look_to(azimuth, elevation), SIZE, tmp_path / "v.mp4", duration_s=0.25)
    row, column = spot(frames_of(tmp_path / "v.mp4")[1])
    assert row == pytest.approx(47.5, abs=1.5)
    assert column == pytest.approx(63.5, abs=1.5)
    assert louder_left_db(tmp_path / "v.mp4") == pytest.approx(0.0, abs=0.5)


@pytest.mark.parametrize("side", [1, -1])
def test_what_is_at_the_side_is_there_for_eye_and_ear(tmp_path: Path, side: int) -> None:
    """30° off the axis of a view of 90°: tan(30°) / tan(45°) of half the width."""
    beacon = Beacon(np.radians(170 + 30 * side), 0.0)
    render_view(beacon, look_to(np.radians(170), 0.0), SIZE, tmp_path / "v.mp4")
    _, column = spot(frames_of(tmp_path / "v.mp4")[0])
    assert column == pytest.approx(63.5 - side * 64 * np.tan(np.radians(30)), abs=1.5)
    assert louder_left_db(tmp_path / "v.mp4") * side > 4


def test_a_path_turns_picture_and_sound_together(tmp_path: Path) -> None:
    keys = [KeyFrame(0.0, -60.0, 0.0, 120.0), KeyFrame(1.0, 60.0, 0.0, 120.0)]
    render_view(Beacon(0.0, 0.0, 1.0), ViewPath(keys, SIZE), SIZE, tmp_path / "v.mp4")
    columns = [spot(frame)[1] for frame in frames_of(tmp_path / "v.mp4")[1:]]
    assert columns == sorted(columns)
    assert columns[3] == pytest.approx(63.5, abs=1.5)  # frame 4 of 8, at 0.5 s
    assert louder_left_db(tmp_path / "v.mp4", slice(2000, 10_000)) > 4
    assert louder_left_db(tmp_path / "v.mp4", slice(38_000, 46_000)) < -4
    assert louder_left_db(tmp_path / "v.mp4", slice(22_000, 26_000)) == pytest.approx(0.0, abs=1.5)


def test_picture_and_sound_are_equally_long_and_the_bytes_repeat(tmp_path: Path) -> None:
    heard = []
    written = [
        render_view(
            Beacon(1.0, 0.2, 0.7), look_to(0.0, 0.0), SIZE, tmp_path / name, start_s=0.2,
            said=lambda *step: heard.append(step),
        )
        for name in ("one.mp4", "two.mp4")
    ]  # fmt: skip
    assert written[0].frames == len(frames_of(tmp_path / "one.mp4")) == 4
    ears, rate_hz = ears_of(tmp_path / "one.mp4")
    assert (rate_hz, ears.shape[0]) == (48_000, 2)
    assert written[0].duration_s == 0.5
    assert abs(ears.shape[1] - 24_000) <= 1024  # one frame of AAC
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()
    assert heard[:4] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.mp4", "two.mp4"]


def test_sound_above_full_scale_is_lowered_and_not_cut(tmp_path: Path) -> None:
    loud = render_view(Beacon(1.5, 0.0, level=2.0), look_to(0.0, 0.0), SIZE, tmp_path / "loud.mp4")
    calm = render_view(Beacon(1.5, 0.0, level=0.1), look_to(0.0, 0.0), SIZE, tmp_path / "calm.mp4")
    assert calm.gain_db == 0
    assert -26 < loud.gain_db < -6
    peaks = [np.abs(ears_of(tmp_path / name)[0]).max() for name in ("loud.mp4", "calm.mp4")]
    assert 0.7 < peaks[0] < 1.05
    assert peaks[0] / peaks[1] == pytest.approx(20 * 10 ** (loud.gain_db / 20), rel=0.1)


def test_a_stretch_that_is_not_there_is_named(tmp_path: Path) -> None:
    for start_s, duration_s in ((-0.1, 0.2), (0.4, 0.2), (0.5, None)):
        with pytest.raises(UsageError, match=r"beacon: .* is not inside of it, it lasts from 0 s to 0\.5 s"):
            render_view(Beacon(0, 0), look_to(0, 0), SIZE, tmp_path / "v.mp4", start_s=start_s, duration_s=duration_s)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_root(tmp_path_factory.mktemp("render") / "root", videos=1, clips=1, seconds=1.0)


def thing() -> tuple[float, float]:
    """Where the disc of the only clip is: the first numbers that :func:`make_root` draws."""
    rng = np.random.default_rng(0)
    return float(rng.uniform(-np.pi, np.pi)), float(rng.uniform(-0.5, 0.5))


def test_a_clip_of_a_dataset(root: Path, tmp_path: Path) -> None:
    clip = open_dataset(root)["video000-00000"]
    azimuth, elevation = thing()
    written = render_view(ClipSource(clip), look_to(azimuth, elevation), SIZE, tmp_path / "v.mp4", start_s=0.25)
    assert (written.frames, written.duration_s) == (12, 0.75)
    row, column = spot(frames_of(tmp_path / "v.mp4")[0])
    assert [row, column] == pytest.approx([47.5, 63.5], abs=3)
    assert louder_left_db(tmp_path / "v.mp4") == pytest.approx(0.0, abs=0.7)


def test_the_sound_of_a_clip_is_its_own(root: Path) -> None:
    clip = open_dataset(root)["video000-00000"]
    source = ClipSource(clip)
    (foa,) = source.sound(0.25, 0.5, clip.sample_rate_hz)
    np.testing.assert_array_equal(foa, clip.foa(0.25, 0.5))
    (finer,) = source.sound(0.25, 0.5, 48_000)
    assert finer.shape == (4, 24_000)


def test_the_largest_picture_and_the_finest_sound_of_a_clip_are_taken(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = open_dataset(root)["video000-00000"]
    large = SimpleNamespace(
        frames=lambda start_s, duration_s: np.ones((round(16 * duration_s), 512, 1024, 3), np.uint8),
        sound=lambda start_s, duration_s: np.ones((4, round(48_000 * duration_s)), np.float32),
        metadata={"sample_rate_hz": 48_000},
    )
    variants = SimpleNamespace(of=lambda _: {"large.video.mp4": large, "large.foa.flac": large})
    monkeypatch.setattr(clip, "_variants", variants)
    source = ClipSource(clip)
    assert [frame.shape for frame in source.frames(0.0, 0.25, 100)] == [(512, 1024, 3)] * 4
    assert [block.shape for block in source.sound(0.0, 0.5, 48_000)] == [(4, 24_000)]


def test_a_path_of_views_comes_from_a_table(tmp_path: Path) -> None:
    table = tmp_path / "path.csv"
    table.write_text("\ufefft_s,az_deg,el_deg\n0,170,0\n2,-170,10\n", encoding="utf-8")  # as spreadsheets write it
    keys = read_path(table, 80.0)
    assert keys == [KeyFrame(0.0, 170.0, 0.0, 80.0), KeyFrame(2.0, -170.0, 10.0, 80.0)]
    middle = ViewPath(keys, (90, 160))(1.0)
    assert np.degrees(middle.azimuth) == pytest.approx(180)  # the shorter way, over the back
    assert np.degrees(middle.elevation) == pytest.approx(5)
    assert np.tan(middle.vertical_fov / 2) == pytest.approx(np.tan(np.radians(40)) * 90 / 160)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", r"expected the columns t_s, az_deg, el_deg .*, found a, b"),
        ("", r"found nothing"),
        ("t_s,az_deg,el_deg\n0,left,0\n", r"line 2: expected numbers"),
        ("t_s,az_deg,el_deg\n0,0\n", r"line 2: expected numbers"),
        ("t_s,az_deg,el_deg\n1,0,0\n1,0,0\n", r"rise in time"),
        ("t_s,az_deg,el_deg\n", r"one or more key frames"),
        ("t_s,az_deg,el_deg\n0,nan,0\n", r"must be finite"),
        ("t_s,az_deg,el_deg\n0,0,91\n", r"elevation must lie in \[-90, 90\] degrees, found 91"),
        ("t_s,az_deg,el_deg,fov_deg\n0,0,0,180\n", r"field of view must lie in \[1, 170\] degrees, found 180"),
    ],
)
def test_a_table_that_is_no_path_is_refused_with_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    table = tmp_path / "path.csv"
    table.write_text(text)
    with pytest.raises(UsageError, match=words):
        ViewPath(read_path(table, 90.0), SIZE)
