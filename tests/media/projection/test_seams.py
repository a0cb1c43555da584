"""Edges that meet on the sphere, against edges that do not, and against pictures in which nothing can be told."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.media_pictures import both_eyes
from benchmarks.media_scenes import make_scene
from yt360.media.projection.content import WORK_HEIGHT, WORK_WIDTH
from yt360.media.projection.evidence import seam_odds
from yt360.media.projection.layouts import known_layouts
from yt360.media.projection.seams import SeamEvidence, coarseness, seam_count, seam_evidence, shifted

Frames = np.ndarray


@pytest.fixture(scope="module")
def scene() -> Frames:
    return np.asarray(make_scene(5, 320, 640).frames(2).mean(axis=3), np.float64).astype(np.uint8)


def shrunk(frames: Frames) -> Frames:
    return np.stack([cv2.resize(f, (WORK_WIDTH, WORK_HEIGHT), interpolation=cv2.INTER_AREA) for f in frames])


def evidence(frames: Frames, name: str, **options: tuple[float, float]) -> SeamEvidence:
    return seam_evidence(frames, {name: known_layouts()[name]}, **options)[name]


def test_a_sphere_has_one_seam_and_a_cube_has_those_that_the_frame_does_not_show() -> None:
    counts = {name: seam_count(layout, WORK_HEIGHT, WORK_WIDTH) for name, layout in known_layouts().items()}
    # A cube has twelve edges; four lie inside the rows of an equi-angular cubemap, one inside 3x2.
    assert counts == {
        "equirectangular": 1, "equirectangular-tb": 1, "equirectangular-lr": 1, "eac": 8, "eac-lr": 8,
        "cubemap-3x2": 12, "cubemap-cbmp": 11, "cubemap-6x1": 12, "cubemap-1x6": 12,
    }  # fmt: skip


def test_the_edges_of_a_sphere_meet_and_those_of_a_part_of_it_do_not(scene: Frames) -> None:
    closed = evidence(shrunk(scene), "equirectangular")
    assert closed.step[:, :2].max() < 0.8 < closed.contrast[:, :2].min()
    assert seam_odds(closed)[0] > 1.5
    opened = evidence(shrunk(scene[:, :, :400]), "equirectangular")
    assert seam_odds(opened)[0] < -1.5


@pytest.mark.parametrize("name", ["eac", "eac-lr", "cubemap-3x2", "cubemap-cbmp"])
def test_the_faces_of_a_cube_close_by_their_own_seams_only(scene: Frames, name: str) -> None:
    drawn = shrunk(np.stack([both_eyes(known_layouts()[name], frame, 320, 480, 3) for frame in scene]))
    assert seam_odds(evidence(drawn, name)).mean() > 0.8
    for other in ("eac", "eac-lr", "cubemap-6x1"):
        if other != name:
            assert seam_odds(evidence(drawn, other)).mean() < -0.5


def test_small_pictures_are_held_against_steps_of_their_own_pixels(scene: Frames) -> None:
    small = np.stack([cv2.resize(frame, (160, 80), interpolation=cv2.INTER_AREA) for frame in scene])
    assert coarseness(160, 80, WORK_WIDTH, WORK_HEIGHT) == (4.0, 4.5)
    assert coarseness(1920, 960, WORK_WIDTH, WORK_HEIGHT) == (1.0, 1.0)
    fine = evidence(shrunk(small), "equirectangular")
    coarse = evidence(shrunk(small), "equirectangular", coarse=(4.0, 4.5))
    assert coarse.step[0, 0] < fine.step[0, 0] - 0.3


@pytest.mark.parametrize("level", [0, 8, 200])
def test_two_plain_sides_tell_nothing(scene: Frames, level: int) -> None:
    frames = shrunk(scene)
    frames[:, :, :20] = frames[:, :, -20:] = level
    assert abs(seam_odds(evidence(frames, "equirectangular"))[0]) < 0.3


def test_level_layers_are_alike_anywhere_and_tell_nothing() -> None:
    layers = np.repeat(np.linspace(20, 230, WORK_HEIGHT).astype(np.uint8)[:, None], WORK_WIDTH, axis=1)[None]
    assert abs(seam_odds(evidence(layers, "equirectangular"))[0]) < 0.3


def test_noise_tells_nothing() -> None:
    noise = np.random.default_rng(0).integers(0, 60, (3, WORK_HEIGHT, WORK_WIDTH)).astype(np.uint8)
    assert abs(seam_odds(evidence(noise, "equirectangular"))[0]) < 0.5


def test_a_joint_of_tiles_that_runs_along_the_seam_does_not_tear_it(scene: Frames) -> None:
    """Left and right of it the shades are exchanged, and every tile begins where its neighbour does."""
    noise = np.random.default_rng(0).normal(0, 1, (WORK_HEIGHT, WORK_WIDTH))
    rows = np.cumsum([25, 40, 31, 52, 27, 38, 61, 29, 33])
    rows = rows[rows < WORK_HEIGHT]
    odd = np.searchsorted(rows, np.arange(WORK_HEIGHT)) % 2
    tiles = np.where((odd[:, None] + (np.arange(WORK_WIDTH) // 160)[None]) % 2, 90.0, 140.0)
    tiles[:, 100:540] += 20 * np.sin(np.arange(WORK_HEIGHT) / 7)[:, None]
    frames = np.clip(tiles + noise, 0, 255).astype(np.uint8)[None]
    found = evidence(frames, "equirectangular")
    assert found.step[0, :2].min() > 1
    assert seam_odds(found)[0] > -3
    assert seam_odds(SeamEvidence(found.step[:, :2], found.contrast[:, :2], found.spread[:, :2]))[0] < -4


def test_sides_in_the_wrong_place_are_rolled_along_the_seam() -> None:
    a, b = np.random.default_rng(2).random((2, 9, 96), np.float32)
    rolled = [float(np.abs(a - np.roll(b, round(share * 96), axis=-1)).mean()) for share in (0.2, 0.35, 0.5, 0.65, 0.8)]
    assert shifted(a, b).tolist() == rolled
