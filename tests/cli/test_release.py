"""`yt360 release` and `release diff` as a person calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.release.conftest import SETTINGS, VIDEOS_MADE, state_licences
from tests.stages.fakes import FAKES, Dataset
from yt360.cli import common


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dataset = Dataset(tmp_path_factory.mktemp("release") / "root")
    dataset.run(VIDEOS_MADE, **SETTINGS)
    state_licences(dataset)
    return dataset.root.path


@pytest.fixture
def yt360(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setattr(common, "REGISTRY", FAKES)
    return command


def test_a_release_is_a_command_without_a_name(yt360: Command, root: Path, tmp_path: Path) -> None:
    code, out, _ = yt360("release", "--root", root, "--out", tmp_path / "list", "--workers", 1)
    assert code == 0
    assert "policy all: every video" in out
    assert f"result: {tmp_path / 'list'}" in out
    assert (tmp_path / "list" / "README.md").read_text().count("# list\n") == 1, "named after the folder"
    code, out, _ = yt360("release", "write", "--root", root, "--out", tmp_path / "media", "--media", "--json")
    told = json.loads(out)
    assert (code, told["policy"], told["media"]) == (0, "cc", True), "with media, only what may be shared"
    assert sum(count["clips"] for count in told["left_out"].values()) == 4
    assert told["licenses"] == {
        "CC-BY": {"videos": 1, "clips": VIDEOS_MADE["alpha"]},
        "CC-BY-NC-SA": {"videos": 1, "clips": VIDEOS_MADE["delta"]},
    }
    code, out, _ = yt360("release", "diff", tmp_path / "list", tmp_path / "media")
    assert code == 0
    assert "removed: 2 clips: policy cc: licence CC-BY-NC-ND" in out
    code, out, _ = yt360("release", "diff", tmp_path / "list", tmp_path / "list", "--json")
    assert json.loads(out)["clips"] == {"added": [], "removed": [], "moved": [], "changed": []}


def test_workers_change_no_byte(yt360: Command, root: Path, tmp_path: Path) -> None:
    for workers in (1, 2):
        out = tmp_path / str(workers) / "tiny"
        assert (
            yt360("release", "--root", root, "--out", out, "--media", "--policy", "all", "--workers", workers)[0] == 0
        )
    one, other = (tmp_path / str(workers) / "tiny" for workers in (1, 2))
    assert (one / "SHA256SUMS").read_text() == (other / "SHA256SUMS").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--policy", "mine"], "'mine' is not one of"),
        (["--version", "1"], "--version: expected three numbers"),
        (["--name", "a/b"], "--name: expected letters"),
        (["--date", "2026"], "--date: expected a day"),
    ],
)
def test_wrong_use_is_answered_and_writes_nothing(
    yt360: Command, root: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    code, _, err = yt360("release", "--root", root, "--out", tmp_path / "out", *words)
    assert (code, said in err) == (2, True), err
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_released_or_compared(yt360: Command, root: Path, tmp_path: Path) -> None:
    code, _, err = yt360("release", "--root", tmp_path / "nothing", "--out", tmp_path / "out")
    assert (code, "expected the root of a dataset" in err) == (2, True)
    code, _, err = yt360("release", "diff", root, root)
    assert (code, "is a release?" in err or "a release's checksums" in err) == (2, True)
    code, _, err = yt360("rebuild", tmp_path / "nothing", "--root", tmp_path / "copy")
    assert (code, "expected the folder of a release" in err) == (2, True)
    assert not (tmp_path / "copy").exists()
