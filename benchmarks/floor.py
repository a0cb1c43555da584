"""CPU of the pipeline from crawl to shards (no maps) over that of one ffmpeg pass, and of each stage.

    python -m benchmarks.floor [--sources NAME ...] [--files 2] [--rounds 5] [--against ac3c3dc] [--profile] [--json]

The floor is one ffmpeg pass that decodes a file, scales it to the clips' size and rate, encodes H.264 as ``chunk``
does and writes its sound as FLAC. Floor, this build and an earlier one take turns over the same files; user and system
time of all processes counts, one worker and one thread each, starting up included. The files are real clips of
``../shared``, enlarged and encoded anew, and repeated without coding them again; they are kept in ``--out``.
``--profile`` also says what each stage costs, importing apart.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.loader_pairs import CHECKOUT, checked_out
from benchmarks.worlds import machine
from yt360.engine import pipeline, recipe
from yt360.engine.executors.base import Finished, Task
from yt360.engine.stage import Resources
from yt360.engine.stage_run import attempt
from yt360.engine.storage import Root
from yt360.media import ffmpeg
from yt360.media.clips import REPEATABLE_X264
from yt360.publishing.manifests import publish
from yt360.stages import REGISTRY
from yt360.stages.chunk_settings import ChunkParams

REAL = CHECKOUT / "../shared"
CLIPS = (
    "real/video360/omni_gt_f2kvR5I8s3c_20.webm",
    "media/0FB9jMXMP8A_19.webm",
    "real/video360/omni_gt_QO-pWw4_z8Y_120.webm",
)
RECIPE_IN_CHECKOUT = Path("pipelines", "yt360.yaml")

SOUND = ("-c:a", "libopus", "-mapping_family", "2", "-b:a", "384k")


@dataclass(frozen=True)
class Source:
    """A kind of file: size of the picture, how it is coded, how long it is, and how long the part that is coded."""

    width: int
    coding: tuple[str, ...]
    seconds: int
    part_s: int


SOURCES = {
    "h264-2560": Source(2560, ("-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-g", "150"), 120, 10),
    "hevc-3840": Source(3840, ("-c:v", "libx265", "-preset", "superfast", "-crf", "26", "-x265-params",
                               "keyint=150:log-level=error"), 60, 2),
    "vp9-5760": Source(5760, ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "36", "-b:v",
                              "0", "-g", "150"), 60, 2),
    "av1-3840": Source(3840, ("-c:v", "libsvtav1", "-preset", "12", "-crf", "38", "-g", "150"), 60, 2),
}  # fmt: skip


class _Inline:
    """Runs tasks one after the other in this process and adds up their CPU seconds by stage."""

    def __init__(self) -> None:
        self.spent_s: dict[str, float] = {}
        self.stopping = False
        self._state: dict[str, Any] = {}

    def run(
        self, next_task: Callable[[], Task | None], needs: Resources, backlog: Callable[[], int]
    ) -> Iterator[Finished]:
        while (task := next_task()) is not None:
            began = cpu_s()
            value = attempt(self._state, task.argument)
            name = value.record.stage
            self.spent_s[name] = self.spent_s.get(name, 0.0) + cpu_s() - began
            yield Finished(task, "ok", value)

    def stop(self) -> None:
        self.stopping = True

    def kill(self) -> None:
        self.stopping = True

    def __enter__(self) -> _Inline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._state["stages"].close()


def cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def make(folder: Path, name: str, count: int) -> list[Path]:
    """``count`` files of a kind in ``folder``; those that are there already are not made again."""
    kind = SOURCES[name]
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for clip in CLIPS[:count]:
        path = folder / f"{Path(clip).stem}.mkv"
        made.append(path)
        if path.exists():
            continue
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            part, listed, sound, whole = (Path(scratch, file) for file in ("part.mkv", "parts", "sound", path.name))
            shape = f"scale={kind.width}:{kind.width // 2},fps=30,format=yuv420p"
            coding = ["-an", "-vf", shape, *kind.coding, "-t", str(kind.part_s), "-y", str(part)]
            ffmpeg.run(["-i", str(REAL / clip), *coding], timeout_s=3600)
            heard = ["-stream_loop", "-1", "-i", str(REAL / clip), "-vn", "-ar", "48000", "-t", str(kind.seconds)]
            ffmpeg.run([*heard, "-f", "f32le", str(sound)], timeout_s=3600)
            listed.write_text(f"file '{part.name}'\n" * (kind.seconds // kind.part_s))
            seen = ["-f", "concat", "-safe", "0", "-i", str(listed)]
            field = ["-f", "f32le", "-ar", "48000", "-ch_layout", "ambisonic 1", "-i", str(sound)]
            both = ["-map", "0:v", "-map", "1:a", "-c:v", "copy", *SOUND]
            ffmpeg.run([*seen, *field, *both, "-y", str(whole)], timeout_s=3600)
            whole.rename(path)
    return made


def one_pass(path: Path, out: Path) -> float:
    """CPU seconds of the floor."""
    params = ChunkParams()
    gop, size = params.gop, f"{params.width}:{params.height}"
    x264 = f"keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:bframes=0:{REPEATABLE_X264}"
    picture = [
        *("-map", "0:v:0", "-vf", f"fps={params.fps},scale={size}:flags=area,format=yuv420p", "-c:v", "libx264"),
        *("-preset", params.preset, "-crf", f"{params.crf:g}", "-tune", "fastdecode", "-x264-params", x264),
        str(out / "v.mp4"),
    ]
    sound = ["-map", "0:a:0", "-ar", str(params.sample_rate_hz), "-c:a", "flac", "-sample_fmt", "s32"]
    quiet = [ffmpeg.executable(), "-hide_banner", "-nostdin", "-v", "error", "-threads", "1", "-filter_threads", "1"]
    return command_cpu_s([*quiet, "-i", str(path), *picture, *sound, str(out / "a.flac")])


def command_cpu_s(command: list[str], checkout: Path = CHECKOUT) -> float:
    """CPU seconds of a command and of all that it waited for. Raises where it fails."""
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(checkout)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env={**os.environ, **threads}, cwd=checkout, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def whole_run(checkout: Path, media: Path, root: Path) -> float:
    """CPU seconds of ``yt360 run`` by a checkout, with one worker."""
    run = [sys.executable, "-m", "yt360", "run", str(checkout / RECIPE_IN_CHECKOUT), "--root", str(root)]
    return command_cpu_s([*run, "--set", f"crawl.source={media}", "--workers", "1"], checkout)


def clips_of(root: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.ParquetFile(root / "manifests" / "clips.parquet").metadata.num_rows)


def profile(media: Path, root: Path) -> dict[str, float]:
    """CPU seconds of each stage over all files, in this process once everything is imported (by a short clip)."""
    _inline(REAL / CLIPS[0], Path(f"{root}-warm"))
    return _inline(media, root)


def _inline(source: Path, root: Path) -> dict[str, float]:
    engine = _Inline()
    settings = [f"crawl.source={source}"]
    made = recipe.load(CHECKOUT / RECIPE_IN_CHECKOUT, REGISTRY, settings)
    began = cpu_s()
    pipeline.run(made, Root(str(root)), pipeline.Options(workers=1, quiet=True), engine=engine, publish=publish)
    rest = cpu_s() - began - sum(engine.spent_s.values())
    return {**engine.spent_s, "plans and records": rest}


def measure(name: str, media: Path, files: list[Path], rounds: int, old: Path | None, scratch: Path) -> dict[str, Any]:
    """Floor, this build and an earlier one in turn."""
    found: dict[str, list[float]] = {"floor": [], "now": [], "before": []}
    for number in range(rounds):
        out = scratch / f"{name}-{number}"
        total = 0.0
        for path in files:
            folder = out / path.stem
            folder.mkdir(parents=True)
            total += one_pass(path, folder)
        found["floor"].append(total)
        found["now"].append(whole_run(CHECKOUT, media, out / "now"))
        if old is not None:
            found["before"].append(whole_run(old, media, out / "before"))
    ratios = [now / floor for now, floor in zip(found["now"], found["floor"], strict=True)]
    before = [was / floor for was, floor in zip(found["before"], found["floor"], strict=False)]
    clips = {build: clips_of(scratch / f"{name}-0" / build) for build in ("now", "before") if found[build]}
    return {"source": name, "cpu_s": found, "ratios": ratios, "ratios_before": before, "clips": clips}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", nargs="+", default=list(SOURCES), choices=list(SOURCES))
    parser.add_argument("--files", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", default="ac3c3dc", help="an earlier commit; '' for none")
    parser.add_argument("--out", type=Path, default=Path("benchmark-data/floor"))
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir=_made(arguments.out)) as scratch:
        for name in arguments.sources:
            media = (arguments.out / name).absolute()
            files = make(media, name, arguments.files)
            row: dict[str, Any] = {"source": name}
            if arguments.rounds and arguments.against:
                with checked_out(arguments.against) as old:
                    row = measure(name, media, files, arguments.rounds, old, Path(scratch))
            elif arguments.rounds:
                row = measure(name, media, files, arguments.rounds, None, Path(scratch))
            if arguments.profile:
                row["stages_cpu_s"] = profile(media, Path(scratch) / f"{name}-profile")
            rows.append(row)
            if not arguments.json:
                _print(row)
    if arguments.json:
        print(json.dumps({"machine": machine(), "rounds": arguments.rounds, "rows": rows}))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _print(row: dict[str, Any]) -> None:
    for build, ratios in (("this build", row.get("ratios")), ("before", row.get("ratios_before"))):
        if ratios:
            spread = f"({min(ratios):.2f} to {max(ratios):.2f})"
            print(f"x {statistics.median(ratios):.2f} {spread} the floor  {row['source']}: {build}", flush=True)
    for stage, seconds in row.get("stages_cpu_s", {}).items():
        print(f"{seconds:8.2f} CPU s  {row['source']}: {stage}", flush=True)


if __name__ == "__main__":
    main()
