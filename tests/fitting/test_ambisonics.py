from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fitting import ambisonics as fitting
from fitting.four_channels import doubled, pair, w_elsewhere
from yt360.errors import UsageError
from yt360.synth import mixes

MATERIAL = mixes.Material("fitting")
SOUNDS = (0, 2, 5, 6, 11, 13)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sounds")
    for number in SOUNDS:
        fitting.make(out, MATERIAL, number, "one")
    return out


def _model(out: Path) -> str:
    x, y, numbers = fitting.rows(out)
    return json.dumps(fitting.fit(x, y, np.isin(numbers, SOUNDS[:2])))


def test_fitting_twice_writes_the_same_bytes(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "_STEPS", 5)
    assert _model(made) == _model(made)


def test_a_sound_follows_from_its_number(made: Path, tmp_path: Path) -> None:
    fitting.make(tmp_path, MATERIAL, SOUNDS[-1], "one")
    name = f"{SOUNDS[-1]:05d}.npz"
    with np.load(tmp_path / name) as again, np.load(made / name) as first:
        assert str(again["name"]) == str(first["name"])
        np.testing.assert_array_equal(again["tiles"], first["tiles"])
        np.testing.assert_array_equal(again["short"], first["short"])
        np.testing.assert_array_equal(again["lines"], first["lines"])


def test_a_sound_is_made_again_only_where_its_making_is_another(tmp_path: Path) -> None:
    path = tmp_path / "00011.npz"
    fitting.make(tmp_path, MATERIAL, 11, "one")
    before = path.stat().st_ino
    fitting.make(tmp_path, MATERIAL, 11, "one")
    assert path.stat().st_ino == before
    fitting.make(tmp_path, MATERIAL, 11, "other")
    with np.load(path) as stored:
        assert str(stored["origin"]) == "other"


def test_a_mixture_of_makings_is_refused(tmp_path: Path) -> None:
    fitting.make(tmp_path, MATERIAL, 11, "one")
    fitting.make(tmp_path, MATERIAL, 13, "other")
    with pytest.raises(UsageError, match="2 different makings"):
        fitting.rows(tmp_path)


def test_the_making_of_sounds_has_a_name_of_its_own_for_other_material() -> None:
    tone = np.ones((2, 100), np.float32)
    assert fitting.origin(MATERIAL) == fitting.origin(mixes.Material("fitting"))
    assert fitting.origin(MATERIAL) != fitting.origin(mixes.Material("fitting", (), [tone]))


def heard(x: np.ndarray) -> fitting.Heard:
    return fitting.Heard.of(x)


def test_what_is_done_to_what_was_measured_is_what_the_sound_would_have_become() -> None:
    """A matrix, a mixture and a part; all but their cross terms, which the longer tiles do not know."""
    rng = np.random.default_rng(1)
    one, other = 0.1 * rng.standard_normal((2, 4, 4 * mixes.RATE_HZ))
    matrix = rng.standard_normal((4, 4))
    turned = heard(one).through(matrix)
    np.testing.assert_allclose(turned.tiles, heard(matrix @ one).tiles, atol=1e-12)
    np.testing.assert_allclose(turned.short, heard(matrix @ one).short, atol=1e-6)
    np.testing.assert_allclose(turned.lines, heard(matrix @ one).lines, atol=1e-12)
    mixed, expected = heard(one).mixed(heard(other), 0.25), heard(one + 0.5 * other)
    np.testing.assert_allclose(mixed.short, expected.short, atol=1e-6)
    np.testing.assert_allclose(mixed.tiles.mean(axis=(0, 1)), expected.tiles.mean(axis=(0, 1)), atol=3e-7)
    np.testing.assert_allclose(mixed.lines.mean(axis=(0, 1)), expected.lines.mean(axis=(0, 1)), atol=3e-7)
    part = heard(one).part(5, 10)
    assert part.tiles.shape[1] == 10
    assert part.short.shape[1] == pytest.approx(10 / heard(one).tiles.shape[1] * heard(one).short.shape[1], abs=1)
    assert len(heard(one).lines) == 4
    np.testing.assert_array_equal(part.lines, heard(one).lines[1:3])


def test_noise_that_is_added_is_as_loud_in_both() -> None:
    rng = np.random.default_rng(2)
    noise = 0.1 * rng.standard_normal((4, 8 * mixes.RATE_HZ))
    power = np.einsum("btii->i", heard(noise).tiles).real / np.prod(heard(noise).tiles.shape[:2])
    silence = heard(np.zeros_like(noise)).with_noise(rng, power)
    np.testing.assert_allclose(
        np.square(np.abs(silence.short)).mean(axis=(0, 1, 3)),
        np.square(np.abs(heard(noise).short)).mean(axis=(0, 1, 3)), rtol=0.05,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_a_pair_in_four_channels_has_two_dimensions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert np.linalg.matrix_rank(doubled(rng)) == 2
    assert np.linalg.matrix_rank(doubled(rng) @ pair(rng)) == 2


def test_w_elsewhere_keeps_the_sides_of_x_y_w_z_and_lowers_w_and_z() -> None:
    rng = np.random.default_rng(1)
    found = [w_elsewhere(rng) for _ in range(200)]
    assert not any(matrix[0, 0] for matrix in found)
    gains = {
        (round(matrix[2, 0], 2), round(matrix[3, 2], 2))
        for matrix in found
        if matrix[0, 3] == matrix[1, 1] == 1 and matrix[2, 0] and matrix[3, 2]
    }
    assert {(1.0, 1.0), (1.0, 0.71), (0.71, 1.0), (0.71, 0.71)} <= gains
