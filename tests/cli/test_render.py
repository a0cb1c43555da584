"""`yt360 render`: from a clip or a file to a video."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from tests.cli.conftest import Command
from tests.inference.scenes import in_form
from tests.training.world import make_root


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_root(tmp_path_factory.mktemp("render") / "root", videos=1, clips=1, seconds=0.5)


def test_a_clip_becomes_a_video_and_is_not_replaced_unasked(command: Command, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "view.mp4"
    words = ("render", "video000-00000", "--root", root, "--az", 30, "--fov", 80, "--size", "64x48", "--out", out)
    code, said, err = command(*words)
    assert (code, err) == (0, "")
    assert said == f"wrote {out}: 0.5 s, 64x48 at 16 frames/s\n"
    with av.open(str(out)) as container:
        (video,), (audio,) = container.streams.video, container.streams.audio
        assert (video.width, video.height, audio.channels) == (64, 48, 2)
    out.write_bytes(b"mine")
    code, _, err = command(*words)
    assert code == 2
    assert "is there already; give --overwrite" in err
    assert out.read_bytes() == b"mine"
    assert command(*words, "--overwrite")[0] == 0
    assert out.stat().st_size > 1000


@pytest.mark.slow
def test_a_file_that_inspect_understands(command: Command, tmp_path: Path) -> None:
    scene = in_form(tmp_path / "scene.mp4")
    out = tmp_path / "view.mp4"
    words = ("--size", "64x48", "--start", 1, "--duration", 0.5, "--out", out)
    code, said, err = command("render", scene, *words)
    assert code == 0, err
    assert "0.5 s, 64x48 at 8 frames/s" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("video000-00001", "--root", "ROOT", "--out", "v.mp4"), "did you mean 'video000-00000'"),
        (("nothing.mp4", "--out", "v.mp4"), "no such file; for a clip of a dataset, give --root"),
        (("x", "--out", "v.webm"), "expected a name that ends in .mp4"),
        (("x", "--out", "v.mp4", "--size", "63x48"), "expected even sides of 16 to 4096 pixels"),
        (("x", "--out", "v.mp4", "--size", "big"), "expected WIDTHxHEIGHT"),
        (("x", "--out", "v.mp4", "--fov", "180"), "1<=x<=170"),
        (("video000-00000", "--root", "ROOT", "--out", "v.mp4", "--start", "9"), "is not inside of it"),
        (("x", "--root", "ROOT", "--out", "v.mp4", "--convention", "fuma"), "belong to a FILE"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    command: Command, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = command("render", *(str(root) if word == "ROOT" else word for word in words))
    assert code == 2
    assert said in err
    assert list(tmp_path.iterdir()) == []
