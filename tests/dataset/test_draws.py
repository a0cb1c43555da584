import numpy as np
import pytest

from yt360.dataset.draws import uniform


@pytest.mark.parametrize(("low", "high"), [(-np.pi, np.pi), (0.9, 1.1), (0.0, 0.0), (-28.8, 30.6), (0, 0.5)])
def test_numbers_are_those_of_the_generator_bit_for_bit(low: float, high: float) -> None:
    ours, theirs = np.random.default_rng(5), np.random.default_rng(5)
    assert [uniform(ours, low, high) for _ in range(200)] == [theirs.uniform(low, high) for _ in range(200)]
