"""A visual fingerprint of an equirectangular picture that does not change when the camera is turned about.

Each circle of latitude is a circular signal: a turn multiplies its Fourier coefficients by a phase that is the
same for all latitudes. So the product of one latitude's coefficient with the conjugate of the next one's does not
depend on the turn, and keeps how the two lie to each other. The mean over longitude (brightness) is left out, the
whole is scaled to unit length (contrast).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

ROWS, COLUMNS = 96, 192
"""Size of the gray picture that is looked at."""

_LATITUDES = 10
"""Rings of latitude that a picture is averaged to."""

_ORDERS = 6
"""Orders of the Fourier series along each ring, from the first on."""

LENGTH = (_LATITUDES - 1) * _ORDERS * 2
"""Numbers in a fingerprint."""

_POLAR = 8
"""Rows left out at each pole: tripods, patches and logos."""


def describe(frame: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Fingerprint ``(LENGTH,)`` of a gray frame ``(96, 192)``; all zero for a plain one."""
    if frame.shape != (ROWS, COLUMNS):
        raise ValueError(f"expected a picture of {ROWS}x{COLUMNS}, found {frame.shape}")
    middle = frame[_POLAR:-_POLAR].astype(np.float32)
    bands = cv2.resize(middle, (COLUMNS, _LATITUDES), interpolation=cv2.INTER_AREA)
    spectra = np.fft.rfft(bands, axis=1)[:, 1 : _ORDERS + 1]
    if float(np.abs(spectra).max()) < 0.2 * COLUMNS:
        return np.zeros(LENGTH, np.int8)
    products = spectra[1:] * np.conj(spectra[:-1])
    # The square root of the magnitude: one strong edge does not outweigh the rest.
    products = products / np.sqrt(np.abs(products) + 1e-9)
    vector = np.concatenate([products.real.ravel(), products.imag.ravel()])
    vector = vector / np.linalg.norm(vector)
    fingerprint: NDArray[np.int8] = np.clip(np.rint(vector * 256), -127, 127).astype(np.int8)
    return fingerprint


def similarity(one: NDArray[np.int8], other: NDArray[np.int8]) -> NDArray[np.float64]:
    """Cosines ``(n, m)`` in [-1, 1] between fingerprints ``(n, LENGTH)`` and ``(m, LENGTH)``; 0 where one is plain."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    scale = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)[None]
    found: NDArray[np.float64] = a @ b.T / np.maximum(scale, 1e-9)
    return found


def mirrored(fingerprints: NDArray[Any]) -> NDArray[Any]:
    """Fingerprints ``(n, LENGTH)`` of the pictures seen in a mirror: left and right change places."""
    flipped = fingerprints.copy()
    flipped[:, LENGTH // 2 :] = -flipped[:, LENGTH // 2 :]
    return flipped
