"""yt360: build 360° video + spatial audio datasets, and train audio-visual spatial alignment on them.

>>> import yt360
>>> data = yt360.open(root)                   # a finished root: a folder or s3://…
>>> clip = data[0]
>>> clip.frames(0.0, 0.5).shape               # (T, H, W, 3) uint8 RGB
(8, 64, 128, 3)
>>> clip.foa(0.0, 1.0).shape                  # (4, N) float32 AmbiX: W Y Z X
(4, 24000)
>>> view = clip.view(azimuth_deg=30, elevation_deg=0, fov_deg=90)
>>> view.frames.shape, view.foa.shape         # cropped and turned by one rotation
((8, 112, 112, 3), (4, 24000))
>>> len(yt360.ClipDataset(root, split="train", views=4))  # for a torch DataLoader
2
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"

_FACE = {
    "open": ("yt360.dataset.dataset", "open_dataset"),
    "Dataset": ("yt360.dataset.dataset", "Dataset"),
    "Clip": ("yt360.dataset.clip", "Clip"),
    "ClipView": ("yt360.dataset.clip", "ClipView"),
    "ClipDataset": ("yt360.dataset.clip_dataset", "ClipDataset"),
    "AVSAModel": ("yt360.models.avsa_model", "AVSAModel"),
    "AVSAProcessor": ("yt360.inference.processor", "AVSAProcessor"),
}
"""Imported when they are asked for: ``import yt360`` alone costs nothing. ``__init__.pyi`` tells editors the types."""

__all__ = ["AVSAModel", "AVSAProcessor", "Clip", "ClipDataset", "ClipView", "Dataset", "__version__", "open"]


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'yt360' has no attribute {name!r}")
    module, attribute = _FACE[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *_FACE})
