"""Spectrograms of views, in batch, on the device.

A rotation of the sound field and the short-time Fourier transform are both linear and act on
different dimensions, so one transform a sample serves all its views. Parameters and scale follow
the published code (librosa 0.7.2): Hann window, centred, reflected edges, magnitude (not power)
through a Slaney mel filter bank, then ``10 log10`` with a floor 100 dB below each channel's peak.

The transform alone is in double precision. Its rounding errors are as large in a quiet bin as in a loud one: in single
precision a band 90 dB below a tone would be wrong by up to 0.01 dB, otherwise so in every library of transforms.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from yt360.models.host_spectra import decibels_in_place, host_spectra, magnitudes_in_place
from yt360.models.settings import SpectrogramSettings

_AMIN = 1e-10
_TOP_DB = 100.0
_TINY = 1e-12
_LEAST_DEVIATION = 1e-5
_MEL_GROUPS = 8


def _hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's scale: linear up to 1 kHz (200/3 Hz a mel), logarithmic above (27 mels for a factor of 6.4)."""
    return np.where(hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1000) / 1000) / np.log(6.4))


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(np.log(6.4) * (mel - 15) / 27))


def mel_filters(sample_rate_hz: int, n_fft: int, mels: int) -> NDArray[np.float32]:
    """Triangular filters ``(mels, n_fft // 2 + 1)`` from 0 Hz to Nyquist, each of unit area (Slaney 1998)."""
    nyquist = sample_rate_hz / 2
    edges = _mel_to_hz(np.linspace(0, float(_hz_to_mel(np.array(nyquist))), mels + 2))
    bins = np.linspace(0, nyquist, n_fft // 2 + 1)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return (np.maximum(0, np.minimum(rising, falling)) * area[:, None]).astype(np.float32)


def _support(filters: Tensor) -> tuple[int, int, int]:
    """First and last bin (exclusive) at which any of ``filters`` (filters, bins) is not zero, and how many they are."""
    bins = filters.any(dim=0).nonzero().flatten()
    low, high = (int(bins[0]), int(bins[-1]) + 1) if len(bins) else (0, 1)
    return low, high, len(filters)


class SpatialSpectrogram(nn.Module):
    """Sound and view matrices to the network's input. Has no parameters; ``mean`` and ``std`` are buffers ``(mels,)``.

    ``intensity`` channels (Y, Z, X order) are the active intensity ``Re(conj(W) · [Y, Z, X])`` of each
    mel band over its energy density ``(|W|² + |X|² + |Y|² + |Z|²) / 2``: a plane wave gives its unit
    vector, a diffuse field zero.
    """

    window: Tensor
    filters: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, settings: SpectrogramSettings) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("window", torch.hann_window(settings.n_fft, dtype=torch.float64), persistent=False)
        filters = torch.from_numpy(mel_filters(settings.sample_rate_hz, settings.n_fft, settings.mels))
        self.register_buffer("filters", filters.T.contiguous(), persistent=False)
        self._bands = [_support(part) for part in filters.tensor_split(min(_MEL_GROUPS, settings.mels))]
        self.register_buffer("mean", torch.zeros(settings.mels))
        self.register_buffer("std", torch.ones(settings.mels))

    def forward(self, sound: Tensor, matrices: Tensor) -> Tensor:
        """``sound`` (batch, moments, 4, samples) and ``matrices`` (batch, views, 4, 4) on W, Y, Z, X,
        moments 1 or as many as views, to ``(batch, views, channels, samples // hop, mels)`` float32.
        """
        if not self._on_host(sound, matrices):
            return self.at_once(sound, matrices)
        made = self._room(sound, matrices)
        deviation = self.std + _LEAST_DEVIATION
        for logmel in self._each_on_host(sound, matrices, made):
            logmel.sub_(self.mean).div_(deviation)
        return made

    def at_once(self, sound: Tensor, matrices: Tensor) -> Tensor:
        """The same as a call, without taking samples one by one in graphs: for export."""
        if self._on_host(sound, matrices):
            return self(sound, matrices)  # type: ignore[no-any-return]
        logmel, intensity = self.measure(sound, matrices)
        logmel = logmel.sub_(self.mean).div_(self.std + _LEAST_DEVIATION)
        return logmel if intensity is None else torch.cat([logmel, intensity], dim=2)

    def _on_host(self, sound: Tensor, matrices: Tensor) -> bool:
        """Whether :mod:`yt360.models.host_spectra` can do it: it makes no graphs and no gradients."""
        return (
            sound.device.type == "cpu"
            and not torch.compiler.is_compiling()
            and not (sound.requires_grad or matrices.requires_grad)
            and self.settings.n_fft % 2 == 0
            and sound.shape[-1] > max(self.settings.n_fft // 2, self.settings.hop - 1)
        )

    def _room(self, sound: Tensor, matrices: Tensor) -> Tensor:
        (batch, views), times = matrices.shape[:2], sound.shape[-1] // self.settings.hop
        return torch.empty(batch, views, self.settings.channels, times, self.settings.mels)

    def _each_on_host(self, sound: Tensor, matrices: Tensor, made: Tensor) -> Iterator[Tensor]:
        """Fills ``made`` (batch, views, channels, time, mels) and gives the log-mels in it, sample by sample.

        What one sample needs in between stays in the cache; that of a large batch would not.
        """
        with host_spectra(self.settings.n_fft, self.settings.hop) as spectra:
            for one, turns, into in zip(sound, matrices, made, strict=True):
                real, imaginary = spectra.turned(one, turns)
                if self.settings.features != "logmel":
                    into[:, 4:] = self._intensity(real, imaginary)
                logmel = into[:, :4]
                self._mel(magnitudes_in_place(real, imaginary), out=logmel).clamp_(min=_AMIN)
                for view in logmel:
                    decibels_in_place(view)
                yield torch.maximum(logmel, logmel.amax(dim=(-1, -2), keepdim=True) - _TOP_DB, out=logmel)

    def _mel(self, spectrum: Tensor, out: Tensor | None = None) -> Tensor:
        """The filter bank on the last dimension, a group of neighbouring filters at a time.

        A filter is zero outside a narrow band: a whole product would be a quarter of the time of a CPU's
        spectrograms, and these few do an eighth of its work.
        """
        groups, first = [], 0
        for low, high, count in self._bands:
            groups.append(spectrum[..., low:high] @ self.filters[low:high, first : first + count])
            first += count
        return torch.cat(groups, dim=-1, out=out)

    def measure(self, sound: Tensor, matrices: Tensor) -> tuple[Tensor, Tensor | None]:
        """Log-mels ``(…, 4, time, mels)`` in dB and intensity ``(…, 3, time, mels)``, before normalisation."""
        if self._on_host(sound, matrices):
            made = self._room(sound, matrices)
            for _ in self._each_on_host(sound, matrices, made):
                pass
            return made[:, :, :4], None if self.settings.features == "logmel" else made[:, :, 4:]
        real, imaginary = self._turned(sound, matrices)
        intensity = None if self.settings.features == "logmel" else self._intensity(real, imaginary)
        # In place: as much memory again for each step would cost more than the steps.
        magnitude = real.square_().addcmul_(imaginary, imaginary).sqrt_()
        logmel = self._mel(magnitude).clamp_(min=_AMIN).log10_().mul_(10)
        return torch.maximum(logmel, logmel.amax(dim=(-1, -2), keepdim=True) - _TOP_DB), intensity

    def _turned(self, sound: Tensor, matrices: Tensor) -> tuple[Tensor, Tensor]:
        """Real and imaginary parts of the turned sound's spectra, ``(batch, views, channels, time, bins)`` each."""
        settings = self.settings
        batch, moments, channels, samples = sound.shape
        spectrum = torch.stft(
            sound.reshape(-1, samples).double(),
            settings.n_fft,
            settings.hop,
            window=self.window.double(),
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )[..., : samples // settings.hop]
        # Real and imaginary parts apart, time before frequency: long contiguous rows for everything that follows.
        views = matrices.shape[1]

        def turn(part: Tensor) -> Tensor:
            part = part.float().transpose(-1, -2).contiguous()
            planes = part.view(batch, moments, channels, -1)
            rows = matrices.reshape(batch, views * channels, channels)
            turned = rows @ planes[:, 0] if moments == 1 else matrices @ planes
            return turned.view(batch, views, channels, *part.shape[1:])

        return turn(spectrum.real), turn(spectrum.imag)

    def _intensity(self, real: Tensor, imaginary: Tensor) -> Tensor:
        """``(…, 3, time, mels)``, of spectra ``(…, 4, time, bins)``."""
        omni = real[..., :1, :, :], imaginary[..., :1, :, :]
        active = torch.addcmul(omni[0] * real[..., 1:, :, :], omni[1], imaginary[..., 1:, :, :])
        energy = real.square().addcmul_(imaginary, imaginary).sum(dim=-3, keepdim=True) / 2
        return self._mel(active) / (self._mel(energy) + _TINY)

    @torch.no_grad()
    def fit(self, sound: Tensor, matrices: Tensor) -> None:
        """Set ``mean`` and ``std`` of each mel band from examples, over all four channels alike."""
        logmel = self.measure(sound, matrices)[0].double().flatten(0, 3)
        self.mean.copy_(logmel.mean(dim=0))
        self.std.copy_(logmel.std(dim=0, unbiased=False))
