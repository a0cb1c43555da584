"""HF datasets and mlcroissant on releases, with the versions of constraints.txt; skipped where they are missing."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests import CHECKOUT
from yt360.release.schema import LISTED

MISSING = [name for name in ("datasets", "mlcroissant") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"needs {' and '.join(MISSING)}: pip install -c constraints.txt 'yt360[hub]'"
)


def seen(folder: Path) -> dict[str, Any]:
    script = CHECKOUT / "tests" / "release" / "hub_tools.py"
    done = subprocess.run([sys.executable, str(script), str(folder)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "not standard" not in done.stderr, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def clips_of(folder: Path) -> dict[str, list[str]]:
    return {path.stem: pd.read_parquet(path)["clip"].tolist() for path in sorted((folder / "clips").glob("*.parquet"))}


def test_a_list(as_list: Path) -> None:
    found = seen(as_list)
    loaded, clips = found["datasets"], clips_of(as_list)
    for streaming in (False, True):
        splits = loaded[f"splits, streaming {streaming}"]
        assert {split: [key for key, _ in rows] for split, rows in splits.items()} == clips
    assert list(loaded["features"]) == [column.name for column in LISTED]
    assert "float64" in loaded["features"]["azimuth_deg"]
    assert "string" in loaded["features"]["panoptic_model"], "a column without a value keeps its type"
    assert loaded["videos"] == {"videos": ["alpha", "beta", "delta", "gamma", "silent"]}
    described = found["croissant"]
    assert (described["errors"], described["warnings"]) == ([], [])
    counts = {name: count for name, (count, _) in described["records"].items()}
    assert counts == {"split": 2, "videos": 5} | {f"clips-{split}": len(rows) for split, rows in clips.items()}
    assert described["records"]["clips-train"][1] == sorted(column.name for column in LISTED)


@pytest.mark.slow
def test_with_media(with_media: Path) -> None:
    found = seen(with_media)
    loaded, clips = found["datasets"], clips_of(with_media)
    table = pd.read_parquet(with_media / "manifests" / "clips.parquet").set_index("clip")
    for streaming in (False, True):
        splits = loaded[f"splits, streaming {streaming}"]
        assert {split: sorted(key for key, _ in rows) for split, rows in splits.items()} == clips
        for rows in splits.values():
            for key, sizes in rows:
                assert sizes == {
                    "video.mp4": table.loc[key, "video_size"],
                    "foa.flac": table.loc[key, "foa_size"],
                }
    features = loaded["features"]
    assert "Video" in features["video.mp4"]
    # Not as Audio: its array is the mean of the four channels.
    assert "binary" in features["foa.flac"]
    assert "Audio" not in str(features)
    described = found["croissant"]
    assert (described["errors"], described["warnings"]) == ([], [])
    for member in ("video", "foa", "json"):
        assert described["records"][f"members-{member}"] == [len(table), ["clip", "content"]]
