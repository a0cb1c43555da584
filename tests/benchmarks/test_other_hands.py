"""Material of other hands holds what its rows say; what is not installed here is skipped."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.media_truth import count
from benchmarks.other_hands import LeftOutError, layouts, loudspeakers
from benchmarks.other_hands.directions import ambix, impulses, spiral
from benchmarks.other_hands.microphones import ENCODED
from benchmarks.other_hands.originals import Original
from benchmarks.other_hands.rooms import ROOMS, images_of_room
from benchmarks.other_hands.rows import OriginalRow, other_rows
from benchmarks.other_hands.sound_files import WRITERS
from yt360.media import ffmpeg
from yt360.media.projection.layouts import draw, known_layouts
from yt360.media.reading_sound import read_sound
from yt360.media.sound import FoaDecodeSpec


def _made(maker: Any, *arguments: Any) -> Any:
    try:
        return maker(*arguments)
    except LeftOutError as missing:
        pytest.skip(f"needs {missing} (benchmarks/requirements-other-hands.txt)")


def test_every_row_is_another_file() -> None:
    rows = [repr(row) for row in other_rows(1)]
    assert len(rows) == len(set(rows)) > 700


def test_what_is_absent_is_named_and_not_counted(tmp_path: Path) -> None:
    answer = count(OriginalRow(Original("absent.wav", "nowhere", "ambix")), tmp_path)
    assert set(answer) == {"left_out"}
    assert "beside the checkout" in answer["left_out"]


@pytest.mark.parametrize("name", ROOMS)
def test_the_first_sound_of_a_room_has_the_weights_of_sn3d(name: str) -> None:
    responses = _made(ROOMS[name], np.random.default_rng(5), 2, 24_000)
    assert responses.shape[:2] == (2, 4)
    for w, *axes in responses:
        onset = int(np.argmax(np.abs(w) > 0.3 * np.abs(w).max()))
        window = slice(max(0, onset - 8), onset + 24)
        strength = [np.vdot(w[window], axis[window]) / np.vdot(w[window], w[window]) for axis in axes]
        assert np.linalg.norm(strength) == pytest.approx(1.0, abs=0.25)


@pytest.mark.parametrize("name", ENCODED)
def test_an_encoded_array_points_where_the_room_says(name: str) -> None:
    rate_hz, late = 24_000, 512
    responses = _made(ENCODED[name], np.random.default_rng(8), 2, rate_hz)
    # The same room again: the maker draws first whether it is a box.
    rng = np.random.default_rng(8)
    images = images_of_room(rng, 2, box=bool(rng.random() < 0.5))
    for (w, y, z, x), (vectors, (far, _)) in zip(responses, images, strict=True):
        arrives = late + round(float(far.min()) / 343.0 * rate_hz)
        window = slice(arrives - 3, arrives + 4)
        heard = np.array([np.vdot(w[window], axis[window]) for axis in (x, y, z)]) / np.vdot(w[window], w[window])
        assert heard @ vectors[np.argmin(far)] / np.linalg.norm(heard) > 0.85
        assert 0.8 < np.linalg.norm(heard) < 1.4


def test_impulses_keep_their_level_and_place() -> None:
    found = impulses(np.array([100.0, 200.5]), np.array([[1.0, -0.5]]), 400)[0]
    assert int(np.argmax(found)) == 100
    assert found[90:110].sum() == pytest.approx(1.0, abs=0.01)
    assert found[190:212].sum() == pytest.approx(-0.5, abs=0.01)


def test_a_diffuse_field_has_a_third_of_its_power_on_each_axis() -> None:
    gains = ambix(spiral(60))
    assert (gains**2).mean(axis=1) == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3], abs=0.01)


def test_a_pan_law_keeps_power_and_uses_two_loudspeakers() -> None:
    for target in range(-180, 180, 15):
        gains = loudspeakers._pan(float(target), (45, -45, 135, -135))
        assert np.sum(gains**2) == pytest.approx(1.0)
        assert np.count_nonzero(gains > 1e-6) <= 2


@pytest.mark.parametrize("writer", ["wav", "flac", "amb", "mkv pcm", "mp4 aac", "webm opus", "ogg vorbis"])
def test_writers_keep_the_order_of_channels(writer: str, tmp_path: Path) -> None:
    time = np.arange(48_000) / 48_000
    sound = np.stack([0.2 * np.sin(2 * np.pi * tone * time) for tone in (300, 500, 800, 1300)])
    path = WRITERS[writer](tmp_path / "x", sound, 48_000)
    read = np.concatenate(list(read_sound(path, FoaDecodeSpec(4, 48_000), sample_rate_hz=48_000)), axis=1)[
        :, 4000:40_000
    ]
    spectrum = np.abs(np.fft.rfft(read, axis=1))
    loudest = np.argmax(spectrum, axis=1) * 48_000 / read.shape[1]
    assert loudest == pytest.approx([300, 500, 800, 1300], abs=5)


@pytest.mark.parametrize(("kind", "ours", "cbmp"), [("EAC", "eac", False), ("cubemap 3x2", "cubemap-cbmp", True)])
def test_two_hands_draw_the_same_layout(kind: str, ours: str, cbmp: bool) -> None:
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (1, 9, 18, 3)).astype(np.uint8)
    picture = np.kron(coarse, np.ones((1, 20, 20, 1), np.uint8))
    theirs = layouts.lay_out([picture], layouts.LAYOUTS[kind], cbmp=cbmp)[0].astype(float)
    mine = draw(known_layouts()[ours], picture[0], *theirs.shape[:2]).astype(float)
    assert np.median(np.abs(theirs - mine)) < 2


def test_outside_its_circles_a_dual_fisheye_is_black() -> None:
    white = np.full((1, 100, 200, 3), 255, np.uint8)
    frame = layouts.lay_out([white], layouts.LAYOUTS["dual fisheye"])[0]
    assert frame[0, 0].max() == frame[0, frame.shape[1] // 2].max() == 0
    assert frame[frame.shape[0] // 2, frame.shape[1] // 4].min() > 200


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("povray") is None, reason="needs POV-Ray (Debian: povray, povray-includes)")
def test_a_ray_traced_place_closes_at_its_sides() -> None:
    from benchmarks.other_hands import povray

    for kind in povray.PLACES:
        frame = povray.place(3, kind=kind, stand="tripod")[0][0].astype(float)
        across = np.abs(frame[:, 0] - frame[:, -1]).mean()
        away = np.mean([np.abs(frame[:, 0] - frame[:, k * frame.shape[1] // 8]).mean() for k in range(2, 7)])
        assert across <= 0.5 * away + 2, kind


def test_ffmpeg_here_has_the_filter_that_lays_spheres_out() -> None:
    assert b"v360" in ffmpeg.run(["-filters"], timeout_s=20).stdout
