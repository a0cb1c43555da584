"""How one file is read as a whole sphere with ambisonics, or why it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from yt360.errors import UsageError
from yt360.media.inspect import inspect_media
from yt360.media.picture import VideoDecodeSpec
from yt360.media.sound import FoaDecodeSpec


class HowToRead(NamedTuple):
    """How a file (and the file of its sound) is read as a sphere with ambisonics, and from when to when.

    ``fps`` are the picture's frames a second.
    """

    path: Path
    sound_path: Path
    picture: VideoDecodeSpec
    foa: FoaDecodeSpec
    begin_s: float
    end_s: float
    fps: float


def look(path: Path, sound: Path | None = None, convention: str = "") -> HowToRead:
    """Find out how a file is read.

    ``sound``: the file of the sound, where it is another one. ``convention``: what is known of its channels, if the
    file does not say (``ambix``, ``n3d``, ``orthonormal``, ``fuma``).

    Raises :class:`yt360.errors.UsageError` where picture or sound is something else, and
    :class:`yt360.errors.ItemError` for a file that cannot be looked into. libav may crash on a hostile file: look into
    files of strangers in a process that may die.
    """
    inspection = inspect_media(path, sound, convention=convention)
    picture = inspection.picture.reading if inspection.picture is not None else None
    foa = inspection.ambisonic.reading if inspection.ambisonic is not None else None
    reasons = inspection.reasons()
    if picture is None or foa is None or reasons:
        words = "; ".join(f"{code}: {text}" for code, text in reasons) or "neither"
        declare = any(code == "uncertain-ambisonics" for code, _ in reasons)
        raise UsageError(
            f"{path}: expected a spherical picture and first-order ambisonics, found {words}"
            + ("; say what the sound is with convention (ambix, n3d, orthonormal, fuma)" if declare else "")
        )
    begin_s, end_s = inspection.overlap
    fps = inspection.video_stream.fps if inspection.video_stream is not None else 0.0
    return HowToRead(path, sound or path, picture, foa, begin_s, end_s, fps)
