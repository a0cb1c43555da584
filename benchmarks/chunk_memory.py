"""The most memory that ``chunk`` takes of a long 4K file.

    python -m benchmarks.chunk_memory [--minutes 60] [--clips 3] [--out DIR] [--json]

A real clip of ``../shared`` enlarged to 3840x1920 and encoded once; its packets are repeated without coding them again.
Sound is read to its end; of the clips the first ``--clips`` are cut: picture is held for a few seconds only, wherever
it lies. Resident memory of the process that runs the stage, without and with the ffmpeg that it reads from.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import floor
from benchmarks.loader_pairs import CHECKOUT
from benchmarks.worlds import machine
from yt360.media import ffmpeg

_PART_S = 4
_PICTURE = ("-vf", "scale=3840:1920,fps=30,format=yuv420p", "-c:v", "libx264", "-preset", "superfast", "-bf", "0",
            "-crf", "40", "-g", "60")  # fmt: skip
"""Made soon, and small, for it is repeated for an hour; what decoding holds depends on the size of the picture."""


def make(folder: Path, minutes: int) -> Path:
    """The file; one that is there already is not made again."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{minutes}-minutes.mkv"
    if path.exists():
        return path
    with tempfile.TemporaryDirectory(dir=folder) as name:
        part, whole = Path(name, "part.mkv"), Path(name, path.name)
        coded = [*_PICTURE, *floor.SOUND, "-t", str(_PART_S), "-y", str(part)]
        ffmpeg.run(["-i", str(floor.REAL / floor.CLIPS[0]), *coded], timeout_s=600)
        loops = ["-stream_loop", str(60 * minutes // _PART_S - 1)]
        ffmpeg.run([*loops, "-i", str(part), "-c", "copy", "-y", str(whole)], timeout_s=600)
        whole.rename(path)
    return path


def facts_of(path: Path, folder: Path) -> Path:
    """What ``validate`` finds, made in this process: it is not measured."""
    from yt360.engine.stage import Context, Done, Item
    from yt360.stages.validate import Validate

    found = Validate().process(Item("v", "v", files={"video": path}), Context(folder, folder))
    assert isinstance(found, Done), found
    return folder / found.outputs["facts"]


def probe(path: Path, facts: Path, clips: int) -> None:
    """Run the stage on a file in this process."""
    from yt360.engine.stage import Context, Done, Item
    from yt360.stages.chunk import Chunk
    from yt360.stages.chunk_settings import ChunkParams

    item = Item("v", "v", files={"video": path, "facts": facts})
    outcome = Chunk(ChunkParams(max_clips=clips)).process(item, Context(facts.parent, facts.parent))
    assert isinstance(outcome, Done), outcome
    assert len(outcome.children) == clips


def most_mb(command: list[str]) -> dict[str, int]:
    """Most memory of a process, and of it with its children at one moment, looked at ten times a second."""
    process = subprocess.Popen(command, cwd=CHECKOUT)
    alone = together = 0
    while process.poll() is None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        pids = [process.pid, *map(int, children.read_text().split())] if children.exists() else []
        held = [_resident(pid) for pid in pids]
        alone, together = max([alone, *held[:1]]), max(together, sum(held))
        time.sleep(0.1)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return {"worker": alone >> 20, "worker and ffmpeg": together >> 20}


def _resident(pid: int) -> int:
    """Bytes; 0 for a process that has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--clips", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("benchmark-data/chunk-memory"))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--probe", type=Path, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.probe:
        path, facts = arguments.probe
        probe(path, facts, arguments.clips)
        return
    path = make(arguments.out.absolute(), arguments.minutes)
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        given = ["--probe", str(path), str(facts_of(path, Path(name))), "--clips", str(arguments.clips)]
        found = {
            "minutes": arguments.minutes,
            "MB": most_mb([sys.executable, "-m", "benchmarks.chunk_memory", *given]),
        }
    if arguments.json:
        print(json.dumps({"machine": machine(), **found}))
        return
    print(f"{machine()}; {path.stat().st_size >> 20} MB of file, {arguments.minutes} minutes of 3840x1920")
    for who, megabytes in found["MB"].items():
        print(f"{megabytes:6d} MB  {who}")


if __name__ == "__main__":
    main()
