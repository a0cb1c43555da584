from __future__ import annotations

import numpy as np
import pytest

from fitting import sound_fields


@pytest.mark.parametrize("samples", [24_000, 24_001, 35_999])
def test_flaws_keep_the_length_of_a_scene(samples: int) -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        flawed = sound_fields._flaws(rng, rng.standard_normal((4, samples)))
        assert flawed.shape == (4, samples)
        assert np.isfinite(flawed).all()


def test_empty_boxes_are_among_the_rooms() -> None:
    """A tail that comes after nothing but mirror images is far below them."""
    tails_db = []
    for seed in range(40):
        waves = sound_fields.room(np.random.default_rng(seed))()
        if waves.gain.size > 250:
            images, tail = waves.gain[:250], waves.gain[250:]
            tails_db.append(10 * np.log10(np.sum(tail**2) / np.max(images) ** 2))
    assert sum(level < -50 for level in tails_db) >= 3
    assert sum(level > -20 for level in tails_db) >= 10
