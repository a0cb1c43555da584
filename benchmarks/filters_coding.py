"""Films through encoders as a person and YouTube use them, one after the other, and what ``stills`` makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.engine.stage import Context, Done, Item
from yt360.media import ffmpeg
from yt360.media.picture import VideoDecodeSpec
from yt360.media.reading_picture import read_frames
from yt360.stages.stills import Stills

_H264 = ("-c:v", "libx264", "-preset", "veryfast")
_EDITED = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20")
_VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "7", "-row-mt", "0")
_AV1 = ("-c:v", "libsvtav1", "-preset", "11", "-svtav1-params", "lp=1")

CODINGS: dict[str, tuple[tuple[str, ...], ...]] = {
    "h264": (("-c:v", "libx264", "-preset", "veryfast", "-crf", "23"),),
    "h264 low": (("-c:v", "libx264", "-preset", "veryfast", "-crf", "34"),),
    "h264 twice": (_EDITED, (*_H264, "-b:v", "220k", "-maxrate", "330k", "-bufsize", "440k")),
    "vp9": ((*_VP9, "-b:v", "0", "-crf", "40", "-g", "40"),),
    "vp9 low": (_EDITED, (*_VP9, "-b:v", "160k", "-g", "40")),
    "av1": (_EDITED, (*_AV1, "-crf", "45", "-g", "40")),
    "av1 low": (_EDITED, (*_AV1, "-crf", "58", "-g", "40")),
}  # fmt: skip
"""What is done to a film: encoders, in order, whose results are decoded again for the next."""


def write(path: Path, frames: Iterable[NDArray[Any]], fps: float, coding: str) -> tuple[int, int, float]:
    """Encode RGB frames ``(h, w, 3)`` of 0..255 by one of :data:`CODINGS`; (height, width, seconds)."""
    return encode(path, frames, fps, CODINGS[coding])


def encode(
    path: Path, frames: Iterable[NDArray[Any]], fps: float, passes: Sequence[Sequence[str]]
) -> tuple[int, int, float]:
    """The same by encoders given as words of ffmpeg, in order."""
    pictures = [np.clip(frame + np.float32(0.5), 0, 255).astype(np.uint8) for frame in frames]
    height, width = pictures[0].shape[:2]
    first = path.with_name(f"first-{path.stem}.mkv")
    shape = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{fps:g}", "-i", "pipe:0"]
    common = ["-pix_fmt", "yuv420p", "-threads", "1", "-y"]
    stdin = b"".join(picture.tobytes() for picture in pictures)
    out = path if len(passes) == 1 else first
    ffmpeg.run([*shape, *passes[0], *common, str(out)], timeout_s=600, stdin=stdin)
    for words in passes[1:]:
        ffmpeg.run(["-i", str(first), *words, *common, str(path)], timeout_s=600)
    first.unlink(missing_ok=True)
    return height, width, len(pictures) / fps


def seen(path: Path, height: int, width: int, seconds: float) -> Iterator[NDArray[np.uint8]]:
    """Gray frames ``(h, w)`` as the stage ``stills`` reads them."""
    params = Stills().params
    picture = VideoDecodeSpec(height=height, width=width, projection="equirectangular")
    size = {"height": params.height, "width": params.width, "fps": params.rate_hz}
    yield from read_frames(path, picture, **size, start_s=0.0, duration_s=seconds, gray=True)


def measures(path: Path, height: int, width: int, seconds: float) -> dict[str, Any]:
    """What the stage ``stills`` measures of a file."""
    facts = {
        "picture_reading": {"height": height, "width": width, "projection": "equirectangular"},
        "start_s": 0.0,
        "end_s": seconds,
    }
    told = path.with_suffix(".json")
    told.write_text(json.dumps(facts))
    item = Item("v", "v", files={"video": path, "facts": told})
    outcome = Stills().process(item, Context(path.parent, path.parent))
    assert isinstance(outcome, Done)
    return dict(outcome.measures)
