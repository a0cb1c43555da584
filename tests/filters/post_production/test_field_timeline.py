from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.filters import sounds
from yt360 import ambisonics
from yt360.filters.post_production import covariance_differences
from yt360.filters.post_production.field_timeline import FieldTimeline


def timeline(sound: np.ndarray) -> Any:
    field = FieldTimeline()
    covariance_differences.measure_tiles([sound], observers=[field.observe])
    return field


def test_a_plane_wave_has_its_direction_and_no_diffuseness() -> None:
    rng = np.random.default_rng(0)
    sound = sounds.mix((ambisonics.encode(sounds.coloured(rng), np.deg2rad(50), np.deg2rad(-20)), 0.0))
    columns = timeline(sound).columns()
    assert len(columns["azimuth_deg"]) == 2 * sounds.SECONDS
    np.testing.assert_allclose(columns["azimuth_deg"], 50, atol=0.2)
    np.testing.assert_allclose(columns["elevation_deg"], -20, atol=0.2)
    assert max(columns["diffuseness"]) < 0.01
    np.testing.assert_allclose(columns["ratio_db"], 0, atol=0.1)
    assert max(columns["third_eigenvalue_db"]) < -60


def test_noise_from_everywhere_is_diffuse_and_of_full_rank() -> None:
    columns = timeline(sounds.mix((sounds.ambience(np.random.default_rng(1), waves=200), 0.0))).columns()
    assert np.median(columns["diffuseness"]) > 0.7
    assert np.median(columns["third_eigenvalue_db"]) > -12


def test_the_level_is_that_of_w_in_the_band() -> None:
    rng = np.random.default_rng(2)
    white = rng.standard_normal(sounds.SECONDS * sounds.RATE)
    sound = (0.01 * ambisonics.encode(white, 0.3, 0.0)).astype(np.float32)
    assert timeline(sound).level_db() == pytest.approx(-40 + 10 * np.log10(6800 / 12000), abs=0.2)


def test_digital_silence_is_json() -> None:
    field = timeline(np.zeros((4, 5 * sounds.RATE), np.float32))
    text = json.dumps([field.columns(), field.level_db(), field.syllables()], allow_nan=False)
    assert "-120" in text


@pytest.mark.parametrize(("share", "expected"), [(0.2, 5.0), (0.1, 9.0)])
def test_what_hardly_reaches_w_is_at_most_nine_times_as_directed(share: float, expected: float) -> None:
    wave = 0.1 * np.random.default_rng(3).standard_normal(2 * sounds.RATE)
    sound = np.stack([share * wave, 0 * wave, 0 * wave, wave]).astype(np.float32)
    assert max(timeline(sound).columns()["resultant"]) == pytest.approx(expected, abs=0.01)
