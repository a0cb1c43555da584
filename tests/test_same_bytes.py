"""The same files whatever memory holds, wherever and however they are made."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.same_bytes import LEVELS
from tests import CHECKOUT
from yt360.synth import make_world

HERE = {"MALLOC_PERTURB_": "1", "TZ": "UTC", "PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8"}
THERE = {"MALLOC_PERTURB_": "170", "TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "777", "LC_ALL": "C", "HOME": "/nowhere"}
"""Surroundings of two runs; glibc fills memory that it hands out with the complement of MALLOC_PERTURB_."""

HARMLESS = ("OpenCV: SSE3 only", "NumPy: base only", "OpenBLAS: Nehalem", "Arrow: none")
"""Instructions without which a processor gives the same clips and maps. docs/explanation/same-bytes.md has the rest."""

KINDS = "f32 flac jpg json mkv mp4 npy npz ogg parquet png safetensors tar zip"


def start(command: list[object], surroundings: dict[str, str]) -> subprocess.Popen[str]:
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment = {**os.environ, **threads, "PYTHONPATH": str(CHECKOUT), **surroundings}
    pipe = subprocess.PIPE
    words = [sys.executable, *map(str, command)]
    return subprocess.Popen(words, env=environment, cwd=CHECKOUT, stdout=pipe, stderr=pipe, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    out, error = process.communicate()
    assert process.returncode == 0, error[-2000:]
    return out


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_each_kind_of_file_is_the_same_whatever_memory_holds(tmp_path: Path) -> None:
    running = []
    for number, surroundings in enumerate((HERE, THERE)):
        folder = tmp_path / f"{number}" / "made"
        folder.mkdir(parents=True)
        running.append(start(["-m", "tests.every_output", folder], surroundings))
    one, other = (json.loads(finish(process).splitlines()[-1]) for process in running)
    assert " ".join(sorted({Path(name).suffix.removeprefix(".") for name in one})) == KINDS
    assert one == other


@pytest.mark.slow
def test_a_world_is_the_same_whatever_memory_holds(tmp_path: Path) -> None:
    small = [
        "--videos",
        4,
        "--seed",
        3,
        "--duration-s",
        2,
        "--size",
        "64x128",
        "--fps",
        8,
        "--defects",
        "eac,voiceover_w",
    ]
    running = [
        start([CHECKOUT / "cli.py", "synth", tmp_path / name, *small, "--workers", workers], surroundings)
        for name, workers, surroundings in (("one", 1, HERE), ("other", 2, THERE))
    ]
    for process in running:
        finish(process)
    assert digests(tmp_path / "one") == digests(tmp_path / "other")


@pytest.mark.slow
def test_the_whole_pipeline_gives_the_same_files_in_all_surroundings(tmp_path: Path) -> None:
    """Two fillings of memory, one and two workers, zones, hash seeds, languages, and a processor that can do less."""
    world = tmp_path / "world"
    make_world(world, videos=3, seed=31, duration_s=10.5, defects=["voiceover_front"], workers=2)
    masked = {name: value for level in HARMLESS for name, value in LEVELS[level].items()}
    found: list[Any] = []
    for workers, surroundings in ((1, HERE), (2, THERE), (2, HERE | {"MALLOC_PERTURB_": "2"} | masked)):
        root = tmp_path / f"{len(found)}" / "root"
        words = ["run", CHECKOUT / "pipelines" / "demo.yaml", "--root", root, "--workers", workers]
        words += ["--set", f"crawl.source={world / 'media'}", "--min-free-gb", 0]
        finish(start([CHECKOUT / "cli.py", *words], surroundings))
        finish(
            start(
                [CHECKOUT / "cli.py", "report", "--root", root, "--out", root / "shards" / "report.html"], surroundings
            )
        )
        page = root / "shards" / "report.html"
        dated, count = re.subn(r"from [-0-9: ]+ to [-0-9: ]+ UTC", "", page.read_text(encoding="utf-8"))
        assert count == 1, "the page says when its records were made, once"
        page.write_text(dated, encoding="utf-8")
        made = {
            f"{part}/{name}": digest
            for part in ("data", "shards", "manifests")
            for name, digest in digests(root / part).items()
        }
        found.append(made)
    assert len(found[0]) > 20
    assert found[0] == found[1]
    # The last digit of a score is the processor's: time lines, the table of videos and the report hold scores.
    promised = [name for name in found[0] if name.startswith(("data/chunk/", "data/segment/")) or name.endswith(".tar")]
    assert len(promised) > 8
    assert {name: found[0][name] for name in promised} == {name: found[2].get(name) for name in promised}
