"""What comes and goes in a sound field, apart from what stays: differences of spatial covariance.

The covariance of W, Y, Z and X in a band, while something sounds, minus the covariance while it
pauses, is the covariance of that something alone, as far as the rest stays the same. That shows a
voice laid into W under a loud ambience, where the plain ratio of energies does not.

For a source in SN3D the difference matrix D obeys the same laws as any sound field: a plane wave has
``D_xx + D_yy + D_zz = D_ww``; so has a diffuse one. What was laid into W alone has next to nothing in
the other three channels.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360.ambisonics import XYZ, W

FRAME = 1024
"""Samples in a frame of the short-time Fourier transform."""

HOP = 512
"""Samples from one frame to the next."""

SAMPLE_RATE_HZ = 24000
"""Sample rate that all of this is measured at."""

FRAME_RATE_HZ = SAMPLE_RATE_HZ / HOP
"""Frames per second."""

BAND_EDGES_HZ = (200.0, 350.0, 550.0, 850.0, 1300.0, 2000.0, 3000.0, 4500.0, 7000.0)
"""Below 200 Hz first-order microphones carry little direction; above 7 kHz speech carries little energy."""

BLOCK_S = 10.0
"""Stretch in which the pauses of a band are looked for."""

SEGMENT_S = 2.0
"""Stretch that gives one difference matrix a band."""

_PAUSE_QUANTILE = 0.25
"""Share of a band's frames, the quietest ones, that count as its pause."""

_ACTIVE_FACTOR = 3.0
"""Times the level of the pause above which a frame is active."""

_FAINT = 1e-5
"""Bands this far below the loudest one hold a codec's leftovers, whose direction means nothing."""

_LEAST_FRAMES = 3
"""Active frames that a tile needs."""

PAIRS = [(i, j) for i in range(4) for j in range(i, 4)]
"""Pairs of channels whose products make up a covariance: the upper triangle, row by row."""


@dataclass(frozen=True)
class Tiles:
    """Difference matrices of the active time-frequency tiles, (segment, band) pairs, of a sound.

    ``segment`` and ``band`` ``(n,)``; ``difference`` and ``pause`` ``(n, 4, 4)`` covariances in the
    order W, Y, Z, X: what comes and goes, and what stays; ``excess_db`` ``(n,)`` how far the active
    frames stand above the pauses; ``segments`` counts all segments, ``silent`` those without sound.
    """

    segment: NDArray[np.int64]
    band: NDArray[np.int64]
    difference: NDArray[np.float64]
    pause: NDArray[np.float64]
    excess_db: NDArray[np.float64]
    segments: int
    silent: int

    def __len__(self) -> int:
        return len(self.segment)

    def ratio_db(self, of_pause: bool = False) -> NDArray[np.float64]:
        """Energy of X, Y and Z over that of W, ``(n,)`` in dB: 0 for any natural field, low for W alone. In -40..20."""
        matrices = self.pause if of_pause else self.difference
        omni = np.maximum(matrices[:, W, W], 1e-15)
        directed = np.maximum(np.trace(matrices, axis1=1, axis2=2) - matrices[:, W, W], 0)
        ratio: NDArray[np.float64] = np.clip(10 * np.log10(np.maximum(directed / omni, 1e-9)), -40, 20)
        return ratio

    def gains(self) -> NDArray[np.float64]:
        """How the coming and going sound reaches x, y, z for each unit in W ``(n, 3)``: a plane wave's direction."""
        omni = np.maximum(self.difference[:, W, W], 1e-15)
        return np.clip(self.difference[:, W, XYZ] / omni[:, None], -3, 3)

    def incoherent(self) -> NDArray[np.float64]:
        """Energy of x, y, z that does not follow W, for each unit in W: ``(n, 3)``, 0 for dry sound, 1/3 if diffuse."""
        omni = np.maximum(self.difference[:, W, W], 1e-15)
        energy = self.difference[:, XYZ, XYZ] / omni[:, None]
        return np.clip(energy - self.gains() ** 2, 0, 3)


@dataclass(frozen=True)
class CovarianceBlock:
    """A stretch of at most ten seconds or so, as observers get it.

    ``samples`` ``(4, n)``; ``products`` ``(pairs, frames, bins)`` of the channels' short-time spectra up to the last
    band (:func:`pair_products`); ``covariances`` ``(frames, bands, 4, 4)``; ``edges`` ``(segments + 1,)`` frames
    between which the segments lie; ``loud`` ``(segments,)`` whether a segment has sound.
    """

    samples: NDArray[np.float32]
    products: NDArray[np.float32]
    covariances: NDArray[np.float64]
    edges: NDArray[np.int64]
    loud: NDArray[np.bool_]


Observer = Callable[[CovarianceBlock], None]


def measure_tiles(
    blocks: Iterable[NDArray[np.float32]], silence_db: float = -65.0, observers: Sequence[Observer] = ()
) -> Tiles:
    """Cells of a sound that comes in blocks ``(4, n)`` of any length at 24 kHz.

    Segments whose W stays below ``silence_db`` (dBFS) are silent and give no tiles.
    """
    found: list[tuple[int, int, NDArray[np.float64], NDArray[np.float64], float]] = []
    segments = silent = 0
    per_segment = round(SEGMENT_S * SAMPLE_RATE_HZ / HOP)
    for block in _rechunk(blocks, round(BLOCK_S * SAMPLE_RATE_HZ)):
        products = pair_products(short_spectra(block))
        covariances = band_covariances(products)
        count = max(1, round(len(covariances) / per_segment))
        loud = _loud_segments(block, count, silence_db)
        edges = np.linspace(0, len(covariances), count + 1).round().astype(np.int64)
        for observe in observers:
            observe(CovarianceBlock(block, products, covariances, edges, loud))
        silent += count - int(loud.sum())
        if loud.any():
            found += [
                (segments + segment, band, difference, pause, excess_db)
                for segment, band, difference, pause, excess_db in _block_tiles(covariances, edges)
                if loud[segment]
            ]
        segments += count
    return _stack(found, segments, silent)


def short_spectra(foa: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Short-time spectra ``(channels, frames, bins)`` of a sound ``(channels, n)``, up to the end of the last band."""
    import scipy.fft  # here: who only asks where a root stands does not wait for it

    if foa.shape[1] < FRAME:
        foa = np.pad(foa, ((0, 0), (0, FRAME - foa.shape[1])))
    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(foa, FRAME, axis=1)[:, ::HOP]
    spectra: NDArray[np.complex64] = scipy.fft.rfft(frames * window, axis=-1)[:, :, : band_bins()[-1]].astype(
        np.complex64, copy=False
    )
    return spectra


def band_bins() -> NDArray[np.int64]:
    """First bin of each band, and the one after the last: ``(bands + 1,)``."""
    return np.searchsorted(np.fft.rfftfreq(FRAME, 1 / SAMPLE_RATE_HZ), BAND_EDGES_HZ)


def band_covariances(products: NDArray[np.float32]) -> NDArray[np.float64]:
    """Covariances in each frame and band ``(frames, bands, 4, 4)``, from ``(pairs, frames, bins)`` of all pairs.

    Scaled so that the bands of a frame add up to the mean power in them.
    """
    bins = band_bins()
    out = np.empty((products.shape[1], len(bins) - 1, 4, 4))
    for (i, j), each in zip(PAIRS, products, strict=True):
        out[:, :, i, j] = out[:, :, j, i] = np.add.reduceat(each, bins[:-1], axis=1)
    return out * (8 / 3 * 2 / FRAME**2)


def pair_products(spectra: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Real parts ``(pairs, frames, bins)`` of the products of all pairs of the channels ``(4, frames, bins)``.

    In the order of :data:`PAIRS`.
    """
    real, imaginary = np.ascontiguousarray(spectra.real), np.ascontiguousarray(spectra.imag)
    out = np.empty((len(PAIRS), *spectra.shape[1:]), np.float32)
    for each, (i, j) in zip(out, PAIRS, strict=True):
        np.multiply(real[i], real[j], out=each)
        each += imaginary[i] * imaginary[j]
    return out


def _rechunk(blocks: Iterable[NDArray[np.float32]], length: int) -> Iterator[NDArray[np.float32]]:
    """Blocks of exactly ``length`` samples, the last one shorter; one under a segment joins the one before it."""
    kept: deque[NDArray[np.float32]] = deque()
    samples = 0
    for block in blocks:
        kept.append(block)
        samples += block.shape[1]
        while samples >= 2 * length:
            yield _taken(kept, length)
            samples -= length
    if samples:
        cut = length if samples >= length + round(SEGMENT_S * SAMPLE_RATE_HZ) else samples
        yield _taken(kept, cut)
        if cut < samples:
            yield _taken(kept, samples - cut)


def _taken(kept: deque[NDArray[np.float32]], length: int) -> NDArray[np.float32]:
    """The first ``length`` samples of some blocks, which lose them."""
    taken: list[NDArray[np.float32]] = []
    while length > 0:
        block = kept.popleft()
        taken.append(block[:, :length])
        if block.shape[1] > length:
            kept.appendleft(block[:, length:])
        length -= taken[-1].shape[1]
    return np.concatenate(taken, axis=1)


def _loud_segments(block: NDArray[np.float32], count: int, silence_db: float) -> NDArray[np.bool_]:
    parts = np.array_split(block[W], count)
    power = np.array([float(np.mean(np.square(part, dtype=np.float64))) if part.size else 0.0 for part in parts])
    return power > 10 ** (silence_db / 10)


def _block_tiles(
    covariances: NDArray[np.float64], edges: NDArray[np.int64]
) -> Iterator[tuple[int, int, NDArray[np.float64], NDArray[np.float64], float]]:
    energy = np.trace(covariances, axis1=2, axis2=3)
    faint = _FAINT * float(np.max(energy.mean(axis=0)))
    for band in range(covariances.shape[1]):
        calm = energy[:, band] <= np.quantile(energy[:, band], _PAUSE_QUANTILE)
        pause = covariances[calm, band].mean(axis=0)
        level = max(float(np.trace(pause)), faint, 1e-15)
        for segment in range(len(edges) - 1):
            span = slice(edges[segment], edges[segment + 1])
            active = energy[span, band] > _ACTIVE_FACTOR * level
            if np.count_nonzero(active) < _LEAST_FRAMES:
                continue
            sounding = covariances[span, band][active].mean(axis=0)
            excess_db = 10 * np.log10(float(np.trace(sounding)) / level)
            yield segment, band, sounding - pause, pause, min(excess_db, 60.0)


def _stack(
    found: list[tuple[int, int, NDArray[np.float64], NDArray[np.float64], float]], segments: int, silent: int
) -> Tiles:
    if not found:
        empty = np.zeros((0, 4, 4))
        return Tiles(np.zeros(0, int), np.zeros(0, int), empty, empty, np.zeros(0), segments, silent)
    segment, band, difference, pause, excess = zip(*found, strict=True)
    return Tiles(
        np.array(segment), np.array(band), np.stack(difference), np.stack(pause), np.array(excess), segments, silent
    )
