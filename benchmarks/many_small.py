"""What processes and files cost where there are many short clips, as a share of the work of the real stages.

    python -m benchmarks.many_small [--clips 24] [--out DIR] [--json]

Clips of ten seconds of ``../shared`` and moving views of them, each another one, go from crawl to shards in one
process, first half of them and then all: what one clip more costs in CPU time is the work, and in a run over 10,000
clips nothing else counts. Of it, overhead is what starting ffmpeg costs, as often as it was started, and what the
engine spends on plans, records, digests and files.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import floor
from benchmarks.worlds import machine
from yt360.media import ffmpeg

_CLIP_S, _WIDTH = 10, 1280
_CODING = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-g", "60")


def make(folder: Path, count: int) -> list[Path]:
    """``count`` clips that no two of are duplicates; those that are there already are not made again."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = sorted((floor.REAL / "media").glob("*.webm")) + sorted((floor.REAL / "real" / "video360").glob("*.webm"))
    made = []
    for number in range(count):
        source, turn = sources[number % len(sources)], number // len(sources)
        path = folder / f"clip{number:04d}.mkv"
        made.append(path)
        if path.exists():
            continue
        # Other speeds and tones: what is seen and heard is not that of another clip.
        speed = 1 + 0.17 * turn
        picture = f"setpts=PTS*{speed:g},scale={_WIDTH}:{_WIDTH // 2},hue=h={60 * turn},fps=30,format=yuv420p"
        unfinished, sound = path.with_suffix(".part.mkv"), path.with_suffix(".f32")
        heard = ["-i", str(source), "-vn", "-af", f"asetrate={48000 / speed:g},aresample=48000", "-t", str(_CLIP_S)]
        ffmpeg.run([*heard, "-f", "f32le", "-y", str(sound)], timeout_s=600)
        field = ["-f", "f32le", "-ar", "48000", "-ch_layout", "ambisonic 1", "-i", str(sound)]
        opus = ["-map", "0:v", "-map", "1:a", "-c:a", "libopus", "-mapping_family", "2", "-b:a", "384k"]
        coded = ["-vf", picture, *_CODING, *opus, "-t", str(_CLIP_S), "-y", str(unfinished)]
        ffmpeg.run(["-i", str(source), *field, *coded], timeout_s=600)
        sound.unlink()
        unfinished.rename(path)
    return made


@contextmanager
def counted() -> Iterator[list[int]]:
    """How many processes this one starts."""
    starts, start = [0], subprocess.Popen.__init__

    def counting(self: Any, *arguments: Any, **named: Any) -> None:
        starts[0] += 1
        start(self, *arguments, **named)

    subprocess.Popen.__init__ = counting  # type: ignore[method-assign]
    try:
        yield starts
    finally:
        subprocess.Popen.__init__ = start  # type: ignore[method-assign]


def start_cpu_s() -> float:
    """CPU seconds of an ffmpeg that makes one tiny frame: the median of nine."""
    nothing = ["-f", "lavfi", "-i", "color=size=16x16:duration=0.04", "-f", "null", "-"]
    spent = []
    for _ in range(9):
        before = floor.cpu_s()
        ffmpeg.run(nothing, timeout_s=60)
        spent.append(floor.cpu_s() - before)
    return statistics.median(spent)


def measure(files: list[Path], scratch: Path) -> dict[str, float]:
    """CPU seconds of the stages and of the engine over some files, and processes started."""
    media = scratch / f"media-{len(files)}"
    media.mkdir()
    for path in files:
        (media / path.name).hardlink_to(path)
    with counted() as starts:
        spent = floor.profile(media, scratch / f"root-{len(files)}")
    engine_s = spent.pop("plans and records")
    return {"stages": sum(spent.values()), "engine": engine_s, "starts": float(starts[0])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--out", type=Path, default=Path("benchmark-data/many-small"))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    files = make(arguments.out.absolute() / "clips", arguments.clips)
    with tempfile.TemporaryDirectory(dir=arguments.out) as name:
        scratch, half = Path(name), len(files) // 2
        measure(files[:1], scratch)  # imports and models are loaded once in a run of 10,000
        few, all_of_them = measure(files[:half], scratch), measure(files, scratch)
    each = {what: (all_of_them[what] - few[what]) / (len(files) - half) for what in few}
    start_s = start_cpu_s()
    overhead_s = each["starts"] * start_s + each["engine"]
    found = {
        "clips": len(files),
        "work a clip, CPU s": round(each["stages"] + each["engine"], 3),
        "processes a clip": round(each["starts"], 1),
        "start of a process, CPU s": round(start_s, 4),
        "engine a clip, CPU s": round(each["engine"], 4),
        "share of overhead": round(overhead_s / (each["stages"] + each["engine"] - overhead_s), 4),
    }
    print(json.dumps({"machine": machine(), **found}) if arguments.json else machine())
    if not arguments.json:
        for what, value in found.items():
            print(f"{what:<26} {value}")


if __name__ == "__main__":
    main()
