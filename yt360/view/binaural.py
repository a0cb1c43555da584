"""First-order ambisonics for two ears, turned with the head.

The head-related impulse responses (HRIRs) are those of Omnitone 1.3.0 (``hrirs/``, Apache-2.0): measured on a KU100 by
the SADIE project of the University of York, turned by Google into filters for the spherical harmonics of first order.
They expect what yt360 uses inside: AmbiX, that is ACN order and SN3D weights. Two stereo files of 256 samples at 48 kHz
hold the filters of W and Y (``foa-wy.wav``) and of Z and X (``foa-zx.wav``). The head is taken as symmetric, so one
filter for each channel serves both ears::

    left  = hW * W + hY * Y + hZ * Z + hX * X
    right = hW * W - hY * Y + hZ * Z + hX * X

The page of ``yt360 view`` fetches the same two files. A dataset's own binaural member (``chunk.variants``) is made by
:mod:`yt360.media.two_channels` instead, a formula that no set of measurements can change; it lacks the outer ear, so it
tells a listener less of front and back.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

import numpy as np
import soundfile
import soxr
from numpy.typing import ArrayLike, NDArray
from scipy.signal import oaconvolve

from yt360 import ambisonics

HRIRS = resources.files("yt360.view") / "hrirs"
"""Folder of the impulse responses."""

HRIR_FILES = ("foa-wy.wav", "foa-zx.wav")
"""Which pair of channels each file is for: W and Y, Z and X."""

HRIR_RATE_HZ = 48_000


@lru_cache(maxsize=8)
def hrirs(rate_hz: int = HRIR_RATE_HZ) -> NDArray[np.float32]:
    """Impulse responses ``(4, taps)`` of W, Y, Z, X for the left ear; the right ear takes that of Y negated.

    At another rate than 48 kHz they are resampled and keep their frequency response up to the lower Nyquist frequency.

    >>> hrirs().shape, hrirs(24_000).shape
    ((4, 256), (4, 128))
    """
    pairs = []
    for name in HRIR_FILES:
        with (HRIRS / name).open("rb") as file:
            samples, found_hz = soundfile.read(file, dtype="float32", always_2d=True)
        if found_hz != HRIR_RATE_HZ or samples.shape[1] != 2:
            raise ValueError(
                f"{name}: expected two channels at {HRIR_RATE_HZ} Hz, found {samples.shape[1]}, {found_hz} Hz"
            )
        pairs.append(samples)
    taps = np.concatenate(pairs, axis=1)
    if rate_hz != HRIR_RATE_HZ:
        # A filter of as many times fewer taps needs as many times larger ones for the same gain.
        taps = soxr.resample(taps, HRIR_RATE_HZ, rate_hz, quality="VHQ") * np.float32(HRIR_RATE_HZ / rate_hz)
    found: NDArray[np.float32] = np.ascontiguousarray(taps.T)
    found.setflags(write=False)  # shared by all callers
    return found


class BinauralRenderer:
    """Sound for two ears, block by block.

    Blocks follow each other without a seam: what rings on from one is added to the next. The rotation may change from
    block to block; across a block it goes over from the last to the new one, sample by sample, so that nothing clicks.

    >>> render = BinauralRenderer(48_000)
    >>> render(np.zeros((4, 480), np.float32), np.eye(3)).shape
    (2, 480)
    """

    def __init__(self, rate_hz: int, rotation: ArrayLike | None = None) -> None:
        """``rotation``: the one at the beginning; that of the first block if not given."""
        self._filters = hrirs(rate_hz)
        self._ringing = np.zeros((2, self._filters.shape[1] - 1), np.float32)
        self._matrix = None if rotation is None else ambisonics.rotation_matrix(rotation).astype(np.float32)

    def __call__(self, foa: NDArray[np.floating], rotation: ArrayLike) -> NDArray[np.float32]:
        """Left and right ear ``(2, samples)`` of AmbiX sound ``(4, samples)``.

        ``rotation`` ``(3, 3)`` turns the world into the head's frame, as :attr:`yt360.sphere.View.rotation` does: what
        is at the view's direction is heard from the front. Raises :class:`ValueError` for another shape.
        """
        if foa.ndim != 2 or foa.shape[0] != 4:
            raise ValueError(f"expected first-order sound of shape (4, samples), found {foa.shape}")
        matrix = ambisonics.rotation_matrix(rotation).astype(np.float32)
        if not foa.shape[1]:
            return np.zeros((2, 0), np.float32)
        turned = matrix @ foa.astype(np.float32, copy=False)
        if self._matrix is not None and not np.array_equal(self._matrix, matrix):
            share = np.linspace(0, 1, foa.shape[1], endpoint=False, dtype=np.float32)
            turned = turned * share + (self._matrix @ foa.astype(np.float32, copy=False)) * (1 - share)
        self._matrix = matrix
        parts = oaconvolve(turned, self._filters, axes=1)
        across = parts[ambisonics.Y]
        alike = parts[ambisonics.W] + parts[ambisonics.Z] + parts[ambisonics.X]
        ears = np.stack([alike + across, alike - across]).astype(np.float32)
        ears[:, : self._ringing.shape[1]] += self._ringing
        heard, self._ringing = np.split(ears, [foa.shape[1]], axis=1)
        return heard


def binaural(foa: NDArray[np.floating], rate_hz: int, rotation: ArrayLike) -> NDArray[np.float32]:
    """Left and right ear ``(2, samples)`` of AmbiX sound ``(4, samples)`` after ``rotation`` ``(3, 3)``.

    ``rotation`` turns the world into the head's frame (:attr:`yt360.sphere.View.rotation`). What rings on after the
    last sample (5 ms) is cut off, so picture and sound stay equally long.

    >>> from yt360 import sphere
    >>> click = ambisonics.encode([1.0] + [0.0] * 255, np.pi / 2, 0.0)  # at the left
    >>> left, right = np.square(binaural(click, 48_000, np.eye(3))).sum(axis=1)
    >>> round(float(10 * np.log10(left / right)))  # dB
    11
    >>> left, right = np.square(binaural(click, 48_000, sphere.yaw_rotation(np.pi))).sum(axis=1)
    >>> round(float(10 * np.log10(left / right)))
    -11
    """
    return BinauralRenderer(rate_hz)(foa, rotation)
