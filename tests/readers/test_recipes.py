"""The functions of docs/how-to/readers.md, as they stand there: four channels, W Y Z X, each source where it is.

They run with the packages of `tests/readers/requirements.txt`: in `.venv-readers` of this checkout, in the environment
that YT360_READERS names, or in this one; what is not installed there is skipped.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from tests import CHECKOUT
from tests.readers.environment import python
from tests.readers.world import DIRECTIONS, RATE_HZ, TRAIN, make_readers_root
from yt360 import sphere

PAGE = CHECKOUT / "docs" / "how-to" / "readers.md"

_MISSING = 77
"""Exit code of a script whose tool is not there."""

_IMPORT = """
import sys

try:
    import {module}
except Exception as error:
    print(repr(error), file=sys.stderr)
    sys.exit(77)

"""

_ALSO = {"datasets": ("torchcodec.decoders",)}
"""What else a tool imports on the way: without it, datasets refuses rows that hold a video, decoded or not."""

_HARNESS = """
import json
import numpy as np

if __name__ == "__main__":
    found = {}
    for key, foa in clips(sys.argv[1]):
        foa = np.asarray(foa)
        w, y, z, x = foa.astype(float)
        found[key] = {
            "shape": foa.shape, "dtype": str(foa.dtype), "gains": [float(w @ c / (w @ w)) for c in (y, z, x)],
            "peak": float(np.abs(w).max()),
        }
    json.dump(found, open(sys.argv[2], "w"))
"""

_SLOW = pytest.mark.slow

RECIPES = [
    pytest.param("webdataset", 0, id="webdataset"),
    pytest.param("datasets", 0, id="datasets, streaming"),
    pytest.param("datasets", 1, id="datasets, map style", marks=_SLOW),
    pytest.param("torchcodec", 0, id="torchcodec", marks=_SLOW),
    pytest.param("lhotse", 0, id="lhotse", marks=_SLOW),
    pytest.param("megatron.energon", 0, id="energon", marks=_SLOW),
    pytest.param("ray", 0, id="ray", marks=_SLOW),
    pytest.param("duckdb", 0, id="duckdb"),
    pytest.param("polars", 0, id="polars"),
]
"""The module that a recipe's code imports, and the how-manieth of the page's blocks that do."""


def _code(module: str, number: int) -> str:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    named = re.compile(rf"^(import|from) {re.escape(module)}\b", re.MULTILINE)
    only = {"webdataset": "torchcodec"}.get(module)
    return str([block for block in blocks if named.search(block) and not (only and only in block)][number])


def _run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(folder / "hf"),
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_ADDRESS": "local",  # otherwise ray.init() joins a cluster that runs here, such as another test's
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(command, env=settings, cwd=folder, capture_output=True, text=True, timeout=300)


def _run_with(module: str, code: str, root: Path, folder: Path) -> Any:
    """What a script that uses a module has written, given the root and the name of a file. Skips without the module."""
    script, out = folder / "script.py", folder / "out.json"
    needs = [module, *_ALSO.get(module, ())]
    script.write_text("".join(_IMPORT.format(module=each) for each in needs) + code)
    done = _run(python(), str(script), str(root), str(out), folder=folder)
    if done.returncode == _MISSING:
        why = f"{module} cannot be imported by {python()} ({done.stderr.strip().splitlines()[-1]})"
        pytest.skip(f"{why}; .ci/readers installs tests/readers/requirements.txt")
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(out.read_text())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_readers_root(tmp_path_factory.mktemp("readers") / "root")


@pytest.mark.parametrize(("module", "number"), RECIPES)
def test_recipe_gives_every_source_where_it_is(module: str, number: int, root: Path, tmp_path: Path) -> None:
    code = _code(module, number)
    if module == "megatron.energon" and (tool := Path(python()).parent / "energon").exists():
        (prepare,) = re.findall("^energon (prepare .*)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
        command = f"{tool} {prepare.replace('DIR', str(root))} --num-workers 1 --no-progress"
        done = _run("bash", "-c", command, folder=tmp_path)
        assert done.returncode == 0, done.stderr[-2000:]
    found = _run_with(module, code + _HARNESS, root, tmp_path)
    assert sorted(found) == sorted(f"{video}-00000" for video in TRAIN)
    for key, clip in found.items():
        assert clip["shape"] == [4, RATE_HZ]
        assert clip["dtype"] == "float32"
        assert 0.4 < clip["peak"] < 0.5
        azimuth, elevation = np.radians(DIRECTIONS[key.partition("-")[0]])
        x, y, z = sphere.unit_vector(azimuth, elevation)
        np.testing.assert_allclose(clip["gains"], [y, z, x], atol=1e-4)


_DEFAULTS = """
import json

said = {}
for folder in (sys.argv[1], sys.argv[1] + "/shards"):
    for streaming in (False, True):
        splits = datasets.load_dataset(folder, streaming=streaming)
        for split, rows in splits.items():
            for row in rows.remove_columns("video.mp4"):
                try:
                    told = str(row["foa.flac"]["array"])
                except KeyError as error:
                    told = repr(error)
                what = [split, row["__key__"], row["json"]["azimuth_deg"], len(row["panoptic.zip"])]
                said.setdefault(told, []).append(what)
json.dump(said, open(sys.argv[2], "w"))
"""


def test_the_usual_way_in_hugging_face_datasets_is_refused(root: Path, tmp_path: Path) -> None:
    """`["array"]` was the mean of the four channels; a clip without maps among the first five stopped it all."""
    (said,) = _run_with("datasets", _DEFAULTS, root, tmp_path).items()
    assert said[0] == "KeyError('array')"
    assert len(said[1]) == 4 * len(DIRECTIONS)
    for split, key, azimuth_deg, maps_bytes in said[1]:
        video = key.partition("-")[0]
        assert (split == "train") == (video in TRAIN)
        assert azimuth_deg == DIRECTIONS[video][0]
        assert maps_bytes > 100


_FOREIGN_INDEX = """
import json

try:
    said = len(litdata.StreamingDataset(sys.argv[1] + "/shards"))
except Exception as error:
    said = repr(error)
json.dump(said, open(sys.argv[2], "w"))
"""


@pytest.mark.slow
def test_litdata_takes_nothing_for_its_own(root: Path, tmp_path: Path) -> None:
    """It ended in `KeyError: 'zip_data'` or the like, for our index was called as its own is."""
    said = _run_with("litdata", _FOREIGN_INDEX, root, tmp_path)
    assert "index.json" in said
    assert "KeyError" not in said
