"""A perspective view as an ordinary video with sound for two ears: for papers, slides, and people without the page.

Picture and sound are turned by one rotation (:class:`yt360.sphere.View`): what is in the middle of the picture is heard
from the front.
"""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from yt360 import sphere
from yt360.errors import ItemError, UsageError
from yt360.files import atomic_write
from yt360.media.clips import ClipVideoWriter
from yt360.media.muxing import join_picture_and_sound
from yt360.view.binaural import HRIR_RATE_HZ, BinauralRenderer
from yt360.view.path import ViewPath
from yt360.view.sources import Source

_CRF, _PRESET = 18.0, "fast"
_KBIT_S = 192
_FULL_SCALE = 0.98
_SLACK_S = 1e-3


@dataclass(frozen=True)
class Rendered:
    """What was written. ``gain_db``: how much the sound was lowered to stay below full scale (0 or negative)."""

    frames: int
    duration_s: float
    gain_db: float


def render_view(
    source: Source,
    look: ViewPath,
    size: tuple[int, int],
    path: Path,
    *,
    start_s: float | None = None,
    duration_s: float | None = None,
    said: Callable[[int, int], None] | None = None,
) -> Rendered:
    """Write ``path`` (MP4: H.264, AAC in stereo at 48 kHz), all of it or nothing.

    ``size`` (height, width), both even. ``start_s`` is on the clock of the source (its begin if not given),
    ``duration_s`` to its end if not given. ``said`` hears frames written, of how many. Equal inputs give equal bytes.
    Raises :class:`UsageError` for a stretch that the source does not have, and
    :class:`yt360.errors.ItemError` where it cannot be read.
    """
    begin_s = source.begin_s if start_s is None else start_s
    length_s = _stretch(source, begin_s, duration_s)
    frames = max(1, math.floor(length_s * source.fps + _SLACK_S))
    written = Rendered(0, 0.0, 0.0)

    def write(partial: Path) -> None:
        nonlocal written
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".yt360-render-") as folder:
            picture, sound = Path(folder) / "picture.mp4", Path(folder) / "sound.wav"
            count = _write_picture(picture, source, look, size, begin_s, frames, said)
            peak = _write_sound(sound, source, look, begin_s, count)
            gain_db = 20 * math.log10(_FULL_SCALE / peak) if peak > _FULL_SCALE else 0.0
            join_picture_and_sound(picture, sound, partial, kbit_s=_KBIT_S, gain_db=gain_db)
            written = Rendered(count, float(count / source.fps), gain_db)

    atomic_write(path, write)
    return written


def _stretch(source: Source, begin_s: float, duration_s: float | None) -> float:
    """Seconds to render from ``begin_s`` on."""
    left_s = source.end_s - begin_s
    length_s = left_s if duration_s is None else duration_s
    if not (source.begin_s - _SLACK_S <= begin_s and 0 < length_s <= left_s + _SLACK_S):
        raise UsageError(
            f"{source.name}: {begin_s:g} s to {begin_s + length_s:g} s is not inside of it, "
            f"it lasts from {source.begin_s:g} s to {source.end_s:g} s"
        )
    return min(length_s, left_s)


def _write_picture(
    path: Path,
    source: Source,
    look: ViewPath,
    size: tuple[int, int],
    begin_s: float,
    frames: int,
    said: Callable[[int, int], None] | None,
) -> int:
    """Number of frames that there were."""
    height, width = size
    # Around the sphere as fine as the middle of the view is.
    around = math.ceil(math.pi * width / math.tan(look.narrowest_fov / 2))
    with ClipVideoWriter(
        path, width, height, source.fps, gop=max(1, round(source.fps)), crf=_CRF, preset=_PRESET, whole_sphere=False
    ) as out:
        for frame in source.frames(begin_s, float(frames / source.fps), around):
            view = look(begin_s + float(out.frames / source.fps))
            out.write(_crop(frame, view, size, look.moves))
            if said is not None:
                said(out.frames, frames)
        if not out.frames:
            raise ItemError("no-picture", f"{source.name}: expected a picture at {begin_s:g} s, found none")
        return out.frames


def _crop(frame: NDArray[np.uint8], view: sphere.View, size: tuple[int, int], moves: bool) -> NDArray[np.uint8]:
    if not moves:
        return sphere.crop(frame, view, size, "cubic")
    # Each view is seen once: not worth to be remembered.
    return sphere.sample(frame, sphere.sampling_map(view, size, (frame.shape[0], frame.shape[1])), "cubic")


def _write_sound(path: Path, source: Source, look: ViewPath, begin_s: float, frames: int) -> float:
    """As long as the picture, turned from frame to frame; its peak."""
    renderer = BinauralRenderer(HRIR_RATE_HZ, look(begin_s).rotation)
    edges = [round(number * HRIR_RATE_HZ / source.fps) for number in range(frames + 1)]
    blocks = _in_steps(source.sound(begin_s, float(frames / source.fps), HRIR_RATE_HZ), edges)
    peak = 0.0
    with soundfile.SoundFile(path, "w", HRIR_RATE_HZ, 2, subtype="FLOAT", format="WAV") as out:
        for number, foa in enumerate(blocks):
            ears = renderer(foa, look(begin_s + edges[number + 1] / HRIR_RATE_HZ).rotation)
            peak = max(peak, float(np.abs(ears).max(initial=0.0)))
            out.write(ears.T)
    return peak


def _in_steps(blocks: Iterator[NDArray[np.float32]], edges: list[int]) -> Iterator[NDArray[np.float32]]:
    """Sound ``(4, n)`` cut anew at ``edges`` (in samples); silence where it ends before the last."""
    held = np.zeros((4, 0), np.float32)
    for begin, end in itertools.pairwise(edges):
        while held.shape[1] < end - begin:
            block = next(blocks, None)
            if block is None:
                block = np.zeros((4, end - begin - held.shape[1]), np.float32)
            held = np.concatenate([held, block], axis=1)
        yield held[:, : end - begin]
        held = held[:, end - begin :]
