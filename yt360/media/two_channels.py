"""First-order ambisonics for two ears: coincident cardioids, or the ears of a spherical head.

``stereo``: two cardioids back to back, L = (W + Y) / 2 and R = (W - Y) / 2, as the stereo sound of DCASE 2025 (task 3)
is made of STARSS23 (there without the factor, which keeps the peaks of a single source where they are).

``binaural``: what is heard at the left and the right of a rigid sphere of a head's size. The sphere's response to a
plane wave is known exactly (Rayleigh 1904; Duda & Martens, "Range dependence of the response of a spherical head
model", JASA 104, 1998), so that no measured set of responses, nor its licence, is needed: its parts of order 0 and 1
are two filters for W and for the left-right component. What orders above the first would bring is made up for in level
(diffuse-field equalisation, Ben-Hur et al., "Spectral equalization in binaural signals represented by order-truncated
spherical harmonics", JASA 141, 2017). It holds differences in time and level between the ears. There are no pinnae:
front and back, and up and down, sound alike.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from yt360.ambisonics import W, Y

TwoChannels = Literal["stereo", "binaural"]

HEAD_RADIUS_M = 0.0875
SPEED_OF_SOUND_M_S = 343.0

_LENGTH_S = 0.006
"""Length of the filters: the sphere rings for 2 ms."""

_FALLS_FROM = 0.92
"""Share of half the sample rate up to which the filters are those of the sphere."""

_HIGHEST_ORDER = 60
"""Of the whole response: at 24 kHz a head is 38 radians around."""


def margin_samples(sample_rate_hz: int) -> int:
    """Samples of sound before and after a stretch that :func:`two_channels` takes into account."""
    return round(_LENGTH_S * sample_rate_hz / 2)


def two_channels(foa: NDArray[np.float32], kind: TwoChannels, sample_rate_hz: int) -> NDArray[np.float32]:
    """Left and right ``(2, n)`` of AmbiX ``(4, n)``; the first and last :func:`margin_samples` lack what lies beyond.

    A source straight at the left is louder in the left channel at all frequencies. Raises :class:`ValueError` for
    sound of another shape.
    """
    if foa.ndim != 2 or foa.shape[0] != 4:
        raise ValueError(f"expected first-order sound of shape (4, samples), found {foa.shape}")
    middle, side = foa[W], foa[Y]
    if kind == "binaural":
        from scipy import signal  # here: who only asks where a root stands does not wait for it

        omni, figure = head_filters(sample_rate_hz)
        middle = signal.oaconvolve(middle, omni, mode="full")[len(omni) // 2 :][: foa.shape[1]]
        side = signal.oaconvolve(side, figure, mode="full")[len(figure) // 2 :][: foa.shape[1]]
    ears: NDArray[np.float32] = (0.5 * np.stack([middle + side, middle - side])).astype(np.float32)
    return ears


@lru_cache(maxsize=8)
def head_filters(sample_rate_hz: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Impulse responses for W and for Y of the left ear (the right one: Y negative), the middle sample at time 0.

    0 dB for a frontal source at low frequencies, before the half that :func:`two_channels` takes.
    """
    from scipy.signal.windows import tukey

    length = 2 * margin_samples(sample_rate_hz) + 1
    size = 4 * length
    frequencies = np.asarray(np.fft.rfftfreq(size, 1 / sample_rate_hz), np.float64)
    orders = _sphere(frequencies)
    diffuse = 1 / (2 * np.arange(len(orders)) + 1)
    whole = np.abs(orders) ** 2 * diffuse[:, None]
    equal = np.sqrt(whole.sum(axis=0) / whole[:2].sum(axis=0))
    # Just below half the sample rate the level falls to 0: a phase that is not real there rings for ever.
    top = np.clip((frequencies / frequencies[-1] - _FALLS_FROM) / (1 - _FALLS_FROM), 0, 1)
    equal = equal * 0.5 * (1 + np.cos(np.pi * top))
    found = []
    for order in orders[:2]:
        response = np.fft.irfft(order * equal, size)
        found.append(np.roll(response, length // 2)[:length] * tukey(length, 0.25))
    return found[0], found[1]


def _sphere(frequencies_hz: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Coefficients ``(orders, frequencies)`` of Legendre polynomials of the angle between a plane wave's direction and
    a point on a rigid sphere: pressure there over that at the centre without the sphere (time goes as exp(+i w t)).
    """
    from scipy import special

    kr = 2 * np.pi * frequencies_hz * HEAD_RADIUS_M / SPEED_OF_SOUND_M_S
    found = np.zeros((_HIGHEST_ORDER + 1, len(kr)), np.complex128)
    found[0, kr == 0] = 1.0
    x = kr[kr > 0]
    with np.errstate(all="ignore"):
        for order in range(_HIGHEST_ORDER + 1):
            slope = special.spherical_jn(order, x, True) - 1j * special.spherical_yn(order, x, True)
            value = (1j**order) * (2 * order + 1) * -1j / (x**2 * slope)
            found[order, kr > 0] = np.where(np.isfinite(value), value, 0.0)
    return found
