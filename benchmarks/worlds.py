"""Datasets for the benchmarks: a procedural world and what the pipeline makes of it, made once and kept."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import yaml

CLI = Path(__file__).parents[1] / "cli.py"


def dataset(
    folder: Path, *, videos: int, seed: int, duration_s: float, size: str, test_share: float, fps: int = 16
) -> Path:
    """The root of a finished dataset in ``folder``; what is there already is not made again.

    A world of ``videos`` clean videos, through crawl, validate, chunk, split and shard: nothing is
    planted, so that nothing is filtered. ``size`` is ``HxW`` of both the videos and the clips.
    """
    world, root, recipe = folder / "world", folder / "root", folder / "recipe.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    height, width = map(int, size.split("x"))
    if not (world / "world.json").exists():
        command = ["synth", str(world), "--videos", str(videos), "--seed", str(seed), "--duration-s", str(duration_s)]
        _yt360(*command, "--size", size, "--fps", str(fps), "--workers", "2")
    stages = {
        "crawl": {"source": str(world / "media")},
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


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _yt360(*arguments: str) -> None:
    done = subprocess.run([sys.executable, str(CLI), *arguments], stdout=sys.stderr)
    if done.returncode not in (0, 1):
        raise SystemExit(f"yt360 {' '.join(arguments)} ended with {done.returncode}")
