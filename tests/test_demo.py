"""How the demo begins and ends; what lies between is in test_end_to_end.py."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests import CHECKOUT
from yt360 import sphere
from yt360.engine.storage import Root
from yt360.synth.truth import SecondTruth, VideoTruth


@pytest.fixture
def demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo", CHECKOUT / "pipelines" / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_demo_runs_in_a_folder_that_already_holds_its_world(
    demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "demo"
    called: list[str] = []

    def world(folder: Path) -> list[VideoTruth]:
        (folder / "world" / "media").mkdir(parents=True)
        return []

    def command(*words: object) -> int:
        called.append(str(words[0]))
        Root(str(root)).create()  # what `yt360 run` does first; refuses a folder that is somebody's own
        return 2

    monkeypatch.setattr(sys, "argv", ["demo.py", "--root", str(root)])
    monkeypatch.setattr(demo, "world", world)
    monkeypatch.setattr(demo, "command", command)
    assert demo.main() == 1
    assert called == ["run"]
    assert "FAILED: the run stopped before there was a dataset" in capsys.readouterr().out


def test_the_last_line_says_what_is_wrong_or_against_what_it_was_checked(demo: ModuleType) -> None:
    failed = demo.ending(["2 of 34 videos differ from the ground truth", "training stopped"], own=False)
    assert failed == "FAILED: 2 of 34 videos differ from the ground truth; training stopped"
    assert demo.ending([], own=False).startswith("OK: what was kept, dropped and heard agrees with the ground truth")
    assert demo.ending([], own=True) == "OK: there is a dataset"


def truth(name: str, azimuth_deg: float, *, directions_hold: bool = True) -> VideoTruth:
    """A video of three seconds whose sound is directed in the first two."""
    x, y, z = (float(each) for each in sphere.unit_vector(np.radians(azimuth_deg), 0.0))
    seconds = (SecondTruth((x, y, z), 1.0), SecondTruth((x, y, z), 1.0), SecondTruth((0.0, 0.0, 0.0), 1.0))
    size: dict[str, Any] = {"duration_s": 3.0, "fps": 16.0, "height": 32, "width": 64, "camera_turn_deg_per_s": 0.0}
    where: dict[str, Any] = {
        "directions_hold": directions_hold,
        "files": (f"{name}.mp4",),
        "delivery": "",
        "surroundings": "field",
    }
    return VideoTruth(name, "", "keep", **where, **size, seed=0, silent=(), things=(), seconds=seconds)


def test_verdicts_are_held_against_the_world(
    demo: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One is kept as it should be, one in doubt for what was planted in it, and one is kept that should not be."""
    (tmp_path / "manifests").mkdir()
    rows = [("good", "kept", ""), ("voice", "filtered", "uncertain-ambisonics"), ("still", "kept", "")]
    videos = pd.DataFrame(rows, columns=["video", "status", "reason"]).assign(detail="")
    videos.to_parquet(tmp_path / "manifests" / "videos.parquet")
    clips = {"video": pd.Series(dtype=str), "start_s": pd.Series(dtype=float), "duration_s": pd.Series(dtype=float)}
    pd.DataFrame(clips).to_parquet(tmp_path / "manifests" / "clips.parquet")
    good = truth("good", 0.0)
    voice = dataclasses.replace(good, name="voice", defect="voiceover_w", expected="voice-over")
    still = dataclasses.replace(good, name="still", defect="still", expected="still")
    differ = demo.check(tmp_path, [good, voice])
    assert not any("differ from the ground truth" in each for each in differ)
    assert "1 of 3 videos differ from the ground truth" in demo.check(tmp_path, [good, voice, still])


def test_maps_are_held_against_where_the_sound_comes_from(demo: ModuleType) -> None:
    """The best match is 90 degrees off in one moment and right in the other; the energy is always at the back."""
    rows = [
        {"start_s": start_s, "azimuth_deg": azimuth, "elevation_deg": 0.0, "match": match, "energy_db": energy}
        for start_s, best in ((0.0, 0.0), (1.0, 90.0), (2.0, -90.0))
        for azimuth in (0.0, 90.0, 180.0, -90.0)
        for match, energy in [(float(azimuth == best), float(azimuth == 180.0))]
    ]
    assert demo.map_errors_deg(pd.DataFrame(rows), truth("a", 0.0)) == pytest.approx((45.0, 180.0))


def test_the_shipped_model_is_asked_about_a_video_that_is_kept_and_right(
    demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called: list[tuple[str, ...]] = []
    (tmp_path / "manifests").mkdir()
    clips = pd.DataFrame({"clip": ["b-00010", "b-00000", "turned-00000"], "video": ["b", "b", "turned"]})
    clips.to_parquet(tmp_path / "manifests" / "clips.parquet")
    truths = [truth("dropped", 0.0), truth("turned", 0.0, directions_hold=False), truth("b", 90.0)]
    maps = {"azimuth_deg": [0.0, 90.0], "elevation_deg": [0.0, 0.0], "match": [0.0, 1.0], "energy_db": [1.0, 0.0]}

    def command(*words: object) -> int:
        called.append(tuple(map(str, words)))
        if words[0] == "localise":
            (tmp_path / "where").mkdir()
            found = pd.DataFrame({"start_s": [0.0, 0.0], **maps})
            found.to_parquet(tmp_path / "where" / "localisation.parquet")
        return 0

    monkeypatch.setattr(demo, "command", command)
    assert demo.use_shipped_model(tmp_path, truths) == []
    assert [words[0] for words in called] == ["embed", "search", "localise"]
    assert called[1][called[1].index("--like") + 1] == "b-00000"
    assert called[2][1] == str(tmp_path / "world" / "media" / "b.mp4")
    assert "within 0° of where" in capsys.readouterr().out
    monkeypatch.setattr(demo, "command", lambda *words: int(words[0] == "search"))
    assert demo.use_shipped_model(tmp_path, truths) == ["search stopped"]
    assert demo.use_shipped_model(tmp_path, truths[:2])[0].startswith("no video is left")
