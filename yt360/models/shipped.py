"""Models that come with yt360, by name."""

from __future__ import annotations

from pathlib import Path

SHIPPED_MODEL = "avsa-procedural-world"
"""Small, and trained on procedural worlds only: for tests, tutorials and a first try. It knows no real world."""

_HERE = Path(__file__).parent / "weights"


def shipped_folder(name: str) -> Path | None:
    """The folder of a model that comes with yt360; ``None`` for any other name.

    >>> shipped_folder("avsa-procedural-world").name
    'avsa-procedural-world'
    """
    return _HERE / name if name in shipped_models() else None


def shipped_models() -> list[str]:
    """Names of the models that come with yt360."""
    return sorted(path.parent.name for path in _HERE.glob("*/config.json"))
