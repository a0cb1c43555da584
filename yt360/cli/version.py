"""`yt360 --version`: this code and what it stands on, for a bug report."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess

from yt360 import __version__
from yt360.errors import UsageError
from yt360.shipped import commit

_PACKAGES = ("opencv-python-headless", "numpy", "pyarrow", "pydantic", "yt-dlp", "torch", "torchvision", "ray")
"""Asked for their versions without being imported; those of an extra may be missing."""


def versions() -> dict[str, str]:
    """Name -> version of everything that decides what yt360 makes; what is not installed is left out."""
    found = {
        "yt360": f"{__version__} (commit {commit()})",
        "Python": f"{platform.python_version()} {platform.platform()}",
    }
    if ffmpeg := _ffmpeg():
        found["ffmpeg"] = ffmpeg
    if libraries := _libav():
        found["PyAV"] = libraries
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _ffmpeg() -> str:
    """The version of the binary that is used."""
    from yt360.media.ffmpeg import executable

    try:
        said = subprocess.run(
            [executable(), "-version"], capture_output=True, text=True, check=False, timeout=10
        ).stdout
    except (OSError, RuntimeError, UsageError, subprocess.TimeoutExpired) as error:
        return f"none that runs: {error}"
    words = said.split()
    return words[2] if words[:2] == ["ffmpeg", "version"] else ""


def _libav() -> str:
    """PyAV's version and those of the libraries in its wheel."""
    try:
        import av
    except ImportError as error:
        return f"cannot be imported: {error}"
    libraries = ", ".join(
        f"{name} {'.'.join(map(str, av.library_versions[name]))}" for name in ("libavformat", "libavcodec")
    )
    return f"{av.__version__} ({libraries})"
