from __future__ import annotations

import numpy as np
import pytest

from yt360.media.medians import median


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1,), (2,), (7,), (96,), (9, 180), (9, 321), (3, 4, 10)])
def test_it_is_the_median_of_numpy_to_the_bit(shape: tuple[int, ...], dtype: type[np.floating]) -> None:
    values = (np.random.default_rng(5).standard_normal(shape) * 100).astype(dtype)
    found = median(values)
    assert found.dtype == dtype
    assert np.array_equal(found, np.median(values, axis=-1, keepdims=True))


@pytest.mark.parametrize("length", [1, 2, 5, 6])
def test_what_is_no_number_is_passed_on(length: int) -> None:
    values = np.arange(3.0 * length).reshape(3, length)
    values[1, 0] = np.nan
    assert np.array_equal(median(values), np.median(values, axis=-1, keepdims=True), equal_nan=True)
