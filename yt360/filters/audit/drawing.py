"""Which videos a person is asked about: a stratified sample by permanent random numbers.

Every pair of filter and video has one random number, a digest of both and the seed; a stratum's sample are its videos
with the lowest ones (Ohlsson, "Coordination of samples using permanent random numbers", 1995). So a sample that
grows holds the smaller one, and one that is drawn anew after thresholds have moved holds most of what was judged.
"""

from __future__ import annotations

from collections.abc import Sequence

from yt360.filters.audit.strata import Stratum
from yt360.hashing import digest_bytes

_LEAST = 2
"""Videos of a stratum, if it has as many: one tells nothing about its spread."""


def random_number(seed: int, filter_name: str, video: str) -> str:
    """The permanent random number of a video for a filter, as hexadecimal digits of one length."""
    return digest_bytes(f"audit {seed} {filter_name} {video}".encode())


def draw(strata: Sequence[Stratum], sample: int, seed: int) -> list[tuple[Stratum, tuple[str, ...]]]:
    """Each stratum and its sample, lowest random number first.

    ``sample`` videos in all are shared out evenly: over filters, over dropped and kept, over strata. What one cannot
    take goes to the others; a stratum gets at least two, so a small sample of many strata may come out larger.
    """
    counts = _shared(strata, sample)
    return [(stratum, _lowest(stratum, count, seed)) for stratum, count in zip(strata, counts, strict=True)]


def _lowest(stratum: Stratum, count: int, seed: int) -> tuple[str, ...]:
    return tuple(sorted(stratum.videos, key=lambda video: random_number(seed, stratum.filter, video))[:count])


def _shared(strata: Sequence[Stratum], sample: int) -> list[int]:
    """How many of each stratum: evenly, one video at a time to the filter and the side that has fewest."""
    sizes = [len(stratum.videos) for stratum in strata]
    counts = [min(_LEAST, size) for size in sizes]
    sides = [(stratum.filter, stratum.dropped) for stratum in strata]
    taken = {side: sum(c for c, s in zip(counts, sides, strict=True) if s == side) for side in sides}
    by_filter = {name: sum(count for (n, _), count in taken.items() if n == name) for name, _ in sides}
    while sum(counts) < sample:
        open_ones = [k for k, size in enumerate(sizes) if counts[k] < size]
        if not open_ones:
            break
        k = min(open_ones, key=lambda k: (by_filter[sides[k][0]], taken[sides[k]], counts[k], k))
        counts[k] += 1
        taken[sides[k]] += 1
        by_filter[sides[k][0]] += 1
    return counts
