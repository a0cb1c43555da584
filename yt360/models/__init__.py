"""The paper's networks: encoders, translators, and their files.

Importing this package does not import torch; :func:`load_encoders` does when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yt360.models.encoders import load_encoders as load_encoders

__all__ = ["load_encoders"]


def __getattr__(name: str) -> Any:
    if name == "load_encoders":
        from yt360.models.encoders import load_encoders

        return load_encoders
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
