"""Panoptic maps: which pixels are which thing or stuff, on pictures and on the sphere.

Importing this package needs neither torch nor any model; :mod:`yt360.segmentation.backends` does.
"""

from yt360.segmentation.clip_maps import ClipMaps, clip_maps_bytes
from yt360.segmentation.maps import Category, PanopticMap, PanopticSegment

__all__ = ["Category", "ClipMaps", "PanopticMap", "PanopticSegment", "clip_maps_bytes"]
