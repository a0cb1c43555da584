"""Maps of where picture and sound fit, and the sound field's own beside them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from yt360 import ambisonics, sphere
from yt360.errors import UsageError
from yt360.inference.localisation import SCHEMA, Localisation, _cardioids, grid_deg, heat, write_table


def test_the_grid_goes_counter_clockwise_from_the_front() -> None:
    assert grid_deg(4, (0.0, 30.0)) == [
        (0.0, 0.0), (90.0, 0.0), (180.0, 0.0), (-90.0, 0.0), (0.0, 30.0), (90.0, 30.0), (180.0, 30.0), (-90.0, 30.0),
    ]  # fmt: skip
    for around in (2, 361):
        with pytest.raises(UsageError, match="3 to 360 directions"):
            grid_deg(around, (0.0,))


def test_the_energy_is_that_of_a_cardioid() -> None:
    foa = ambisonics.encode(np.random.default_rng(0).standard_normal(4800), math.radians(90), 0.0)
    directions = grid_deg(4, (0.0,))
    gains = _cardioids(directions)
    covariance = foa @ foa.T / foa.shape[1]
    for gain, (azimuth, elevation) in zip(gains, directions, strict=True):
        beam = ambisonics.beam(foa, math.radians(azimuth), math.radians(elevation))
        assert gain @ covariance @ gain == pytest.approx(float((beam**2).mean()), abs=1e-12)


def test_a_map_peaks_where_its_value_does() -> None:
    directions = np.array(grid_deg(12, (-30.0, 0.0, 30.0)))
    for number in (0, 6, 17, 35):
        values = np.zeros(len(directions))
        values[number] = 1
        found = heat(values, directions, 60)
        row, column = np.unravel_index(int(np.argmax(found)), found.shape)
        azimuth, elevation = sphere.direction(sphere.pixel_vectors(60, 120)[row, column])
        peak = sphere.unit_vector(azimuth, elevation)
        assert np.degrees(sphere.angle_between(peak, sphere.unit_vector(*np.radians(directions[number])))) < 35
        assert 0 <= found.min() <= found.max() <= 1
    np.testing.assert_allclose(heat(np.full(36, 0.3), directions, 20), 0.3)


def test_the_table_holds_every_moment_and_direction(tmp_path: Path) -> None:
    directions = np.array(grid_deg(4, (0.0,)))
    found = Localisation((0.0, 0.5), directions, np.arange(8, dtype=np.float32).reshape(2, 4), np.full((2, 4), 0.01))
    assert write_table(tmp_path / "t.parquet", found) == 8
    table = pq.read_table(tmp_path / "t.parquet")
    assert table.schema.equals(SCHEMA)
    rows = table.to_pylist()
    assert rows[5] == {"start_s": 0.5, "azimuth_deg": 90.0, "elevation_deg": 0.0, "match": 5.0, "energy_db": -20.0}
    assert found.best(1) == (-90.0, 0.0)
