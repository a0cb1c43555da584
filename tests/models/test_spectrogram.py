from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from yt360 import ambisonics, sphere
from yt360.dataset.colour_jitter import draw_jitter, jitter
from yt360.models.settings import SpectrogramSettings
from yt360.models.spectrogram import SpatialSpectrogram, mel_filters

librosa = pytest.importorskip("librosa")
RNG = np.random.default_rng(0)
IDENTITY = torch.eye(4)[None, None]


def noise(samples: int = 24000) -> np.ndarray:
    return (RNG.normal(size=(4, samples)) * np.linspace(0.001, 0.2, samples)).astype(np.float32)


def rotation_matrix(azimuth: float, elevation: float) -> torch.Tensor:
    return torch.from_numpy(ambisonics.rotation_matrix(sphere.view_rotation(azimuth, elevation))).float()


@pytest.mark.parametrize(("rate", "n_fft", "mels"), [(24000, 512, 128), (16000, 400, 64), (48000, 2048, 128)])
def test_mel_filters_equal_librosa(rate: int, n_fft: int, mels: int) -> None:
    expected = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=mels)
    np.testing.assert_allclose(mel_filters(rate, n_fft, mels), expected, atol=1e-7)


def test_log_mels_equal_the_published_front_end() -> None:
    """librosa as published: Hann 512, hop 240, reflect, magnitude, power_to_db(top_db=100), 100 frames."""
    sound = noise()
    sound[2, 4000:] = 0  # lets the floor below the peak act
    found, _ = SpatialSpectrogram(SpectrogramSettings()).measure(torch.from_numpy(sound)[None, None], IDENTITY)
    assert found.shape == (1, 1, 4, 100, 128)
    for channel in range(4):
        spectrum = np.abs(librosa.stft(sound[channel], n_fft=512, hop_length=240, pad_mode="reflect"))
        mel = librosa.feature.melspectrogram(S=spectrum, sr=24000, n_mels=128, power=1.0, fmax=12000)
        expected = librosa.power_to_db(mel, top_db=100)[:, :100].T
        np.testing.assert_allclose(found[0, 0, channel].numpy(), expected, atol=2e-3)


def test_quiet_bands_beside_loud_ones_are_right() -> None:
    """A transform in single precision would be wrong by 0.01 dB here, in every library otherwise."""
    time_s = np.arange(24000) / 24000
    sound = (0.5 * np.sin(2 * np.pi * 300 * time_s) + 1e-6 * RNG.normal(size=(4, 24000))).astype(np.float32)
    found, _ = SpatialSpectrogram(SpectrogramSettings()).measure(torch.from_numpy(sound)[None, None], IDENTITY)
    padded = np.pad(sound.astype(np.float64), [(0, 0), (256, 256)], mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 512, axis=1)[:, ::240][:, :100]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    mel = np.abs(np.fft.rfft(windows * window)) @ mel_filters(24000, 512, 128).T.astype(np.float64)
    expected = 10 * np.log10(mel)
    assert np.ptp(expected) > 60
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=5e-4)


def test_turning_the_spectrum_equals_turning_the_sound() -> None:
    sound = noise(9600)
    spectrogram = SpatialSpectrogram(SpectrogramSettings(features="logmel+intensity"))
    views = [sphere.View(a, e, 1, 1) for a, e in ((0.5, 0.2), (-2.0, -0.4), (3.0, 0.5))]
    matrices = torch.stack([rotation_matrix(view.azimuth, view.elevation) for view in views])[None]
    together = spectrogram.measure(torch.from_numpy(sound)[None, None], matrices)
    for index, view in enumerate(views):
        turned = torch.from_numpy(ambisonics.rotate_to_view(sound, view))[None, None]
        alone = spectrogram.measure(turned, IDENTITY)
        for a, b in zip(together, alone, strict=True):
            assert a is not None
            assert b is not None
            torch.testing.assert_close(a[0, index], b[0, 0], atol=2e-3, rtol=1e-4)


def test_one_moment_for_all_views_equals_the_moment_repeated() -> None:
    spectrogram = SpatialSpectrogram(SpectrogramSettings(hop=960, mels=32))
    sound = torch.from_numpy(noise())[None, None]
    matrices = torch.stack([rotation_matrix(0.3, 0), rotation_matrix(1.3, 0.2)])[None]
    torch.testing.assert_close(spectrogram(sound, matrices), spectrogram(sound.expand(1, 2, 4, -1), matrices))


def test_fact_log_mels_cannot_tell_left_from_right_and_intensity_can() -> None:
    """Facts 0.1: flipping Y changes the published network input by exactly nothing."""
    sound = ambisonics.encode(RNG.normal(size=24000).astype(np.float32) * 0.1, 0.7, 0.1)
    spectrogram = SpatialSpectrogram(SpectrogramSettings(features="logmel+intensity"))
    plain = spectrogram(torch.from_numpy(sound)[None, None], IDENTITY)
    mirrored = spectrogram(torch.from_numpy(ambisonics.mirror_left_right(sound))[None, None], IDENTITY)
    assert (plain[:, :, :4] - mirrored[:, :, :4]).abs().max() == 0
    assert (plain[:, :, 4] + mirrored[:, :, 4]).abs().max() < 1e-6
    assert plain[:, :, 4].mean() > 0.5


def test_intensity_of_a_plane_wave_is_its_direction() -> None:
    azimuth, elevation = 2.2, -0.4
    sound = ambisonics.encode(RNG.normal(size=24000).astype(np.float32) * 0.1, azimuth, elevation)
    _, intensity = SpatialSpectrogram(SpectrogramSettings(features="logmel+intensity")).measure(
        torch.from_numpy(sound)[None, None], IDENTITY
    )
    expected = ambisonics.encoding_gains(azimuth, elevation)[1:]
    assert intensity is not None
    np.testing.assert_allclose(intensity.mean(dim=(0, 1, 3, 4)).numpy(), expected, atol=1e-3)


@pytest.mark.parametrize("features", ["logmel", "logmel+intensity"])
@pytest.mark.parametrize(("n_fft", "hop", "moments"), [(512, 240, 1), (400, 160, 1), (512, 960, 3)])
def test_opencv_and_torch_agree(features: Any, n_fft: int, hop: int, moments: int) -> None:
    """OpenCV makes spectrograms on a CPU, torch elsewhere."""
    spectrogram = SpatialSpectrogram(SpectrogramSettings(features=features, n_fft=n_fft, hop=hop, mels=64))
    sound = torch.from_numpy(np.stack([[noise(9600)] * moments, [noise(9600) * 1e-3] * moments]))
    sound[1, :, 2] = 0  # a silent channel
    matrices = torch.stack([rotation_matrix(a, 0.3) for a in (0.0, 1.0, -2.5)])[None].expand(2, -1, -1, -1).contiguous()
    matrices[1] *= 0.9
    assert spectrogram._on_host(sound, matrices)
    on_host = (*spectrogram.measure(sound, matrices), spectrogram(sound, matrices))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SpatialSpectrogram, "_on_host", lambda *_: False)
        elsewhere = (*spectrogram.measure(sound, matrices), spectrogram(sound, matrices))
    for found, expected in zip(on_host, elsewhere, strict=True):
        if expected is None:
            assert found is None
            continue
        assert found is not None
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_a_spectrogram_does_not_hang_on_those_before_it() -> None:
    """Memory is used again: for sounds of one kind, of another length, and in graphs for gradients."""
    spectrogram = SpatialSpectrogram(SpectrogramSettings(mels=32))
    long, short = torch.from_numpy(noise())[None, None], torch.from_numpy(noise(4800))[None, None]
    views = IDENTITY.expand(1, 2, 4, 4)
    first = spectrogram(long, IDENTITY)
    held = first.clone()
    spectrogram(short, views), spectrogram(long * 0.5, IDENTITY)
    assert torch.equal(first, held)
    assert torch.equal(spectrogram(long, IDENTITY), held)
    sound = long.clone().requires_grad_()
    spectrogram(sound, IDENTITY).sum().backward()
    assert sound.grad is not None
    assert sound.grad.abs().max() > 0


def test_memory_of_inference_is_used_outside_of_it() -> None:
    spectrogram = SpatialSpectrogram(SpectrogramSettings(mels=24, n_fft=384))
    sound = torch.from_numpy(noise())[None, None]
    with torch.inference_mode():
        inside = spectrogram(sound, IDENTITY)
    assert torch.equal(spectrogram(sound, IDENTITY), inside)
    with torch.inference_mode():
        assert torch.equal(spectrogram(sound, IDENTITY), inside)


def test_silence_is_finite() -> None:
    spectrogram = SpatialSpectrogram(SpectrogramSettings(features="logmel+intensity"))
    assert torch.isfinite(spectrogram(torch.zeros(2, 1, 4, 24000), IDENTITY.expand(2, 3, 4, 4))).all()


def test_fit_normalises_each_band() -> None:
    spectrogram = SpatialSpectrogram(SpectrogramSettings(mels=32))
    sound = torch.from_numpy(np.stack([noise() for _ in range(3)]))[:, None]
    spectrogram.fit(sound, IDENTITY.expand(3, 1, 4, 4))
    out = spectrogram(sound, IDENTITY.expand(3, 1, 4, 4)).flatten(0, 3)
    assert out.mean(dim=0).abs().max() < 1e-3
    assert (out.std(dim=0) - 1).abs().max() < 1e-2


def test_jitter_agrees_with_torchvision_where_both_are_affine() -> None:
    """Brightness, contrast and saturation one at a time, on colours that no clamp touches."""
    functional = pytest.importorskip("torchvision.transforms.functional")
    picture = torch.rand(3, 20, 20) * 0.3 + 0.3
    mean = picture.mean(dim=(1, 2)).double().numpy()
    operations = (functional.adjust_brightness, functional.adjust_contrast, functional.adjust_saturation)
    for slot, operation in enumerate(operations):
        strengths = [0.4 if slot == one else 0.0 for one in range(3)]
        change = draw_jitter(np.random.default_rng(slot), (strengths[0], strengths[1], strengths[2], 0.0), mean)
        factor = 1 + np.random.default_rng(slot).uniform(-0.4, 0.4, 3)[slot] if slot == 0 else None
        if factor is None:
            rng = np.random.default_rng(slot)
            factor = [1 + rng.uniform(-s, s) for s in strengths][slot]
        found = np.einsum("ij,jhw->ihw", change[:, :3], picture.numpy()) + change[:, 3:, None]
        np.testing.assert_allclose(found, operation(picture, float(factor)).numpy(), atol=2e-3)


def test_hue_keeps_greys_and_brightness() -> None:
    change = draw_jitter(np.random.default_rng(0), (0, 0, 0, 0.2), np.full(3, 0.5))
    np.testing.assert_allclose(change[:, :3] @ np.full(3, 0.4) + change[:, 3], np.full(3, 0.4), atol=1e-6)
    colour = np.array([0.7, 0.4, 0.2])
    luma = np.array([0.299, 0.587, 0.114])
    assert luma @ (change[:, :3] @ colour) == pytest.approx(luma @ colour, abs=1e-6)
    assert np.abs(change[:, :3] @ colour - colour).max() > 0.05


def test_jitter_is_the_same_map_on_every_frame_and_stays_within_bytes() -> None:
    pictures = RNG.integers(0, 256, (3, 9, 7, 3), dtype=np.uint8)
    pictures[1] = pictures[0]
    changed = jitter(np.random.default_rng(4), pictures, (0.4, 0.4, 0.4, 0.2))
    assert changed.shape == pictures.shape
    np.testing.assert_array_equal(changed[0], changed[1])
    mean = pictures.reshape(-1, 3).mean(axis=0) / 255
    change = draw_jitter(np.random.default_rng(4), (0.4, 0.4, 0.4, 0.2), mean)
    expected = np.clip(pictures / 255 @ change[:, :3].T + change[:, 3], 0, 1) * 255
    assert np.abs(changed - expected).max() < 1  # OpenCV multiplies bytes in fixed point
    np.testing.assert_array_equal(jitter(np.random.default_rng(4), pictures, (0, 0, 0, 0)), pictures)
