"""Equal frames give equal bytes, whatever lies in memory and whatever the processor can do."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests import CHECKOUT
from yt360.media import clips
from yt360.media.clips import ClipVideoWriter

WIDTH, HEIGHT, FRAMES = 448, 224, 16
"""28 blocks wide: no multiple of 8, the step of x264's assembly."""


def write(path: Path) -> str:
    """The digest of a clip of hills that drift behind a patch that drifts the other way."""
    rng = np.random.default_rng(5)
    coarse, fine = (rng.integers(0, 255, size, np.uint8) for size in ((6, 14, 3), (24, 60, 3)))
    far, near = cv2.resize(coarse, (WIDTH, HEIGHT)), cv2.resize(fine, (WIDTH, HEIGHT))
    with ClipVideoWriter(path, WIDTH, HEIGHT, 16, gop=8, crf=20, preset="medium") as out:
        for number in range(FRAMES):
            frame = np.roll(far, number, axis=1)
            frame[60:130, 90:200] = np.roll(near, -3 * number, axis=1)[60:130, 90:200]
            out.write(frame)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("filling", ["1", "2", "170"])
def test_bytes_do_not_depend_on_what_lies_in_memory(tmp_path: Path, filling: str) -> None:
    """glibc fills what it hands out with the complement of this."""
    environment = {**os.environ, "MALLOC_PERTURB_": filling, "PYTHONPATH": str(CHECKOUT)}
    code = "import sys, pathlib; from tests.media.test_clips import write; print(write(pathlib.Path(sys.argv[1])))"
    command = [sys.executable, "-c", code, str(tmp_path / "other.mp4")]
    found = subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    assert found.strip() == write(tmp_path / "here.mp4")


@pytest.mark.parametrize("level", ["0", "SSE2", "AVX", "AVX2"])
def test_bytes_do_not_depend_on_the_instructions_that_x264_uses(tmp_path: Path, monkeypatch, level: str) -> None:
    usual = write(tmp_path / "usual.mp4")
    monkeypatch.setattr(clips, "REPEATABLE_X264", f"{clips.REPEATABLE_X264}:asm={level}")
    assert write(tmp_path / "masked.mp4") == usual
