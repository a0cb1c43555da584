"""All bins: layers leave more of them where they stand than chance, whatever else sounds; scenes do not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.filters import sounds
from yt360 import ambisonics
from yt360.ambisonics import XYZ, X, Y
from yt360.filters.post_production.bin_statistics import BANDS, BinExcess, BinStatistics, omni_by_chance
from yt360.filters.post_production.covariance_differences import measure_tiles
from yt360.filters.post_production.high_resolution import HighResolutionStatistics
from yt360.filters.post_production.music_bed import BIN_COSINES


def listen(foa: np.ndarray) -> BinExcess:
    fine = HighResolutionStatistics()
    measure_tiles([np.asarray(foa, np.float32)], -65, (fine.observe,))
    return fine.excess()


def dense(seed: int) -> np.ndarray:
    """Noise whose bins come and go independently, as those of dense music do: no tone stands out, nothing pauses."""
    rng = np.random.default_rng(seed)
    spectra = rng.standard_normal((sounds.SECONDS * sounds.RATE // 2048 - 1, 2049, 2)) @ np.array([1, 1j])
    spectra *= 10 ** rng.normal(0, 0.8, spectra.shape) / np.sqrt(np.arange(2049) + 2)  # as coloured as the ambience
    signal = np.zeros(sounds.SECONDS * sounds.RATE)
    for frame, spectrum in enumerate(spectra):
        signal[frame * 2048 : frame * 2048 + 4096] += np.fft.irfft(spectrum) * np.hanning(4097)[:-1]
    return np.asarray(signal / signal.std())


def test_what_is_in_w_alone_is_omni_under_ambience_as_loud() -> None:
    rng = np.random.default_rng(0)
    ambience = sounds.ambience(rng)
    in_w = np.stack([dense(0), *np.zeros((3, ambience.shape[1]))])
    found, clean = listen(sounds.mix((ambience, 0), (in_w, 0))), listen(sounds.mix((ambience, 0)))
    assert found.omni > 0.3
    assert max(clean.omni, clean.bed) < 0.05


@pytest.mark.parametrize("half_angle_deg", [30, 45, 60, 90])
def test_a_stereo_pair_is_found_with_its_angle(half_angle_deg: float) -> None:
    rng = np.random.default_rng(int(half_angle_deg))
    found = listen(sounds.mix((sounds.ambience(rng), 0), (sounds.bed(rng, half_angle_deg), 6)))
    assert found.bed > 0.15
    assert found.bed_angle_deg == pytest.approx(half_angle_deg, abs=6)


@pytest.mark.parametrize("azimuth_deg", [0.0, 5.0, 20.0, 45.0, 90.0, 150.0])
def test_a_source_in_a_room_is_nothing_of_these(azimuth_deg: float) -> None:
    rng = np.random.default_rng(int(azimuth_deg))
    source = sounds.in_room(rng, np.sum(sounds.notes(rng), axis=0), np.deg2rad(azimuth_deg), 0.1)
    found = listen(sounds.mix((source, 0), (sounds.ambience(rng), -6)))
    assert max(found.omni, found.bed) < 0.1


def test_two_dry_sources_that_are_no_pair_are_none() -> None:
    """At different heights or not as far left as right: no cosine is common to both."""
    first, second = dense(1), dense(2)
    scene = ambisonics.encode(first, np.deg2rad(50), 0.3) + ambisonics.encode(second, np.deg2rad(-20), -0.2)
    assert listen(sounds.mix((scene, 0), (sounds.ambience(np.random.default_rng(0)), -10))).bed < 0.125


@pytest.mark.parametrize("loss", [1.0, 0.3, 0.1, 0.05])
def test_a_diffuse_field_is_not_omni_however_little_direction_a_microphone_hears(loss: float) -> None:
    scene = sounds.mix((sounds.ambience(np.random.default_rng(0)), 0))
    scene[XYZ] *= loss
    assert listen(scene).omni < 0.05


@pytest.mark.parametrize("loss", [0.3, 0.1, 0.05])
def test_the_bins_that_are_zero_by_chance_are_those_of_gaussian_fields(loss: float) -> None:
    """The distribution of the docstring against one that is drawn."""
    field = np.random.default_rng(1).standard_normal((4, 400_000, 2)) @ np.array([1, 1j])
    length = loss * np.linalg.norm(field[1:] / np.sqrt(3), axis=0) / np.abs(field[0])
    exact, near = np.count_nonzero(length < 0.04), np.count_nonzero((length >= 0.04) & (length < 0.16))
    found = float(omni_by_chance(np.array([exact]), np.array([near]), np.array([length.size]))[0])
    assert found == pytest.approx(max(0.01 * near, 2 * exact), rel=0.05)


def test_a_microphone_that_loses_direction_is_not_omni() -> None:
    """Its gains are small, and hardly ever zero."""
    scene = sounds.mix((sounds.ambience(np.random.default_rng(0)), 0), (ambisonics.encode(dense(0), 1.0, 0.0), 0))
    scene[XYZ] *= 0.15
    found = listen(scene)
    assert max(found.omni, found.bed) < 0.15


def test_a_source_that_a_flawed_microphone_puts_inside_the_circle_is_no_pair() -> None:
    foa = ambisonics.encode(dense(0), np.deg2rad(40), 0.0)
    foa[[X, Y]] *= 0.7
    ambience = sounds.ambience(np.random.default_rng(0))
    assert listen(sounds.mix((foa, 0), (ambience, -6))).bed < 0.1


def test_one_band_alone_never_says_much() -> None:
    """As in a scene half of whose lows reach W alone, and all the rest is diffuse."""
    gathered, rng = BinStatistics(), np.random.default_rng(0)
    hz = np.arange(100.0, 8000.0, 10.0)
    spectra = (rng.standard_normal((4, 100, hz.size, 2)) @ np.array([1, 1j])).astype(np.complex64)
    spectra[1:] *= np.where((hz < 200) & (rng.random((100, hz.size)) < 0.5), 0, 3**-0.5)
    power = np.square(np.abs(spectra[0]))
    gathered.add(spectra, power, hz, power.sum(axis=1))
    assert gathered.excess(0.2).omni == pytest.approx(1 / BANDS, abs=0.02)


def test_what_a_codec_leaves_out_of_faint_bins_is_not_omni() -> None:
    """As on a real recording in Vorbis, whose x, y and z hold nothing where W is more than 40 dB below its frame."""
    gathered, rng = BinStatistics(), np.random.default_rng(0)
    hz = np.arange(100.0, 8000.0, 10.0)
    spectra = (rng.standard_normal((4, 100, hz.size, 2)) @ np.array([1, 1j])).astype(np.complex64)
    faint = (hz > 1000) & (rng.random((100, hz.size)) < 0.5)
    spectra[:, faint] *= 0.03
    spectra[1:] *= np.where(faint, 0, 3**-0.5)
    power = np.square(np.abs(spectra[0]))
    gathered.add(spectra, power, hz, power.sum(axis=1))
    assert gathered.excess(0.2).omni < 0.01


def test_longer_sounds_do_not_say_more_of_the_same() -> None:
    rng = np.random.default_rng(0)
    scene = sounds.mix((sounds.ambience(rng), 0), (sounds.bed(rng, 45), 0))
    once, often = listen(np.tile(scene, 2)), listen(np.tile(scene, 8))
    assert 0 < once.bed < 0.9
    assert often.bed < once.bed + 0.1


def test_silence_and_less_than_a_frame_say_nothing() -> None:
    nothing = BinExcess(0.0, 0.0, 90.0)
    assert listen(np.zeros((4, 3 * sounds.RATE))) == nothing
    assert listen(np.zeros((4, 100))) == nothing
    assert BinStatistics().excess(0.1) == nothing


def test_silent_blocks_are_left_out() -> None:
    gathered, alone = BinStatistics(), BinStatistics()
    hz = np.arange(100.0, 8000.0, 10.0)
    rng = np.random.default_rng(0)
    spectra = (rng.standard_normal((4, 50, hz.size, 2)) @ np.array([1, 1j])).astype(np.complex64)
    hum = np.zeros_like(spectra)
    hum[0] = 1e-3  # in W alone, 60 dB below
    for each, blocks in ((gathered, (spectra, hum, 0 * hum)), (alone, (spectra,))):
        for block in blocks:
            power = np.square(np.abs(block[0]))
            each.add(block, power, hz, power.sum(axis=1))
    assert gathered.excess(0.2) == alone.excess(0.2)


def test_a_band_below_chance_takes_back_a_third_of_what_a_band_beyond_it_gives() -> None:
    """Three bands full of bins in W alone and six with far fewer than by chance: 3 * 3 - 6 * 1 of 9 * 3."""
    statistics = BinStatistics()
    counts = np.zeros((3, 1 + len(BIN_COSINES), BANDS), np.int64)
    counts[0, 0, :3] = 1000
    counts[1, 0, 3:] = 100_000
    counts[2, 0] = 1_000_000
    statistics._counts, statistics._power, statistics._frames = [counts], [1.0], [1]
    assert statistics.excess(1.0).omni == pytest.approx((3 * 3 - 6 * 1) / (9 * 3), abs=1e-4)
