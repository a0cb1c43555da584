"""Is a dataset the same bytes however it is made: memory, load, workers, clock's zone, hash seed, processor.

``python -m benchmarks.same_bytes --media DIR --runs 100``: the demo's recipe over pieces of real recordings, again and
again, each run in surroundings of its own: what fresh memory holds (glibc's ``MALLOC_PERTURB_``), 1 to 3 workers, zone,
hash seed, language, threads asked for, and in every third run a process that keeps a core and memory busy. The table
says how many files of each kind there are and how many digests they have over all runs: one, or something is wrong
(exit code 1).

``--processors`` makes the same once for each level of instructions that can be masked in ffmpeg, OpenCV, torch, NumPy,
OpenBLAS, Arrow and glibc, and says which kinds of files differ from those of the whole processor. They may.
Panoptic maps are made in one run of ``--maps-every``: what imports torch takes most of a run's time.
Ctrl-C ends it after the run in hand, with the table of what was done.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.worlds import machine
from yt360.media.ffmpeg import executable

CHECKOUT = Path(__file__).parents[1]
RECIPE = CHECKOUT / "pipelines" / "demo.yaml"

CLIPS = ("V_To4k9AJXc_20.webm", "kqAZkf5Odyw_80.mp4", "kqAZkf5Odyw_80.f327.m4a")
"""Of the folder of recordings: Vorbis in WebM, and H.264 with AAC in two files."""

_ZONES = ("UTC", "Asia/Kathmandu", "America/Caracas", "Pacific/Kiritimati")
_LANGUAGES = ("C.UTF-8", "C", "tr_TR.UTF-8")

_NO_MAPS = "without maps: "

_BUSY = "import numpy as np\nwhile True: np.random.default_rng().bytes(1 << 24)"

LEVELS: dict[str, dict[str, str]] = {
    "ffmpeg: no SIMD": {"YT360_FFMPEG": "-cpuflags 0"},
    "ffmpeg: up to AVX2": {"YT360_FFMPEG": "-cpuflags mmx+mmxext+sse+sse2+sse3+ssse3+sse4.1+sse4.2+avx+avx2+fma3"},
    "OpenCV: SSE3 only": {
        "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX512-ICL,AVX512F,AVX2,FMA3,AVX,FP16,SSE4.1,SSE4.2,POPCNT"
    },
    "torch: no AVX": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "COMPATIBLE"},
    "torch: AVX2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "AVX2"},
    "NumPy: base only": {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"},
    "OpenBLAS: Nehalem": {"OPENBLAS_CORETYPE": "Nehalem"},
    "Arrow: none": {"ARROW_USER_SIMD_LEVEL": "NONE"},
    "glibc: no AVX2, no FMA": {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX2_Usable,-FMA_Usable,-AVX512F"},
}
"""Name -> variables; of ffmpeg, the words that a program put in its place adds."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True, help="folder of recordings, as ../shared/media")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--maps-every", type=int, default=4, help="in each of so many runs one has panoptic maps")
    parser.add_argument("--seconds", type=float, default=4.0, help="how much of each recording")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processors", action="store_true", help="levels of instructions instead of many runs")
    arguments = parser.parse_args()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="same-bytes-") as folder:
        work = Path(folder)
        _cut(arguments.media, work / "media", arguments.seconds)
        if arguments.processors:
            return _levels(work)
        return _runs(work, arguments.runs, arguments.maps_every, random.Random(arguments.seed))


def _runs(work: Path, runs: int, maps_every: int, rng: random.Random) -> int:
    stopped: list[int] = []
    signal.signal(signal.SIGINT, lambda *_: stopped.append(1))
    with_maps = [number % maps_every == 0 for number in range(runs)]
    seen: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    started = time.monotonic()
    for number in range(runs):
        around, workers = _surroundings(number, rng)
        with _load(number % 3 == 2):
            found = make(work, workers, around, maps=with_maps[number])
        for name, digest in found.items():
            seen[name][digest] += 1
        several = sum(len(digests) > 1 for digests in seen.values())
        words = " ".join(f"{name}={value}" for name, value in around.items())
        print(
            f"run {number + 1}: {len(found)} files, {several} not always the same; {workers} workers {words}",
            flush=True,
        )
        if stopped:
            runs, with_maps = number + 1, with_maps[: number + 1]
            break
    print(f"\n{runs} runs, {time.monotonic() - started:.0f} s\n")
    return _table(seen, {runs, sum(with_maps), runs - sum(with_maps)})


def _table(seen: Mapping[str, collections.Counter[str]], expected: set[int]) -> int:
    """Print files and digests by kind; 1 where a file is not always the same, or not there as often as expected."""
    table: dict[str, list[collections.Counter[str]]] = collections.defaultdict(list)
    for name, digests in seen.items():
        table[_kind(name)].append(digests)
    print("| kind | files | runs | most digests of a file | digest of all |\n|---|---|---|---|---|")
    wrong = 0
    for kind, each in sorted(table.items()):
        most, least = max(len(digests) for digests in each), min(digests.total() for digests in each)
        wrong += most > 1 or any(digests.total() not in expected for digests in each)
        usual = "".join(sorted(digests.most_common(1)[0][0] for digests in each))
        print(f"| {kind} | {len(each)} | {least} | {most} | {hashlib.sha256(usual.encode()).hexdigest()[:12]} |")
    return 1 if wrong else 0


def _levels(work: Path) -> int:
    usual = make(work, 1, {}, maps=True)
    kinds = sorted({_kind(name) for name in usual})
    print("| masked | the same | different |\n|---|---|---|")
    for level, variables in LEVELS.items():
        around = dict(variables)
        if "YT360_FFMPEG" in around:
            around["YT360_FFMPEG"] = str(_wrapped(work / "ffmpeg", around["YT360_FFMPEG"]))
        found = make(work, 1, around, maps=True)
        different = {_kind(name) for name in usual.keys() | found.keys() if usual.get(name) != found.get(name)}
        print(
            f"| {level} | {', '.join(k for k in kinds if k not in different)} | {', '.join(sorted(different))} |",
            flush=True,
        )
    return 0


def make(work: Path, workers: int, around: Mapping[str, str], *, maps: bool) -> dict[str, str]:
    """Digests of all files that a run of the pipeline leaves behind: path below the root -> SHA-256."""
    root = work / "root"
    shutil.rmtree(root, ignore_errors=True)
    settings = {"crawl.source": work / "media", "chunk.clip_s": 2, "chunk.min_clip_s": 2, "segment.rate_hz": 1}
    settings |= {"chunk.max_clips": 1, "segment.model": "world-fpn" if maps else "none"}
    settings["validate.least_duration_s"] = 2
    command = [sys.executable, CHECKOUT / "cli.py", "run", RECIPE, "--root", root, "--workers", str(workers)]
    command += [
        "--min-free-gb",
        "0",
        *(word for name, value in settings.items() for word in ("--set", f"{name}={value}")),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))} | dict(
        around
    )
    # In a session of its own, which Ctrl-C does not reach.
    done = subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True, start_new_session=True
    )
    if done.returncode:
        raise SystemExit(f"the pipeline failed: {' '.join(map(str, command))}\n{done.stderr[-2000:]}")
    folders = (root / "data", root / "shards", root / "manifests")
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    found = {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    # Shards and manifests of a root without maps are others.
    return {_named(name, maps): digest for name, digest in found.items()}


def _named(name: str, maps: bool) -> str:
    return name if maps or name.startswith("data/") else f"{_NO_MAPS}{name}"


def _surroundings(number: int, rng: random.Random) -> tuple[dict[str, str], int]:
    """Variables and workers of a run. The first has memory as it comes, the next two what once led x264 astray."""
    filling = {0: "", 1: "1", 2: "2"}.get(number, str(rng.randrange(1, 256)))
    around = {
        "TZ": rng.choice(_ZONES),
        "PYTHONHASHSEED": str(rng.randrange(1 << 32)),
        "LC_ALL": rng.choice(_LANGUAGES),
        "OMP_NUM_THREADS": str(rng.randrange(1, 5)),
    }
    return around | ({"MALLOC_PERTURB_": filling} if filling else {}), rng.randrange(1, 4)


@contextmanager
def _load(wanted: bool) -> Iterator[None]:
    """A process beside the run that keeps a core and memory busy."""
    busy = subprocess.Popen([sys.executable, "-c", _BUSY]) if wanted else None
    try:
        yield
    finally:
        if busy:
            busy.kill()
            busy.wait()


def _cut(media: Path, target: Path, seconds: float) -> None:
    target.mkdir()
    for name in CLIPS:
        command = [executable(), "-v", "error", "-i", media / name, "-t", f"{seconds:g}", "-c", "copy", target / name]
        subprocess.run(list(map(str, command)), check=True)


def _wrapped(path: Path, words: str) -> Path:
    """A program that is ffmpeg with options before all others."""
    path.write_text(f'#!/bin/sh\nexec "{executable()}" {words} "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def _kind(name: str) -> str:
    """``chunk *.video.mp4`` of ``data/chunk/ID/ID-00000.video.mp4``; tables and the index by their names."""
    folder, _, file = name.removeprefix("data/").rpartition("/")
    stage = folder.partition("/")[0]
    ending = "".join(Path(file).suffixes)
    return f"{stage} {'*' + ending if name.startswith('data/') or ending == '.tar' else file}"


if __name__ == "__main__":
    sys.exit(main())
