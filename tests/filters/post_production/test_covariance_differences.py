from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tests.filters.sounds import RATE, SECONDS, ambience, coloured, mix, speech, voice_in_w
from yt360 import ambisonics
from yt360.filters.post_production import covariance_differences


def tiles(sound: np.ndarray) -> Any:
    return covariance_differences.measure_tiles([sound])


def test_bands_add_up_to_the_power_of_white_noise_in_them() -> None:
    rng = np.random.default_rng(0)
    sound = rng.standard_normal((4, 20 * RATE)).astype(np.float32)
    covariances = (
        covariance_differences.band_covariances(
            covariance_differences.pair_products(covariance_differences.short_spectra(sound))
        )
        .sum(axis=1)
        .mean(axis=0)
    )
    share = (7000 - 200) / (RATE / 2)
    np.testing.assert_allclose(np.diag(covariances), share, rtol=0.03)
    np.testing.assert_allclose(covariances - np.diag(np.diag(covariances)), 0, atol=0.02)


@pytest.mark.parametrize(("azimuth", "elevation"), [(0.0, 0.0), (2.0, 0.3), (-1.2, -0.8)])
def test_a_voice_under_louder_ambience_shows_its_own_direction(azimuth: float, elevation: float) -> None:
    rng = np.random.default_rng(1)
    found = tiles(mix((ambisonics.encode(speech(rng), azimuth, elevation), -3.0), (ambience(rng), 0.0)))
    strong = found.excess_db > 8
    truth = ambisonics.encoding_gains(azimuth, elevation)[[3, 1, 2]]
    assert strong.sum() > 10
    np.testing.assert_allclose(np.median(found.gains()[strong], axis=0), truth, atol=0.1)
    assert abs(np.median(found.ratio_db()[strong])) < 0.7


def test_what_comes_and_goes_in_w_alone_is_seen_under_ambience() -> None:
    rng = np.random.default_rng(2)
    found = tiles(mix((voice_in_w(rng), 0.0), (ambience(rng), 0.0)))
    assert np.median(found.ratio_db()) < -7
    assert abs(np.median(found.ratio_db(of_pause=True))) < 1.5


def test_nothing_that_is_measured_depends_on_a_rotation() -> None:
    rng = np.random.default_rng(3)
    sound = mix((ambisonics.encode(speech(rng), 0.5, 0.2), 0.0), (ambience(rng), -6.0))
    turned = ambisonics.rotate(sound, Rotation.from_euler("zyx", [1.1, 0.4, -0.7]).as_matrix())
    one, other = tiles(sound), tiles(turned)
    np.testing.assert_array_equal(one.segment, other.segment)
    np.testing.assert_allclose(one.ratio_db(), other.ratio_db(), atol=0.01)
    np.testing.assert_allclose(np.linalg.norm(one.gains(), axis=1), np.linalg.norm(other.gains(), axis=1), atol=0.01)


def test_the_size_of_the_blocks_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    sound = np.tile(mix((voice_in_w(rng), 3.0), (ambience(rng), 0.0)), 3)
    whole = covariance_differences.measure_tiles([sound])
    parts = covariance_differences.measure_tiles(np.array_split(sound, 37, axis=1))
    assert whole.segments == parts.segments == 3 * SECONDS // 2
    np.testing.assert_allclose(whole.difference, parts.difference)


def test_silence_gives_no_cells() -> None:
    rng = np.random.default_rng(5)
    sound = mix((voice_in_w(rng), 0.0))
    sound[:, : 10 * RATE] = 0
    found = covariance_differences.measure_tiles([sound])
    assert found.silent >= 4
    assert found.segment.min() >= 4


def test_steady_noise_gives_next_to_no_cells() -> None:
    rng = np.random.default_rng(6)
    assert len(tiles(mix((ambience(rng), 0.0)))) < 5


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 3000), st.floats(-120, 20), st.integers(0, 2**31))
def test_any_length_and_level_is_finite(samples: int, level_db: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sound = (rng.standard_normal((4, samples)) * 10 ** (level_db / 20)).astype(np.float32)
    found = covariance_differences.measure_tiles([sound] if samples else [])
    for values in (found.ratio_db(), found.gains(), found.incoherent(), found.excess_db):
        assert np.isfinite(values).all()


def test_a_clean_plane_wave_has_no_incoherent_part() -> None:
    rng = np.random.default_rng(7)
    gate = np.repeat(rng.random(SECONDS * 4) < 0.5, RATE // 4)
    found = tiles(mix((ambisonics.encode(coloured(rng) * gate, 0.7, -0.2), 0.0)))
    assert found.incoherent().max() < 1e-3
