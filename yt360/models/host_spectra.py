"""What OpenCV does in less time than torch when a spectrogram is made on a CPU: transform, magnitudes, logarithms.

Between one sound and the next the same memory is used: mapping fresh pages takes as long as the arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_DB = 10 / math.log(10)
_KEPT_BYTES = 32 << 20


@contextmanager
def host_spectra(n_fft: int, hop: int) -> Iterator[HostSpectra]:
    """A :class:`HostSpectra` for the time of a call, with the memory of an earlier call."""
    # Taken out while it is used, so that threads never share it.
    spectra = _IDLE.pop((n_fft, hop), None) or HostSpectra(n_fft, hop)
    yield spectra
    if spectra.nbytes <= _KEPT_BYTES:
        _IDLE.clear()  # sounds of one kind follow one another
        _IDLE[n_fft, hop] = spectra


class HostSpectra:
    """Spectra of sounds, one after another, in Hann windows of ``n_fft`` samples (an even number), ``hop`` apart.

    What :meth:`turned` gives is overwritten by its next call.
    """

    def __init__(self, n_fft: int, hop: int) -> None:
        self._window, self._hop = torch.hann_window(n_fft, dtype=torch.float64).numpy(), hop
        self._samples = (0, 0)
        self._turned = torch.empty(0), torch.empty(0)

    def turned(self, sound: Tensor, matrices: Tensor) -> tuple[Tensor, Tensor]:
        """``sound`` (moments, channels, samples) float32 and ``matrices`` (views, channels, channels), moments 1 or as
        many as views, to real and imaginary parts ``(views, channels, samples // hop, n_fft // 2 + 1)`` float32 of the
        turned sound. Windows are centred, edges reflected, the transform in double precision, as ``torch.stft`` has it.
        """
        moments, channels, samples = sound.shape
        self._transform(sound.reshape(-1, samples).numpy())
        views, shape = len(matrices), (len(matrices), channels, *self._parts[0].shape[1:])
        if self._turned[0].shape != shape:
            with torch.inference_mode(False):  # what is made inside it could not be used again outside
                self._turned = torch.empty(shape), torch.empty(shape)
        for part, turned in zip(self._parts, self._turned, strict=True):
            planes = torch.from_numpy(part).view(moments, channels, -1)
            if moments == 1:
                torch.mm(matrices.reshape(-1, channels), planes[0], out=turned.view(views * channels, -1))
            else:
                torch.bmm(matrices, planes, out=turned.view(views, channels, -1))
        return self._turned

    def _transform(self, sound: NDArray[np.float32]) -> None:
        """Parts of the spectra of ``sound`` (n, samples), each ``(n, samples // hop, n_fft // 2 + 1)``."""
        half = len(self._window) // 2
        if sound.shape != self._samples:
            self._allocate(*sound.shape)
        padded, spectra = self._padded, self._windowed
        # One at a time: its double precision stays in the cache.
        for one, real, imaginary in zip(sound, *self._parts, strict=True):
            padded[half:-half] = one
            padded[:half] = one[half:0:-1]
            padded[-half:] = one[-2 : -half - 2 : -1]
            np.multiply(self._stretches, self._window, out=spectra)
            cv2.dft(spectra, dst=spectra, flags=cv2.DFT_ROWS)
            # Packed: the real part of bin 0, both parts of the bins in between, the real part of the last bin.
            real[:, 0] = spectra[:, 0]
            real[:, 1:] = spectra[:, 1::2]
            imaginary[:, 1:half] = spectra[:, 2::2]

    def _allocate(self, count: int, samples: int) -> None:
        self._samples = (count, samples)
        length, times = len(self._window), samples // self._hop
        self._padded = np.empty(samples + length)
        item = self._padded.itemsize
        self._stretches = np.lib.stride_tricks.as_strided(
            self._padded, (times, length), (item * self._hop, item), writeable=False
        )
        self._windowed = np.empty((times, length))
        shape = (count, times, length // 2 + 1)
        self._parts = np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that are held."""
        return self._padded.nbytes + self._windowed.nbytes + sum(part.nbytes for part in (*self._parts, *self._turned))


_IDLE: dict[tuple[int, int], HostSpectra] = {}


def magnitudes_in_place(real: Tensor, imaginary: Tensor) -> Tensor:
    """``real``, which becomes the magnitudes of the complex numbers whose parts are given; contiguous float32."""
    into = real.view(-1, real.shape[-1]).numpy()
    cv2.magnitude(into, imaginary.view(into.shape).numpy(), into)
    return real


def decibels_in_place(values: Tensor) -> Tensor:
    """``values``, which become ten times their logarithms to base 10; contiguous float32 above 0."""
    into = values.view(-1, values.shape[-1]).numpy()
    cv2.log(into, into)
    return values.mul_(_DB)
