"""Datasets for the benchmarks: a procedural world and what the pipeline makes of it, made once and kept."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import av
import yaml

from yt360.media.containers import spherical_boxes
from yt360.media.ffmpeg import executable

CLI = Path(__file__).parents[1] / "cli.py"


def dataset(
    folder: Path, *, videos: int, seed: int, duration_s: float, size: str, test_share: float, fps: int = 16
) -> Path:
    """The root of a finished dataset in ``folder``; what is there already is not made again.

    A world of ``videos`` clean videos, through crawl, validate, chunk, split and shard: nothing is
    planted, and every file says that it is equirectangular. ``validate`` believes the picture more,
    and drops some whose pictures are too small to show it. ``size`` is ``HxW`` of both the videos and
    the clips.
    """
    world, media, root, recipe = (folder / name for name in ("world", "media", "root", "recipe.yaml"))
    folder.mkdir(parents=True, exist_ok=True)
    height, width = map(int, size.split("x"))
    if not (world / "world.json").exists():
        command = ["synth", str(world), "--videos", str(videos), "--seed", str(seed), "--duration-s", str(duration_s)]
        _yt360(*command, "--size", size, "--fps", str(fps), "--workers", "2")
    if not media.exists():
        _declare_spherical(world / "media", media)
    stages = {
        "crawl": {"source": str(media)},
        "validate": {},
        "chunk": {"width": width, "height": height, "fps": fps},
        "split": {"test_share": test_share},
        "shard": {"target_mb": 64},
    }
    recipe.write_text(yaml.safe_dump({"name": "benchmark", "stages": stages}, sort_keys=False))
    _yt360("run", str(recipe), "--root", str(root))
    return root


def machine() -> str:
    """This machine in one line, as benchmarks print it."""
    names = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, {platform.system()}"


def _declare_spherical(source: Path, media: Path) -> None:
    """Copies in ``media`` of the videos in ``source``, which say they are equirectangular; nothing is recoded."""
    unfinished, declared = media.with_name("media.part"), media.with_name("declared.mp4")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    remux = [str(executable()), "-v", "error", "-y"]
    for path in sorted(source.iterdir()):
        with av.open(str(path)) as container:
            picture, sound = bool(container.streams.video), bool(container.streams.audio)
        if not picture or b"sv3d" in path.read_bytes():
            shutil.copyfile(path, unfinished / path.name)
            continue
        copied = ["-c", "copy", "-strict", "unofficial", "-movflags", "+faststart"]
        subprocess.run([*remux, "-i", path, "-map", "0:v", *copied, declared], check=True)
        spherical_boxes.inject(declared)
        if sound:
            both: list[str | Path] = ["-i", declared, "-i", path, "-map", "0:v", "-map", "1:a"]
            subprocess.run([*remux, *both, *copied[:4], unfinished / path.name], check=True)
        else:
            shutil.copyfile(declared, unfinished / path.name)
    declared.unlink(missing_ok=True)
    unfinished.rename(media)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _yt360(*arguments: str) -> None:
    done = subprocess.run([sys.executable, str(CLI), *arguments], stdout=sys.stderr)
    if done.returncode not in (0, 1):
        raise SystemExit(f"yt360 {' '.join(arguments)} ended with {done.returncode}")
