"""The conventions of yt360, held against independent references: scipy's Rotation, ffmpeg's v360, py360convert."""

from __future__ import annotations

import subprocess

import cv2
import imageio_ffmpeg
import numpy as np
import py360convert
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from yt360 import sphere
from yt360.sphere import View

azimuths = st.floats(-np.pi, np.pi)
elevations = st.floats(-np.pi / 2, np.pi / 2)
deg = np.radians


def smooth_sphere(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A picture that is smooth on the sphere (seam and poles included): low-order polynomials of x, y, z."""
    rng = np.random.default_rng(seed)
    v = sphere.pixel_vectors(height, width)
    basis = np.concatenate([v, v * np.roll(v, 1, -1), v**2, v**3], axis=-1)
    picture = basis @ rng.normal(size=(basis.shape[-1], 3))
    picture = (picture - picture.min()) / np.ptp(picture)
    return np.asarray(np.round(20 + 215 * picture), np.uint8)


@given(azimuths, elevations)
def test_directions_and_vectors_are_inverse(azimuth: float, elevation: float) -> None:
    vector = sphere.unit_vector(azimuth, elevation)
    assert np.linalg.norm(vector) == pytest.approx(1)
    assert np.allclose(sphere.unit_vector(*sphere.direction(vector)), vector, atol=1e-12)


def test_axes() -> None:
    assert np.allclose(sphere.unit_vector(0, 0), [1, 0, 0])
    assert np.allclose(sphere.unit_vector(np.pi / 2, 0), [0, 1, 0])  # left is positive
    assert np.allclose(sphere.unit_vector(0, np.pi / 2), [0, 0, 1])


def test_middle_column_is_front_and_left_edge_is_plus_180() -> None:
    azimuth = sphere.column_azimuths(448)
    assert azimuth[223] == pytest.approx(-azimuth[224])
    assert azimuth[0] == pytest.approx(np.pi - np.pi / 448)
    assert np.all(np.diff(azimuth) < 0)
    assert sphere.row_elevations(224)[0] > 0


@given(st.integers(0, 111), st.integers(0, 223))
def test_pixel_centres_map_to_themselves(row: int, column: int) -> None:
    azimuth, elevation = sphere.column_azimuths(224)[column], sphere.row_elevations(112)[row]
    assert np.allclose(sphere.to_pixels(azimuth, elevation, 112, 224), (row, column), atol=1e-9)


def test_pixels_cover_the_sphere() -> None:
    assert sphere.row_solid_angles(224, 448).sum() * 448 == pytest.approx(4 * np.pi)


def test_rotations_agree_with_scipy() -> None:
    rng = np.random.default_rng(1)
    for azimuth, elevation in zip(rng.uniform(-np.pi, np.pi, 500), rng.uniform(-1.57, 1.57, 500), strict=True):
        # scipy turns about +y, where lifting the front is negative; intrinsic yaw then pitch leads to the view.
        reference = Rotation.from_euler("ZY", [azimuth, -elevation]).inv().as_matrix()
        assert np.allclose(sphere.view_rotation(azimuth, elevation), reference, atol=1e-12)
    assert np.allclose(sphere.yaw_rotation(0.3), Rotation.from_euler("z", 0.3).as_matrix())
    assert np.allclose(sphere.pitch_rotation(0.3), Rotation.from_euler("y", -0.3).as_matrix())
    assert np.allclose(sphere.roll_rotation(0.3), Rotation.from_euler("x", 0.3).as_matrix())


@given(azimuths, elevations)
def test_view_direction_arrives_on_plus_x(azimuth: float, elevation: float) -> None:
    turned = sphere.view_rotation(azimuth, elevation) @ sphere.unit_vector(azimuth, elevation)
    assert np.allclose(turned, [1, 0, 0], atol=1e-12)


@given(azimuths, st.floats(-1.5, 1.5))
def test_view_has_no_roll(azimuth: float, elevation: float) -> None:
    # The horizontal direction to the left of the view stays exactly left.
    left = sphere.unit_vector(azimuth + np.pi / 2, 0)
    assert np.allclose(sphere.view_rotation(azimuth, elevation) @ left, [0, 1, 0], atol=1e-12)


@given(azimuths, elevations, st.floats(0.3, 2.5), st.floats(0.3, 2.5))
def test_centre_of_the_crop_is_the_pixel_of_the_same_direction(a: float, e: float, h: float, v: float) -> None:
    mapping = sphere.sampling_map(View(a, e, h, v), (31, 33), (224, 448))
    row, column = sphere.to_pixels(a, e, 224, 448)
    found_row, found_column = mapping[15, 16]
    assert found_row == pytest.approx(row, abs=1e-3)
    if abs(e) < 1.5:  # at a pole every column is the same place
        assert np.isclose((found_column - column + 224) % 448, 224, atol=2e-2)


def test_crop_left_is_more_azimuth_and_top_is_more_elevation() -> None:
    azimuth, elevation = sphere.direction(View(0.4, 0.1, 1.2, 1.0).rays(9, 9))
    assert azimuth[4, 0] > 0.4 > azimuth[4, 8]
    assert elevation[0, 4] > 0.1 > elevation[8, 4]


def test_field_of_view_is_the_full_opening_angle() -> None:
    # Regression: the original takes hfov as a tangent-plane coordinate, so that its 90° are 76.3°.
    rays = View(0, 0, deg(90), deg(60)).rays(3001, 3001)
    azimuth, elevation = sphere.direction(rays)
    assert np.degrees(azimuth[1500, 0] - azimuth[1500, -1]) == pytest.approx(90, abs=0.1)
    assert np.degrees(elevation[0, 1500] - elevation[-1, 1500]) == pytest.approx(60, abs=0.1)


VIEWS = [
    (0, 0, 90, 90),
    (40, 20, 60, 60),
    (-130, -35, 75, 75),
    (180, 10, 90, 90),  # across the seam
    (179.5, 0, 40, 40),
    (20, 85, 90, 90),  # over the north pole
    (-75, -90, 90, 90),  # straight down
]


@pytest.mark.parametrize(("azimuth", "elevation", "h", "v"), VIEWS)
def test_crop_agrees_with_ffmpeg_v360(azimuth: float, elevation: float, h: float, v: float) -> None:
    # v360 looks right for positive yaw. Mean within 1/255: both interpolate linearly, v360 with
    # weights of 1/2^14 and its frame in rgb24; at the very pole v360 clamps instead of going over.
    picture = smooth_sphere(448, 896)
    graph = f"v360=e:flat:yaw={-azimuth}:pitch={elevation}:h_fov={h}:v_fov={v}:w=112:h=112:interp=linear"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "rawvideo", "-pix_fmt", "gbrp", "-s", "896x448"]
    command += ["-i", "-", "-vf", graph, "-f", "rawvideo", "-pix_fmt", "gbrp", "-"]
    planes = np.ascontiguousarray(np.moveaxis(picture[..., [1, 2, 0]], -1, 0))
    done = subprocess.run(command, input=planes.tobytes(), capture_output=True, check=True)
    reference = np.moveaxis(np.frombuffer(done.stdout, np.uint8).reshape(3, 112, 112), 0, -1)[..., [2, 0, 1]]
    ours = sphere.crop(picture, View(deg(azimuth), deg(elevation), deg(h), deg(v)), (112, 112))
    assert np.abs(ours.astype(int) - reference).mean() < 1.0


@pytest.mark.parametrize(("azimuth", "elevation", "h", "v"), [view for view in VIEWS if abs(view[1]) < 80])
def test_crop_agrees_with_py360convert(azimuth: float, elevation: float, h: float, v: float) -> None:
    # py360convert puts the outermost pixels' centres on the edge of the field of view (linspace with both
    # ends); asking it for a field that is smaller by one pixel puts its centres on ours.
    picture = smooth_sphere(448, 896)
    size = 112
    inner_h, inner_v = (float(np.degrees(2 * np.arctan(np.tan(deg(f) / 2) * (size - 1) / size))) for f in (h, v))
    reference = py360convert.e2p(picture, (inner_h, inner_v), -azimuth, elevation, (size, size), mode="bilinear")
    ours = sphere.crop(picture, View(deg(azimuth), deg(elevation), deg(h), deg(v)), (size, size))
    assert np.abs(ours.astype(int) - reference.astype(int)).mean() < 1.0


@pytest.mark.parametrize(("azimuth", "elevation"), [(180, 0), (179.9, 30), (0, 90), (100, -90), (-180, -89)])
def test_crop_is_continuous_over_seam_and_poles(azimuth: float, elevation: float) -> None:
    picture = smooth_sphere(448, 896)
    ours = sphere.crop(picture, View(deg(azimuth), deg(elevation), deg(90), deg(90)), (225, 225)).astype(int)
    steps = max(np.abs(np.diff(ours, axis=0)).max(), np.abs(np.diff(ours, axis=1)).max())
    assert steps <= 6  # a smooth sphere has no edge anywhere
    # And it is the right place, not only a smooth one: every pixel against the analytic picture.
    analytic = cv2.resize(ours.astype(np.uint8), (225, 225))
    rays = View(deg(azimuth), deg(elevation), deg(90), deg(90)).rays(225, 225)
    rows, columns = sphere.to_pixels(*sphere.direction(rays), 448, 896)
    nearest = picture[np.clip(np.round(rows), 0, 447).astype(int), np.round(columns).astype(int) % 896]
    assert np.abs(analytic.astype(int) - nearest).max() <= 6


@pytest.mark.parametrize("rotation", [sphere.yaw_rotation(0.7), sphere.view_rotation(1.0, 0.5)])
def test_rotated_picture_shows_each_direction_where_it_went(rotation: np.ndarray) -> None:
    picture = smooth_sphere(224, 448)
    turned = sphere.rotate_picture(picture, rotation)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 3))
    before = sphere.to_pixels(*sphere.direction(vectors), 224, 448)
    after = sphere.to_pixels(*sphere.direction(vectors @ rotation.T), 224, 448)

    def at(shown: np.ndarray, where: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return np.asarray(shown[np.round(where[0]).astype(int).clip(0, 223), np.round(where[1]).astype(int) % 448])

    assert np.abs(at(picture, before).astype(int) - at(turned, after)).max() <= 12


@pytest.mark.parametrize("fov", [0, -1, np.pi, np.nan])
def test_view_refuses_impossible_fields(fov: float) -> None:
    with pytest.raises(ValueError, match="fov"):
        View(0, 0, fov, 1.0)


def test_labels_are_never_mixed() -> None:
    labels = np.zeros((64, 128), np.uint8)
    labels[:, ::2] = 200
    crop = sphere.crop(labels, View(np.pi, 1.0, 1.5, 1.5), (50, 50), "nearest")
    assert set(np.unique(crop)) <= {0, 200}


@pytest.mark.parametrize("channels", [1, 2, 4, 5, 128, 129, 133])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize("interpolation", ["nearest", "linear", "cubic"])
def test_every_channel_is_read_as_it_would_be_alone(channels: int, kind: type, interpolation: str) -> None:
    # OpenCV 5 drops the third dimension of 1 and of more than 128 channels, reads 2, 5 and more of them on a grid
    # of 1/32 pixel, and refuses cubic interpolation of more than 4.
    picture: np.ndarray = (np.random.default_rng(0).random((20, 40, channels)) * 255).astype(kind)
    view = View(2.9, 0.8, 1.5, 1.2)
    crop = sphere.crop(picture, view, (9, 7), interpolation)
    turned = sphere.rotate_picture(picture, sphere.view_rotation(1.0, 0.5), interpolation)
    assert crop.shape == (9, 7, channels)
    assert turned.shape == picture.shape
    assert crop.dtype == turned.dtype == kind
    # Cubic sums of floats are added up in another order: equal to single precision.
    atol = 1e-4 if kind is np.float32 and interpolation == "cubic" else 0
    for channel in range(channels):
        alone = np.ascontiguousarray(picture[..., channel])
        np.testing.assert_allclose(
            crop[..., channel], sphere.crop(alone, view, (9, 7), interpolation), rtol=0, atol=atol
        )
        np.testing.assert_allclose(
            turned[..., channel],
            sphere.rotate_picture(alone, sphere.view_rotation(1.0, 0.5), interpolation),
            rtol=0,
            atol=atol,
        )


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint16])
def test_labels_keep_their_type(kind: type) -> None:
    labels: np.ndarray = np.arange(8 * 16, dtype=kind).reshape(8, 16) + 300
    crop = sphere.crop(labels, View(0.2, 0.1, 1.0, 1.0), (5, 5), "nearest")
    assert crop.dtype == kind
    assert set(crop.ravel()) <= set(labels.ravel())


@pytest.mark.parametrize(
    ("shape", "pad"), [((1, 2), 1), ((3, 4), 0), ((3, 4), 3), ((7, 16), 3), ((8, 16), 8), ((20, 40, 3), 16)]
)
def test_a_padded_picture_goes_on_over_the_seam_and_on_the_other_side_of_a_pole(
    shape: tuple[int, ...], pad: int
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    height, width = shape[:2]
    padded = sphere.pad_sphere(picture, pad)
    assert padded.shape == (height + 2 * pad, width + 2 * pad, *shape[2:])
    for row in range(-pad, height + pad):
        for column in range(-pad, width + pad):
            inside = row if 0 <= row < height else (-1 - row if row < 0 else 2 * height - 1 - row)
            turned = column if inside == row else column + width // 2
            assert np.array_equal(padded[row + pad, column + pad], picture[inside, turned % width])


def test_a_small_picture_is_turned_as_any_other() -> None:
    picture = smooth_sphere(64, 128)[..., 0].astype(np.float32)
    for interpolation in ("linear", "cubic"):
        for yaw, pitch in ((0.0, 0.0), (0.4, 0.2), (3.0, -1.0)):
            rotation = sphere.yaw_rotation(yaw) @ sphere.pitch_rotation(pitch)
            found = sphere.rotate_small_picture(picture, rotation, interpolation)
            assert np.abs(found - sphere.rotate_picture(picture, rotation, interpolation)).max() < 1e-3
