"""A direction in words; apart from :mod:`yt360.sphere`, so that who only prints one needs no arrays."""

from __future__ import annotations


def direction_words(azimuth_deg: float, elevation_deg: float) -> str:
    """A direction for people: degrees with the side that they go to.

    >>> direction_words(36.0, -12.0)
    '36° left, 12° down'
    >>> direction_words(-0.2, 0.0)
    'the front'
    """
    azimuth, elevation = round(azimuth_deg), round(elevation_deg)
    if not azimuth and not elevation:
        return "the front"
    side = "left" if azimuth > 0 else "right"
    across = "straight ahead" if not azimuth else "behind" if abs(azimuth) == 180 else f"{abs(azimuth)}° {side}"
    return across if not elevation else f"{across}, {abs(elevation)}° {'up' if elevation > 0 else 'down'}"
