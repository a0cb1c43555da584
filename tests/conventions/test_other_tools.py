"""Rows of the table in docs/explanation/conventions.md: what other tools give for one direction, converted as it says.

Tools that are not of this project run where `.ci/readers` installs them (see tests/readers); what is absent is skipped.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.readers.environment import python
from yt360 import ambisonics, sphere

AZIMUTH_DEG, ELEVATION_DEG = 60.0, 20.0
GAINS = ambisonics.encode(np.ones(1), np.radians(AZIMUTH_DEG), np.radians(ELEVATION_DEG)).ravel()
"""W, Y, Z, X of a plane wave from there, as AmbiX."""

_SIZE = 128
_FOV_DEG = 90.0

_HEAD = """
import json
import sys

import numpy as np

azimuth, elevation = np.radians(60.0), np.radians(20.0)
"""


def _answer(code: str, module: str, *words: str) -> NDArray[np.float64]:
    attempt = f"try:\n    import {module}\nexcept Exception as error:\n    sys.exit(f'absent: {{error!r}}')\n"
    ending = "\njson.dump(np.asarray(found, float).tolist(), sys.stdout)\n"
    done = subprocess.run(
        [python(), "-c", _HEAD + attempt + code + ending, *words], capture_output=True, text=True, timeout=120
    )
    if "absent:" in done.stderr:
        pytest.skip(f"{module} is not installed for tests (.ci/readers): {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr
    return np.asarray(json.loads(done.stdout))


def test_spharpy_calls_ambix_snm() -> None:
    code = """
import pyfar

there = pyfar.Coordinates.from_spherical_elevation(azimuth, elevation, 1)
found = [
    spharpy.SphericalHarmonics(1, there, basis_type="real", normalization=name).basis[0] for name in ("SNM", "N3D")
]
"""
    snm, n3d = _answer(code, "spharpy")
    np.testing.assert_allclose(snm, GAINS, atol=1e-7)
    # What it calls N3D is orthonormal.
    np.testing.assert_allclose(ambisonics.to_ambix(n3d[:, None] * np.sqrt(4 * np.pi), "n3d").ravel(), GAINS, atol=1e-7)


def test_harmonics_of_pyroomacoustics_are_n3d() -> None:
    code = """
from pyroomacoustics.directivities.harmonics import RealSphericalHarmonicsDirectivity, get_mn_in_acn_order

there = np.array([azimuth]), np.array([np.pi / 2 - elevation])
found = [
    RealSphericalHarmonicsDirectivity(m, n).get_response(*there, degrees=False)
    for m, n in zip(*get_mn_in_acn_order(1))
]
"""
    found = _answer(code, "pyroomacoustics").ravel()
    np.testing.assert_allclose(ambisonics.to_ambix(found[:, None] / found[0], "n3d").ravel(), GAINS, atol=1e-6)


def test_longitude_and_latitude_of_healpy_are_azimuth_and_elevation() -> None:
    code = "found = healpy.ang2vec(np.degrees(azimuth), np.degrees(elevation), lonlat=True)"
    there = sphere.unit_vector(np.radians(AZIMUTH_DEG), np.radians(ELEVATION_DEG))
    np.testing.assert_allclose(_answer(code, "healpy"), there, atol=1e-9)


def _dot() -> NDArray[np.uint8]:
    """A sphere (256, 512), dark but for one spot at the direction of the tests."""
    vectors = sphere.pixel_vectors(256, 512)
    there = sphere.unit_vector(np.radians(AZIMUTH_DEG), np.radians(ELEVATION_DEG))
    return np.asarray(255 * np.exp((vectors @ there - 1) / np.radians(3) ** 2), np.float64).astype(np.uint8)


def _off_centre_px(view: NDArray[np.generic]) -> float:
    """How far the spot's centre of gravity is from that of the view; infinite where it is not in it."""
    light = np.asarray(view, np.float64)
    if light.max() < 128:
        return float("inf")
    at = np.indices(light.shape) + 0.5
    rows, columns = (at * light).sum(axis=(1, 2)) / light.sum()
    return float(np.hypot(rows - light.shape[0] / 2, columns - light.shape[1] / 2))


def test_own_view_has_the_spot_at_its_centre() -> None:
    view = sphere.View(np.radians(AZIMUTH_DEG), np.radians(ELEVATION_DEG), np.radians(_FOV_DEG), np.radians(_FOV_DEG))
    assert _off_centre_px(sphere.crop(_dot(), view, (_SIZE, _SIZE))) < 0.1


def test_py360convert_counts_azimuth_to_the_right() -> None:
    py360convert = pytest.importorskip("py360convert")
    picture = np.repeat(_dot()[..., None], 3, axis=2)
    view = py360convert.e2p(picture, (_FOV_DEG, _FOV_DEG), -AZIMUTH_DEG, ELEVATION_DEG, (_SIZE, _SIZE))
    assert _off_centre_px(view[..., 0]) < 0.5


def test_v360_of_ffmpeg_counts_yaw_to_the_right(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "sphere.png"), _dot())
    view = (
        f"v360=input=equirect:output=flat:h_fov={_FOV_DEG}:v_fov={_FOV_DEG}:w={_SIZE}:h={_SIZE}"
        f":yaw={-AZIMUTH_DEG}:pitch={ELEVATION_DEG}"
    )
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", "sphere.png", "-vf", view, "view.png"]
    subprocess.run(words, cwd=tmp_path, check=True, timeout=60)
    seen = cv2.imread(str(tmp_path / "view.png"), cv2.IMREAD_GRAYSCALE)
    assert seen is not None
    assert _off_centre_px(seen) < 0.5


def test_pyequilib_counts_yaw_to_the_left_and_pitch_down(tmp_path: Path) -> None:
    np.save(tmp_path / "sphere.npy", np.repeat(_dot()[None], 3, axis=0))
    code = f"""
picture = np.load(sys.argv[1])
found = equilib.equi2pers(
    picture, {{"roll": 0.0, "pitch": -elevation, "yaw": azimuth}}, height={_SIZE}, width={_SIZE}, fov_x={_FOV_DEG}
)[0]
"""
    off = _off_centre_px(_answer(code, "equilib", str(tmp_path / "sphere.npy")))
    # Half a pixel of the source, 512 columns wide, is 0.45 pixels of the view at its centre.
    assert off < 1.0
