"""Training of the paper's models from manifests and shards.

Importing this package does not import torch.
"""

from __future__ import annotations

import warnings
from typing import Any


def __getattr__(name: str) -> Any:
    if name == "load_encoders":  # its place until version 0.1
        from yt360.models import load_encoders

        warnings.warn(
            "yt360.training.load_encoders is now yt360.models.load_encoders", DeprecationWarning, stacklevel=2
        )
        return load_encoders
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
