"""What `yt360 inspect` says first, and what it says once picture and sound are measured."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.media_containers import encode
from tests import CHECKOUT
from tests.cli.conftest import Command
from yt360.cli import inspect as inspect_cli
from yt360.cli.isolated_inspection import _stated
from yt360.media.containers.spatial import ContainerMetadata
from yt360.media.probe import AudioStream, MediaInfo, VideoStream

PICTURE = {"codec": "h264", "width": 640, "height": 320, "fps": 30.0}
SOUND = {"codec": "aac", "sample_rate": 48_000, "channels": 4, "layout": "4.0"}
STATED = {"file": "v.mp4", "container": "mp4", "duration_s": 10.0, "videos": [PICTURE], "audios": [SOUND]}
TOLD = [
    "v.mp4: mp4, 10.0 s", "  picture: h264 640x320 at 30 fps", "  sound: aac 48000 Hz, 4 channels (4.0)"
]  # fmt: skip


def report(**other: Any) -> dict[str, Any]:
    seen = {"projection": "equirectangular", "stereo": "mono", "projection_source": "both", "disagreement": ""}
    heard = {"ambisonics": {"declared": None, "verdict": "valid", "reason": "AmbiX"}, "direction": []}
    return {
        "file": "v.mp4", "container": "mp4", "duration_s": 10.0, "video": PICTURE | seen, "audio": SOUND | heard,
        "verdict": "keep", "reasons": [], **other,
    }  # fmt: skip


def test_what_was_stated_is_not_said_again() -> None:
    assert inspect_cli.describe_stated(STATED) == TOLD
    assert inspect_cli.describe(report(), [STATED]).splitlines() == [
        "v.mp4: keep",
        "  picture: equirectangular mono (metadata and picture agree)",
        "  sound: ambisonics valid: AmbiX",
    ]


def test_both_parts_hold_all_that_the_whole_does() -> None:
    whole = inspect_cli.describe(report()).replace(",", " ").split()
    parts = " ".join([*TOLD, inspect_cli.describe(report(), [STATED])]).replace(",", " ").split()
    assert {word.strip(";") for word in whole} == {word.strip(";") for word in parts}


@pytest.mark.parametrize(
    ("stated", "line"),
    [
        ({"duration_s": 11.0}, "  mp4, 10.0 s"),
        ({"videos": [PICTURE, PICTURE | {"width": 64}]}, "  picture: h264 640x320 at 30 fps, equirectangular mono "
         "(metadata and picture agree)"),
        ({"videos": [PICTURE | {"width": 320, "height": 640}]}, "  picture: h264 640x320 at 30 fps, equirectangular "
         "mono (metadata and picture agree)"),
        ({"audios": [SOUND, SOUND]}, "  sound: aac 48000 Hz, 4 channels (4.0); ambisonics valid: AmbiX"),
        ({"audios": [SOUND | {"layout": "quad"}]}, "  sound: aac 48000 Hz, 4 channels (4.0); ambisonics valid: AmbiX"),
    ],
    ids=["shorter", "of two pictures", "turned", "of two sounds", "another layout"],
)  # fmt: skip
def test_what_turns_out_otherwise_or_is_one_of_several_is_said_in_full(stated: dict[str, Any], line: str) -> None:
    assert line in inspect_cli.describe(report(), [STATED | stated]).splitlines()
    assert line not in inspect_cli.describe(report(), [STATED]).splitlines()


def test_a_declared_order_is_said_beside_the_stated_track() -> None:
    declared = SOUND | {
        "ambisonics": {"declared": "fuma", "verdict": "valid", "reason": "as declared"},
        "direction": [],
    }
    said = inspect_cli.describe(report(audio=declared), [STATED]).splitlines()
    assert "  sound: FuMa, declared; ambisonics valid: as declared" in said


def test_stated_facts_are_out_before_the_report_is_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    def inspected(file: str, *_: object, tell: Callable[[Sequence[Any]], object], **__: object) -> dict[str, Any]:
        tell([STATED])
        told.append(capsys.readouterr().out)
        return report()

    monkeypatch.setattr(inspect_cli, "inspect_isolated", inspected)
    monkeypatch.setattr(inspect_cli, "sound_beside", lambda file: None)
    assert inspect_cli.inspect_command.main(["v.mp4"], standalone_mode=False) is None
    assert told == ["\n".join(TOLD) + "\n"]
    assert capsys.readouterr().out.startswith("v.mp4: keep\n")


def test_a_whole_look_says_both_and_json_stays_one_document(command: Command, tmp_path: Path) -> None:
    sound = np.random.default_rng(1).standard_normal((4, 48_000)) * 0.1
    path = encode(tmp_path / "v.wav", sound=sound, rate_hz=48_000, audio="pcm")
    code, said, _ = command("inspect", path)
    first, second, third, *_ = said.splitlines()
    assert (code, first, third) == (0, f"{path}: wav, 1.0 s", f"{path}: reject")
    assert second.startswith("  sound: pcm_f32le 48000 Hz, 4 channels (")
    _, said, _ = command("inspect", path, "--json")
    assert json.loads(said)["audio"]["channels"] == 4


def test_the_command_itself_loads_nothing_that_computes(tmp_path: Path) -> None:
    """Regression: numbers of numpy in a report had the command import it to unpickle them."""
    sound = np.random.default_rng(1).standard_normal((4, 96_000)) * 0.1
    path = encode(tmp_path / "v.wav", sound=sound, audio="pcm")
    script = (
        "import atexit, sys\natexit.register(lambda: print([m for m in ('numpy', 'av', 'cv2') if m in sys.modules]))\n"
        "from yt360.cli.main import main\nmain(['inspect', sys.argv[1]])"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], cwd=CHECKOUT, capture_output=True, text=True)
    assert "ambisonics" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_of_many_tracks_the_first_eight_are_told() -> None:
    videos = tuple(VideoStream(k, "h264", 64, 32 + k, 30.0, 0.0, 1.0, views=1 + (k == 1)) for k in range(9))
    audios = tuple(AudioStream(k, "aac", 48_000, 1, "mono", None, 0.0, 1.0) for k in range(9))
    told = _stated(MediaInfo(Path("x"), "mp4", 1, 0.0, 1.23456, videos, audios, ContainerMetadata()))
    assert [video["height"] for video in told["videos"]] == list(range(32, 40))
    assert [video["codec"] for video in told["videos"]][:3] == ["h264", "mv-hevc", "h264"]
    assert len(told["audios"]) == 8
    assert told["duration_s"] == 1.235
