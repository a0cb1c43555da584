"""`yt360 search`: sound finds the picture that it belongs to, and back, at its moment and direction."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import yt360
from tests.cli.conftest import Command
from tests.inference.scenes import in_form, model_folder
from yt360.cli import main
from yt360.cli.looker import Looker
from yt360.inference.embedding import moments_alone
from yt360.inference.embedding_settings import AROUND_DEG
from yt360.inference.features_table import USUAL, read_features, write_features
from yt360.media.how_to_read import look

KINDS = (*USUAL, "predicted_video_embedding", "predicted_sound_embedding")


@pytest.fixture(autouse=True)
def _look_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are looked into in this process; tests of `embed` start another one."""
    monkeypatch.setattr(Looker, "__call__", lambda _, path, convention: look(path, None, convention))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("scenes")
    return [in_form(folder / f"scene{seed}.mp4", seed=seed) for seed in (3, 4)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, scenes: list[Path]) -> Path:
    """Random encoders; heads by least squares, so that the two halves of a moment in a direction have one code."""
    folder = model_folder(tmp_path_factory.mktemp("model") / "model", model={"width": 8})
    made = yt360.AVSAModel.from_pretrained(folder)
    processor = yt360.AVSAProcessor.from_pretrained(folder)
    features = [moments_alone(made, processor(scene, start_s=[0.0, 1.0, 2.0])) for scene in scenes]
    torch.manual_seed(1)
    codes = torch.nn.functional.normalize(torch.randn(len(scenes) * 3 * len(AROUND_DEG), 8), dim=1)

    def fit(head: torch.nn.Linear, kind: str, wanted: torch.Tensor) -> None:
        rows = torch.cat([getattr(each, kind).flatten(0, 1) for each in features]).double()
        rows = torch.cat([rows, torch.ones(len(rows), 1, dtype=torch.float64)], dim=1)
        solved = torch.linalg.lstsq(rows, wanted.double(), driver="gelsd").solution
        head.weight.copy_(solved[:-1].T)
        head.bias.copy_(solved[-1])

    network = made.network
    fit(network.video_head, "video", codes)
    fit(network.video_prediction_head, "video_from_sound", codes)
    fit(network.sound_head, "sound", codes.flip(1))
    fit(network.sound_prediction_head, "sound_from_video", codes.flip(1))
    made.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def index(scenes: list[Path], model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("index") / "features.parquet"
    words = [word for kind in KINDS for word in ("--modality", kind)]
    with pytest.raises(SystemExit) as ended:
        main.main(["embed", *map(str, scenes), "--model", str(model), "--out", str(out), *words])
    assert ended.value.code == 0
    return out


@pytest.mark.parametrize(
    "halves", [("sound", "video"), ("video", "sound"), ("sound", "sound"), ("video", "video")], ids="-".join
)
def test_the_best_hit_is_the_same_moment_and_direction(
    command: Command, scenes: list[Path], model: Path, index: Path, halves: tuple[str, str]
) -> None:
    by, find = halves
    words = ("search", "--model", model, "--index", index, "--by", by, "--find", find, "--json")
    code, said, err = command(*words, "--like", scenes[1], "--at", "1", "--top", "5", "--per-source", "0")
    assert code == 0, err
    told = json.loads(said)
    assert (told["by"], told["find"], len(told["hits"])) == (by, find, 5)
    for hit in told["hits"][:4]:
        assert hit["score"] > 0.99
        assert hit["found"] == hit["query"] | {"source": str(scenes[1])}
        assert hit["found"]["start_s"] == 1.0
    assert told["hits"][4]["score"] < 0.99
    of_table = json.loads(command(*words, "--like", scenes[1], "--at", "1")[1])
    assert [hit["found"]["source"] for hit in of_table["hits"]] == [str(scenes[1]), str(scenes[0])]


def test_a_source_of_the_table_needs_no_file(
    command: Command, scenes: list[Path], model: Path, index: Path, tmp_path: Path
) -> None:
    gone = "elsewhere.mp4"
    table, about = read_features(index)
    names = [gone if name == str(scenes[0]) else name for name in table["source"].to_pylist()]
    other = tmp_path / "f.parquet"
    write_features(other, [table.set_column(0, "source", [names])], about)
    words = ("search", "--model", model, "--index", other, "--direction", "90,0", "--at", "2.1")
    code, said, err = command(*words, "--like", gone)
    assert code == 0, err
    assert said.splitlines()[0].split() == [
        "score",
        "video",
        "at",
        "s",
        "direction",
        "like",
        "sound",
        "at",
        "s",
        "direction",
    ]
    assert said.splitlines()[1].split()[1:] == [gone, "2.00", "90,0", "2.00", "90,0"]
    code, _, err = command(*words, "--like", "nowhere.mp4")
    assert code == 2
    assert "expected a file, or a source of" in err
    code, _, err = command(*words[:-4], "--like", gone, "--direction", "1,1")
    assert "--direction: expected one of those in" in err


def test_features_of_another_model_are_refused(
    command: Command, scenes: list[Path], index: Path, tmp_path: Path
) -> None:
    other = model_folder(tmp_path / "other")
    code, _, err = command("search", "--model", other, "--index", index, "--like", scenes[0])
    assert code == 2
    assert f"expected features of {other} (digest" in err
