"""Frames of every layout from whole spheres, by ffmpeg's ``v360`` filter alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360.media import ffmpeg

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class LayoutKind:
    """``v360`` options of one eye, its size (height, width), how two eyes lie, and what the answer is.

    ``projection`` and ``stereo`` are what the package calls it; ``usable`` says whether a full sphere is in it.
    """

    filter: str
    size: tuple[int, int]
    projection: str
    stereo: str = "mono"
    usable: bool = True


LAYOUTS = {
    "equirectangular": LayoutKind("e", (360, 720), "equirectangular"),
    "equirectangular, 240 lines": LayoutKind("e", (240, 480), "equirectangular"),
    "equirectangular, 16:9": LayoutKind("e", (360, 640), "equirectangular"),
    "equirectangular, top-bottom": LayoutKind("e", (270, 540), "equirectangular", "top-bottom"),
    "equirectangular, left-right": LayoutKind("e", (360, 480), "equirectangular", "left-right"),
    "EAC": LayoutKind("eac", (360, 540), "eac"),
    "cubemap 3x2": LayoutKind("c3x2", (360, 540), "cubemap"),
    "cubemap 6x1": LayoutKind("c6x1", (160, 960), "cubemap"),
    "VR180": LayoutKind("hequirect", (360, 360), "half_equirectangular", "left-right", usable=False),
    "dual fisheye": LayoutKind("dfisheye:h_fov=195:v_fov=195", (360, 720), "fisheye", usable=False),
    "flat": LayoutKind("flat:h_fov=90:v_fov=58.7", (360, 640), "flat", usable=False),
}
"""Layouts by name; stereo sizes are of one eye."""


def lay_out(eyes: list[Frames], kind: LayoutKind, *, cbmp: bool = False) -> Frames:
    """Frames ``(n, h, w, 3)`` of a layout from one or two eyes; ``cbmp`` turns up and down as that box has them."""
    option = kind.filter + (":out_frot=002200" if cbmp else "")
    drawn = [_v360(eye, option, *kind.size) for eye in eyes]
    if kind.projection == "fisheye":
        drawn = [_in_circles(frames) for frames in drawn]
    if kind.stereo == "mono":
        return drawn[0]
    return np.concatenate([drawn[0], drawn[-1]], axis=1 if kind.stereo == "top-bottom" else 2)


def _v360(frames: Frames, option: str, height: int, width: int) -> Frames:
    if option == "e":
        return np.stack([resized(frame, height, width) for frame in frames])
    size = f"{frames.shape[2]}x{frames.shape[1]}"
    arguments = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-i", "pipe:0", "-vf"]
    arguments += [f"v360=e:{option}:w={width}:h={height}:interp=cubic", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    done = ffmpeg.run(arguments, timeout_s=60, stdin=np.ascontiguousarray(frames).tobytes())
    return np.frombuffer(done.stdout, np.uint8).reshape(len(frames), height, width, 3)


def _in_circles(frames: Frames) -> Frames:
    """Black where no lens sees: ``v360`` fills the corners of a dual fisheye."""
    height, width = frames.shape[1:3]
    row, column = np.mgrid[0:height, 0:width] + 0.5
    away = np.hypot(2 * row / height - 1, 4 * column / width % 2 - 1)
    return np.where((away < 1)[..., None], frames, 0).astype(np.uint8)


def resized(frame: Frames, height: int, width: int) -> Any:
    """A frame at another size."""
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
