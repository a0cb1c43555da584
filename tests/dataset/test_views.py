from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from yt360 import ambisonics, sphere
from yt360.dataset.perspective_crop import (
    PAD,
    DrawnView,
    continue_sphere,
    crop_frames,
    crop_into,
    picture_map,
    picture_maps,
)
from yt360.dataset.settings import PublishedBehaviour, ViewSettings
from yt360.dataset.views import _draw_centre, draw_views, fixed_view, plane_distance, sound_matrices, sound_matrix

CORRECT, ORIGINAL = PublishedBehaviour(), PublishedBehaviour.original()


def padded(frames: np.ndarray) -> np.ndarray:
    """Frames with a frame of garbage around them, filled by the code under test."""
    buffer = np.full((len(frames), frames.shape[1] + 2 * PAD, frames.shape[2] + 2 * PAD, 3), 77, np.uint8)
    buffer[:, PAD:-PAD, PAD:-PAD] = frames
    continue_sphere(buffer)
    return buffer


def drawn(azimuth: float, elevation: float, *, flip: bool = False, corners: bool = False) -> DrawnView:
    return DrawnView(sphere.View(azimuth, elevation, 1.2, 1.0), flip, 1.0, corners)


def smooth_picture(height: int = 96, width: int = 192) -> np.ndarray:
    rays = sphere.pixel_vectors(height, width)
    rng = np.random.default_rng(0)
    return np.clip(127 + 60 * np.sin(3 * rays @ rng.normal(size=(3, 3))) + 40 * rays, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("azimuth_deg", [0, 37, 90, -120, 179.9, -180])
@pytest.mark.parametrize("elevation_deg", [0, 30, -28, 88, -89.5])
def test_crop_agrees_with_the_reference_seam_and_poles_included(azimuth_deg: float, elevation_deg: float) -> None:
    picture = smooth_picture()
    view = drawn(math.radians(azimuth_deg), math.radians(elevation_deg))
    crop = crop_frames(padded(picture[None]), view, 33)[0].astype(int)
    reference = sphere.crop(picture, view.view, (33, 33)).astype(int)
    # Maps have steps of 1/32 pixel; the picture changes by at most about 12 levels a pixel.
    assert np.abs(crop - reference).max() <= 2


def test_fast_map_equals_the_reference_map() -> None:
    rng = np.random.default_rng(1)
    for view in draw_views(rng, 50, ViewSettings(elevation_deg=(-80, 80), flip=0), CORRECT, augment=True):
        columns, rows = (each - PAD for each in picture_map(view, 40, (224, 448)))
        reference = sphere.sampling_map(view.view, (40, 40), (224, 448))
        across = np.abs((columns - reference[..., 1] + 224) % 448 - 224)
        # 1/64 pixel of rounding, and single precision close to a pole
        assert across.max() < 0.05
        assert np.abs(rows - reference[..., 0]).max() < 0.02


def test_maps_of_several_views_are_those_of_each() -> None:
    views = [drawn(0.3, -0.4), drawn(-math.pi, math.pi / 2, flip=True), drawn(3.1, -1.5, corners=True)]
    columns, rows = picture_maps(views, 40, (96, 192))
    for number, view in enumerate(views):
        alone = picture_map(view, 40, (96, 192))
        assert np.array_equal(columns[number], alone[0])
        assert np.array_equal(rows[number], alone[1])


@pytest.mark.parametrize("channels", [3, 4])
def test_a_crop_is_bilinear_to_the_nearest_level(channels: int) -> None:
    """At most half a level from what exact arithmetic gives, on every processor: all numbers are exact in it."""
    frame = np.random.default_rng(3).integers(0, 256, (50, 98, 4), np.uint8)
    view = drawn(3.1, 1.3)
    columns, rows = picture_map(view, 40, (48, 96))
    crop = np.empty((40, 40, 3), np.uint8)
    if channels == 4:
        crop_into(crop, frame, (columns, rows))
    else:
        crop = crop_frames(frame[None, ..., :3].copy(), view, 40)[0]
    left, top = np.floor(columns).astype(int), np.floor(rows).astype(int)
    right, below = np.minimum(left + 1, 97), np.minimum(top + 1, 49)
    across, down = (columns - left)[..., None].astype(float), (rows - top)[..., None].astype(float)
    assert ((across * 32) % 1 == 0).all()
    pixels = frame[..., :3].astype(float)
    exact = (1 - down) * ((1 - across) * pixels[top, left] + across * pixels[top, right])
    exact += down * ((1 - across) * pixels[below, left] + across * pixels[below, right])
    assert np.abs(crop - exact).max() <= 0.5


def test_view_ties_picture_and_sound_together() -> None:
    """A disc painted where a source sounds is in the middle of the crop, and the source is on +X."""
    for azimuth, elevation in ((0.3, 0.2), (3.1, -0.5), (-2.0, 0.5), (math.pi, 0.0)):
        rays = sphere.pixel_vectors(96, 192)
        picture = np.zeros((1, 96, 192, 3), np.uint8)
        picture[0, rays @ sphere.unit_vector(azimuth, elevation) > math.cos(math.radians(15))] = 255
        view = drawn(azimuth, elevation)
        crop = crop_frames(padded(picture), view, 33)[0, ..., 0]
        rows, columns = np.nonzero(crop > 127)
        assert abs(rows.mean() - 16) < 0.5
        assert abs(columns.mean() - 16) < 0.5
        np.testing.assert_allclose(
            sound_matrix(view, CORRECT) @ ambisonics.encoding_gains(azimuth, elevation), [1, 0, 0, 1], atol=1e-6
        )


def test_flip_turns_picture_and_sound_over_together() -> None:
    source = 0.2
    rays = sphere.pixel_vectors(96, 192)
    picture = np.zeros((1, 96, 192, 3), np.uint8)
    picture[0, rays @ sphere.unit_vector(source, 0.0) > math.cos(math.radians(8))] = 255
    for flip in (False, True):
        crop = crop_frames(padded(picture), drawn(0, 0, flip=flip), 64)[0, ..., 0]
        left = np.nonzero(crop > 127)[1].mean() < 31.5
        y = (sound_matrix(drawn(0, 0, flip=flip), CORRECT) @ ambisonics.encoding_gains(source, 0.0))[ambisonics.Y]
        assert left == (y > 0) == (not flip)


def test_bug_original_flip_leaves_the_sound_alone() -> None:
    plain, flipped = drawn(1, 0.3), drawn(1, 0.3, flip=True)
    np.testing.assert_array_equal(sound_matrix(plain, ORIGINAL), sound_matrix(flipped, ORIGINAL))
    assert np.abs(sound_matrix(plain, CORRECT) - sound_matrix(flipped, CORRECT)).max() > 0.1


def test_bug_original_rotation_order() -> None:
    """Bug 1: the published order misses the front by 14.8° on average, as measured on it; ours does not."""
    rng = np.random.default_rng(2)
    only_order = PublishedBehaviour(rotation="original")
    off: dict[str, list[float]] = {"original": [], "correct": []}
    for view in (draw_views(rng, 1, ViewSettings(), CORRECT, augment=False)[0] for _ in range(2000)):
        source = ambisonics.encoding_gains(view.view.azimuth, view.view.elevation)
        for name, switches in (("original", only_order), ("correct", CORRECT)):
            _, y, z, x = sound_matrix(view, switches) @ source
            off[name].append(math.degrees(float(sphere.angle_between([x, y, z], [1, 0, 0]))))
    assert np.mean(off["original"]) == pytest.approx(14.8, abs=1.0)
    assert np.max(off["correct"]) < 1e-3


@pytest.mark.parametrize("switches", [CORRECT, ORIGINAL])
def test_matrices_of_several_views_are_those_of_each(switches: PublishedBehaviour) -> None:
    views = [*draw_views(np.random.default_rng(3), 3, ViewSettings(), switches, augment=True), drawn(0.5, 0.2)]
    assert {view.flip for view in views} == {True, False}
    several = sound_matrices(views, switches)
    for matrix, view in zip(several, views, strict=True):
        assert np.array_equal(matrix, sound_matrix(view, switches))
        assert np.abs(matrix[0]).max() == np.float32(view.gain)


def test_original_rotation_equals_the_published_formula() -> None:
    """yaw @ pitch with scipy's Euler angles about z and y, as ``rotate_ambix`` builds them."""
    for azimuth, elevation in ((1.0, 0.4), (-2.5, -0.3)):
        yaw = Rotation.from_euler("z", -azimuth).as_matrix()
        pitch = Rotation.from_euler("y", elevation).as_matrix()
        expected = (yaw @ pitch)[[1, 2, 0]][:, [1, 2, 0]]
        found = sound_matrix(drawn(azimuth, elevation), PublishedBehaviour(rotation="original"))
        np.testing.assert_allclose(found[1:, 1:], expected, atol=1e-6)
        correct = (pitch @ yaw)[[1, 2, 0]][:, [1, 2, 0]]
        np.testing.assert_allclose(sound_matrix(drawn(azimuth, elevation), CORRECT)[1:, 1:], correct, atol=1e-6)


def test_bug_original_channel_order() -> None:
    """The published loader feeds X, Y, W, 0.707 Z where it means W, Y, Z, X."""
    foa = np.array([1.0, 2.0, 3.0, 4.0])  # W Y Z X
    found = sound_matrix(drawn(0, 0), PublishedBehaviour(channels="misread")) @ foa
    np.testing.assert_allclose(found, [4.0, 2.0, 1.0, 3.0 * 0.5**0.5], atol=1e-6)


def test_bug_original_margin_never_acts() -> None:
    """Bug 2: 62.7 % of the published 4-view samples hold a pair nearer than 0.2; with the margin none does."""

    def share_near(switches: PublishedBehaviour) -> float:
        rng = np.random.default_rng(3)
        near = 0
        for _ in range(400):
            centres = [
                (v.view.azimuth, v.view.elevation) for v in draw_views(rng, 4, ViewSettings(), switches, augment=True)
            ]
            near += any(plane_distance(a, b) < 0.2 for i, a in enumerate(centres) for b in centres[:i])
        return near / 400

    assert share_near(ORIGINAL) == pytest.approx(0.627, abs=0.07)
    assert share_near(CORRECT) == 0


def test_distance_in_the_plane_goes_over_the_seam_as_angles_are_wrapped() -> None:
    for azimuth in (0.0, 3.0, math.pi, -math.pi, -2.5):
        across = float(sphere.wrap_angle(azimuth - 1.0))
        assert plane_distance((azimuth, 0.4), (1.0, 0.1)) == math.hypot(across, 0.4 - 0.1) / math.pi


def test_margin_that_cannot_be_kept_still_ends() -> None:
    views = draw_views(np.random.default_rng(0), 64, ViewSettings(), PublishedBehaviour(margin=0.5), augment=True)
    assert len(views) == 64


def test_coverage_as_coded_and_as_written() -> None:
    for switches, low, high in ((CORRECT, 25.0, 90.0), (ORIGINAL, 25.05, 76.3)):
        rng = np.random.default_rng(4)
        views = [draw_views(rng, 1, ViewSettings(), switches, augment=True)[0] for _ in range(4000)]
        angles = np.degrees([view.view.horizontal_fov for view in views])
        assert low - 0.05 <= angles.min() < low + 1
        assert high - 1 < angles.max() <= high + 0.05
        elevations = np.degrees([view.view.elevation for view in views])
        assert -28.8 <= elevations.min() < -28
        assert 30 < elevations.max() <= 30.6


def test_original_crop_has_the_optical_axis_on_a_pixel_corner() -> None:
    """Coded: the axis is pixel (size/2, size/2) of an even picture; written: it lies between the middle pixels."""
    columns, rows = picture_map(drawn(0, 0, corners=True), 112, (224, 448))
    assert (columns[56, 56] - PAD, rows[56, 56] - PAD) == (224, 112)


@pytest.mark.parametrize(("switches", "corners"), [(None, False), (CORRECT, False), (ORIGINAL, True)])
def test_a_fixed_view_lies_where_the_switches_say(switches: PublishedBehaviour | None, corners: bool) -> None:
    view = sphere.View(0.1, 0.2, 1.5, 1.5)
    assert fixed_view(view, switches) == DrawnView(view, flip=False, gain=1.0, corners=corners)


def test_evaluation_views_are_neither_flipped_nor_amplified() -> None:
    views = draw_views(np.random.default_rng(5), 100, ViewSettings(), PublishedBehaviour(margin=0), augment=False)
    assert not any(view.flip for view in views)
    assert {view.gain for view in views} == {1.0}


def test_energy_views_look_at_the_loudest_direction() -> None:
    settings = ViewSettings(energy_share=1.0)
    views = draw_views(
        np.random.default_rng(6), 200, settings, PublishedBehaviour(margin=0), augment=True, loudest=(2.0, 0.4)
    )
    target = sphere.unit_vector(2.0, 0.4)
    angles = [sphere.angle_between(view.view.rotation[0], target) for view in views]
    assert np.degrees(np.median(angles)) < 25


@pytest.mark.parametrize("jitter", [(0, 0, 0, 0.5), (0.999, 0, 0, 0)])
def test_the_ends_of_what_jitter_may_be_are_allowed(jitter: tuple[float, float, float, float]) -> None:
    assert ViewSettings(jitter=jitter).jitter == jitter


@pytest.mark.parametrize("jitter", [(0, 0, 0, 0.501), (1.0, 0, 0, 0), (0, 1.0, 0, 0), (0, 0, -0.1, 0), (0, 0, 0, -0.1)])
def test_jitter_beyond_its_ends_is_refused(jitter: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="jitter must lie in"):
        ViewSettings(jitter=jitter)


@pytest.mark.parametrize(
    "wrong", [{"elevation_deg": (-91, 0)}, {"elevation_deg": (0, 91)}, {"aspect": (0, 1)}, {"gain": (0, 1)}]
)
def test_views_beyond_the_poles_or_without_size_are_refused(wrong: dict[str, Any]) -> None:
    assert ViewSettings(elevation_deg=(-90, 90)).elevation_deg == (-90, 90)
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}"):
        ViewSettings(**wrong)


@pytest.mark.parametrize("side", [-1, 1])
def test_views_of_the_loudest_direction_stay_around_it_and_end_at_the_poles(side: int) -> None:
    rng = np.random.default_rng(0)
    loud = ViewSettings(energy_share=1.0)
    centres = np.array([_draw_centre(rng, [], loud, 0.2, (1.0, side * 0.9)) for _ in range(200)])
    np.testing.assert_allclose(centres.mean(axis=0), [1.0, side * 0.9], atol=0.1)
    steep = side * np.array([_draw_centre(rng, [], loud, 0.2, (0.0, side * 1.56))[1] for _ in range(200)])
    assert steep.max() == math.pi / 2
    assert steep.min() < 1.5
