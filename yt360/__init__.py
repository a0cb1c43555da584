"""yt360: build 360° video + spatial audio datasets, and train audio-visual spatial alignment on them."""

__version__ = "0.2.0"
