"""The main job in small: a world through every stage, by the command line, on real files where they are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests import CHECKOUT, SHARED
from yt360 import sphere
from yt360.synth import load_truth, make_world

pytestmark = pytest.mark.slow

MEDIA = SHARED / "media"
RECIPE = CHECKOUT / "pipelines" / "demo.yaml"
NO_MAPS = ("--set", "segment.model=none")


def yt360(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHECKOUT / "cli.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT)


def run(root: Path, source: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return yt360("run", RECIPE, "--root", root, "--set", f"crawl.source={source}", "--min-free-gb", 0, *words)


def tables(root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    videos = pd.read_parquet(root / "manifests" / "videos.parquet").set_index("video")
    return videos, pd.read_parquet(root / "manifests" / "clips.parquet")


def angle_deg(clip: pd.Series, vector: np.ndarray) -> float:
    found = sphere.unit_vector(np.radians(clip["azimuth_deg"]), np.radians(clip["elevation_deg"]))
    return float(np.degrees(sphere.angle_between(found, vector)))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    chosen = ["still", "voiceover_front", "mono_w", "fuma_order", "eac", "truncated"]
    make_world(folder, videos=8, seed=31, duration_s=10.5, defects=chosen, workers=2)
    return folder


@pytest.fixture(scope="module")
def root(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    done = run(folder, world / "media")
    assert done.returncode == 1, done.stderr  # the truncated one failed, and is listed
    assert "failed: validate: 1 item, truncated" in done.stderr
    assert "0005-truncated" in done.stderr
    return folder


def test_every_video_ends_as_the_world_knows(world: Path, root: Path) -> None:
    videos, clips = tables(root)
    assert (clips["panoptic_maps"] >= 10).all()
    for truth in load_truth(world):
        row = videos.loc[truth.name]
        found = row["status"] if row["status"] == "kept" else row["reason"]
        assert found == ("kept" if truth.expected == "keep" else truth.expected), (truth.name, row["detail"])
        for _, clip in clips[clips["video"] == truth.name].iterrows():
            expected = truth.mean_direction(clip["start_s"], clip["start_s"] + clip["duration_s"])
            if np.linalg.norm(expected) > 0.2:
                assert angle_deg(clip, expected) < 10


def test_second_run_does_no_work(world: Path, root: Path) -> None:
    before = {path: path.read_bytes() for path in sorted((root / "shards").iterdir())}
    done = run(root, world / "media")
    rows = [line.split() for line in done.stdout.splitlines() if re.match(r"[a-z]+ +\d+ +\d+ ", line)]
    assert len(rows) == 10, done.stdout
    assert {row[5] for row in rows} == {"0"}
    assert {path: path.read_bytes() for path in sorted((root / "shards").iterdir())} == before
    assert json.loads(yt360("verify", "--root", root, "--json").stdout)["ok"] is True


def test_bad_files_are_told_apart_and_hurt_nobody(world: Path, tmp_path: Path) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    kept = next(truth for truth in load_truth(world) if truth.expected == "keep")
    for name in kept.files:
        shutil.copy(world / "media" / name, folder / name.replace(kept.name, "good"))
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("this is text, renamed")
    (folder / "notes.txt").write_text("not media")
    done = run(tmp_path / "root", folder, *NO_MAPS)
    assert done.returncode == 1
    videos, clips = tables(tmp_path / "root")
    assert videos["status"].to_dict() == {"empty": "failed", "good": "kept", "text": "failed"}
    assert videos.loc["text", "reason"] == "not-media"
    assert len(clips) == 1


@pytest.mark.parametrize("source", ["{tmp}/nowhere", "{tmp}/empty"])
def test_source_that_holds_nothing_is_wrong_use(tmp_path: Path, source: str) -> None:
    (tmp_path / "empty").mkdir()
    done = run(tmp_path / "root", Path(source.format(tmp=tmp_path)))
    assert done.returncode == 2
    assert "expected" in done.stderr


KEPT = {"G8pABGosD38l_17": -7, "NdE7uYVaynQl_0": 9, "KVvDejzzQjM_6": 4, "0FB9jMXMP8A_19": 9, "V_To4k9AJXc_20": None}
KEPT |= {"aieThfuvmtY_151": 36, "V5IVN81wYrI_60": None, "kqAZkf5Odyw_80": None}


@pytest.mark.slow
@pytest.mark.skipif(not MEDIA.is_dir(), reason="real recordings: no folder shared/media beside the checkout")
def test_real_recordings_are_kept_and_dropped_as_their_truth_says(tmp_path: Path) -> None:
    run(tmp_path, MEDIA, *NO_MAPS)
    videos, clips = tables(tmp_path)
    assert set(videos.index[videos["status"] == "kept"]) == set(KEPT)
    for _, clip in clips.iterrows():
        azimuth = KEPT[clip["video"]]
        if azimuth is not None:
            assert abs((clip["azimuth_deg"] - azimuth + 180) % 360 - 180) <= 15, clip["video"]
