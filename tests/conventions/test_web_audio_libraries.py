"""Rows of the table in docs/explanation/conventions.md that are JavaScript, run by Node.

`.ci/readers` installs them into `.venv-readers/web`; without them, or without Node, they are skipped.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import CHECKOUT
from tests.conventions.test_other_tools import GAINS
from yt360 import ambisonics, sphere

_TURN = np.radians(30)


@functools.cache
def _answers() -> dict[str, NDArray[np.float64]]:
    named = os.environ.get("YT360_READERS")
    modules = (Path(named) if named else CHECKOUT / ".venv-readers") / "web" / "node_modules"
    node = shutil.which("node")
    if node is None or not (modules / "omnitone").exists():
        pytest.skip(f"no Node, or no Web Audio libraries in {modules} (.ci/readers installs them)")
    words = [node, str(Path(__file__).with_name("web_audio.js")), str(modules)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return {name: np.asarray(value, float) for name, value in json.loads(done.stdout).items()}


def test_jsambisonics_encodes_n3d() -> None:
    found = _answers()["jsambisonics"][:, None]
    np.testing.assert_allclose(ambisonics.to_ambix(found, "n3d").ravel(), GAINS, atol=1e-9)


def test_yaw_of_jsambisonics_turns_the_scene_right() -> None:
    turned = _answers()["jsambisonicsYaw"] @ ambisonics.encoding_gains(_TURN, 0.0)
    np.testing.assert_allclose(turned, ambisonics.encoding_gains(0.0, 0.0), atol=1e-9)
    own = ambisonics.rotation_matrix(sphere.yaw_rotation(-_TURN))
    np.testing.assert_allclose(_answers()["jsambisonicsYaw"][1:, 1:], own[1:, 1:], atol=1e-9)


def test_omnitone_reorders_fuma_and_leaves_w_low() -> None:
    fuma = ambisonics.from_ambix(GAINS[:, None], "fuma").ravel()
    found = _answers()["omnitoneFuma"].astype(int) - 1
    np.testing.assert_allclose(fuma[found] * [np.sqrt(2), 1, 1, 1], GAINS, atol=1e-9)


def test_omnitone_takes_the_inverse_of_the_camera() -> None:
    np.testing.assert_allclose(_answers()["omnitoneTurned"], ambisonics.encoding_gains(0.0, 0.0), atol=1e-9)


def test_resonance_audio_encodes_ambix() -> None:
    # Its tables have seven digits, and five for elevations.
    np.testing.assert_allclose(_answers()["resonance"], GAINS, atol=1e-5)
