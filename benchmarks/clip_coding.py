"""What x264's parameters that make bytes repeat cost: bytes at equal quality, over real recordings.

``python -m benchmarks.clip_coding --media DIR`` writes the first seconds of each recording of DIR by the clips' writer:
with x264 as it comes, as clips are written, and without its macroblock tree, at three qualities each. It prints by how
much the bytes differ at equal PSNR and equal SSIM of luma (Bjøntegaard), and the quality at the default CRF.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from benchmarks.worlds import machine
from yt360.media import clips
from yt360.media.ffmpeg import executable
from yt360.stages.chunk_settings import ChunkParams

WIDTH, HEIGHT, FPS = 448, 224, 16
PARAMETERS = {
    "x264 as it comes": "threads=1",
    "clips": clips.REPEATABLE_X264,
    "no macroblock tree": "threads=1:mbtree=0",
}
STEPS = (-3.0, 0.0, 3.0)
"""Around the default CRF."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True, help="folder of recordings, as ../shared/media")
    parser.add_argument("--seconds", type=float, default=3.0)
    arguments = parser.parse_args()
    print(machine())
    usual = ChunkParams()
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in PARAMETERS}
    recordings = sorted(arguments.media.glob("*_*.webm"))
    for recording in recordings:
        frames = read(recording, arguments.seconds)
        for name, parameters in PARAMETERS.items():
            clips.REPEATABLE_X264 = parameters
            # Without the tree a CRF means more bytes: two steps further the sizes overlap.
            shift = 2.0 if "mbtree=0" in parameters else 0.0
            rows = [measure(frames, usual.crf + shift + step, usual.preset) for step in STEPS]
            found[name].append(np.array(rows))
    print(
        "| x264 | bytes at equal PSNR | bytes at equal SSIM | worst recording | at its middle CRF: kB, PSNR dB, SSIM |"
    )
    print("|---|---|---|---|---|")
    base = found["x264 as it comes"]
    for name, tables in found.items():
        changes = np.array([[bytes_changed(a, b, k) for k in (1, 2)] for a, b in zip(base, tables, strict=True)])
        middle = np.mean([table[1] for table in tables], axis=0)
        words = (
            f"{100 * changes[:, 0].mean():+.2f} % | {100 * changes[:, 1].mean():+.2f} % | {100 * changes.max():+.2f} %"
        )
        quality = f"{np.exp(middle[0]) / 1000:.1f}, {middle[1]:.2f}, {1 - 10 ** (-middle[2] / 10):.4f}"
        print(f"| {name} | {words} | {quality} |")
    print(f"{len(recordings)} recordings of {arguments.seconds:g} s")
    return 0


def read(path: Path, seconds: float) -> NDArray[np.uint8]:
    """Frames ``(n, 224, 448, 3)`` RGB."""
    command = [executable(), "-v", "error", "-i", str(path), "-t", f"{seconds:g}", "-vf"]
    command += [f"fps={FPS},scale={WIDTH}:{HEIGHT}:flags=area", "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)


def measure(frames: NDArray[np.uint8], crf: float, preset: str) -> tuple[float, float, float]:
    """Logarithm of the bytes, PSNR in dB, and SSIM as ``-10 log10(1 - SSIM)``, of luma as it is coded."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with clips.ClipVideoWriter(path, WIDTH, HEIGHT, FPS, gop=ChunkParams().gop, crf=crf, preset=preset) as out:
            for frame in frames:
                out.write(frame)
        errors, alike = [], []
        with av.open(str(path)) as container:
            for frame, shown in zip(frames, container.decode(video=0), strict=True):
                wanted = VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="yuv420p").to_ndarray()[:HEIGHT]
                got = shown.to_ndarray()[:HEIGHT]
                errors.append(np.mean((wanted.astype(np.float64) - got) ** 2))
                alike.append(ssim(wanted, got))
        size = path.stat().st_size
    return (
        float(np.log(size)),
        float(10 * np.log10(255**2 / np.mean(errors))),
        float(-10 * np.log10(1 - np.mean(alike))),
    )


def ssim(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Mean structural similarity of two pictures (Wang et al. 2004: Gaussian of 1.5 pixels)."""

    def smooth(picture: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(picture, (11, 11), 1.5), np.float32)

    a, b = one.astype(np.float32), other.astype(np.float32)
    mean_a, mean_b = smooth(a), smooth(b)
    var_a, var_b, both = smooth(a * a) - mean_a**2, smooth(b * b) - mean_b**2, smooth(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top, bottom = (2 * mean_a * mean_b + c1) * (2 * both + c2), (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return float((top / bottom).mean())


def bytes_changed(before: NDArray[np.float64], after: NDArray[np.float64], quality: int) -> float:
    """Mean relative change of the bytes at equal quality (a column), where both were measured (Bjøntegaard 2001)."""
    curves = [np.polyfit(table[:, quality], table[:, 0], 2) for table in (before, after)]
    low = max(table[:, quality].min() for table in (before, after))
    high = min(table[:, quality].max() for table in (before, after))
    at = np.linspace(low, high, 50)
    return float(np.exp(np.mean(np.polyval(curves[1], at) - np.polyval(curves[0], at))) - 1)


if __name__ == "__main__":
    sys.exit(main())
