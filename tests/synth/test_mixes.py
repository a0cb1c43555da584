"""Mixes: layers stand where their names say, at the levels that are asked for; the same seed makes the same sound."""

from __future__ import annotations

import numpy as np
import pytest

from yt360.ambisonics import XYZ, W, X, Y, Z
from yt360.synth import mixes

SAMPLES = 4 * mixes.RATE_HZ
MATERIAL = mixes.Material("fitting")


def layer(what: str, seed: int = 0) -> np.ndarray:
    return mixes.post_production(np.random.default_rng(seed), what, MATERIAL, SAMPLES)


def rms(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound))))


@pytest.mark.parametrize("what", ["voice-w", "music-w"])
def test_what_lies_in_w_lies_there_alone(what: str) -> None:
    assert not layer(what)[XYZ].any()
    assert layer(what)[W].any()


def test_a_voice_in_front_is_dry_and_exactly_there() -> None:
    voice = layer("voice-front")
    np.testing.assert_allclose(voice[X], voice[W], atol=1e-12)
    assert np.abs(voice[[Y, Z]]).max() < 1e-12


@pytest.mark.parametrize("half_angle_deg", [30, 45, 60])
def test_a_bed_has_the_cosine_of_its_half_angle_in_x(half_angle_deg: int) -> None:
    bed = layer(f"bed-{half_angle_deg}")
    np.testing.assert_allclose(bed[X], bed[W] * np.cos(np.deg2rad(half_angle_deg)), atol=1e-9)
    assert np.abs(bed[Z]).max() < 1e-12
    assert rms(bed[Y]) > 0.01


def test_a_bed_at_90_degrees_is_mid_and_side() -> None:
    bed = layer("bed-90")
    assert not bed[[X, Z]].any()
    assert rms(bed[W]) == pytest.approx(1)
    assert rms(bed[Y]) > 0.01


@pytest.mark.parametrize("what", [each for each in mixes.POST if not each.startswith("voice")])
def test_layers_lie_at_the_level_that_is_asked_for(what: str) -> None:
    rng = np.random.default_rng(1)
    kind = mixes.draw_kind(rng, "ambience")
    scene = mixes.scene(rng, kind, MATERIAL, 4.0)
    assert rms(scene[W]) == pytest.approx(1)
    made = mixes.mix(scene, kind, {what: layer(what)}, {what: -6.0})
    scale = rms(made.foa[W]) / rms(scene[W] + layer(what)[W] * 10 ** (-6 / 20))
    np.testing.assert_allclose(made.foa[W] / scale - scene[W], layer(what)[W] * 10 ** (-6 / 20), atol=1e-4)
    assert rms(made.foa[W]) == pytest.approx(0.1, rel=1e-4)
    assert made.post == {what: -6.0}


@pytest.mark.parametrize("content", mixes.CONTENTS)
def test_the_same_seed_makes_the_same_scene(content: str) -> None:
    made = []
    for _ in range(2):
        rng = np.random.default_rng(3)
        made.append(mixes.scene(rng, mixes.draw_kind(rng, content), MATERIAL, 2.0))
    np.testing.assert_array_equal(made[0], made[1])
    assert np.isfinite(made[0]).all()


def test_a_horizontal_microphone_hears_no_height() -> None:
    scene = mixes.scene(np.random.default_rng(0), mixes.SceneKind(True, True, "talk"), MATERIAL, 2.0)
    assert not scene[Z].any()
    assert scene[[W, X, Y]].any(axis=1).all()


def test_recordings_are_half_of_the_material() -> None:
    tone = np.sin(np.arange(3 * mixes.RATE_HZ) * 0.1)[None].repeat(2, axis=0)
    material = mixes.Material("fitting", (), [tone])
    rng = np.random.default_rng(0)
    used = []
    for _ in range(16):
        left, right = material.stereo(rng, 2 * mixes.RATE_HZ)
        used.append(np.array_equal(left, right))
    assert 3 < sum(used) < 13


@pytest.mark.parametrize("codec", ["opus", "vorbis", "aac"])
def test_a_delivered_sound_is_aligned_and_as_long_as_before(codec: str) -> None:
    rng = np.random.default_rng(0)
    kind = mixes.SceneKind(False, False, "talk")
    foa = mixes.mix(mixes.scene(rng, kind, MATERIAL, 3.0), kind, {}, {}).foa
    coded = mixes.delivered(foa, codec)
    assert coded.shape == foa.shape
    for channel in (W, X, Y, Z):
        assert np.corrcoef(coded[channel], foa[channel])[0, 1] > 0.9
