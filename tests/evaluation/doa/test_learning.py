"""A head on frozen features, from labelled recordings to DCASE's scores.

Random convolutions are features, too: the model has learned nothing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from tests.inference.scenes import model_folder
from yt360 import ambisonics
from yt360.cli.doa import doa_group
from yt360.dataset.starss import find_recordings, read_labels
from yt360.errors import UsageError
from yt360.evaluation.doa import learning
from yt360.evaluation.doa import settings as settings_module
from yt360.evaluation.doa.settings import DoaSettings, override
from yt360.evaluation.doa.targets import reference_frames
from yt360.evaluation.localisation_scores import LocalisationScorer, LocalisationScores
from yt360.models.avsa_model import AVSAModel
from yt360.models.shipped import SHIPPED_MODEL
from yt360.synth.starss import make_starss_world

RATE_HZ = 24000
QUICK = DoaSettings(around=4, hidden=64, epochs=40, batch=8, sequence=8)


def burst(rng: np.random.Generator, label: int, samples: int) -> np.ndarray:
    """A low buzz or a hiss."""
    time_s = np.arange(samples) / RATE_HZ
    if label:
        return 0.1 * np.diff(rng.normal(size=samples + 1))
    return np.asarray(0.2 * sum(np.sin(2 * np.pi * 150 * k * time_s) / k for k in range(1, 12)))


def make_folder(folder: Path, recordings: int, seed: int) -> Path:
    """One to two sounds of two classes a recording, at places of their own; a third of the time nothing."""
    rng = np.random.default_rng(seed)
    for number in range(recordings):
        split = "test" if number % 4 == 3 else "train"
        name = f"dev-{split}-made/fold1_room1_mix{number:03d}"
        samples = 4 * RATE_HZ
        foa, rows = rng.normal(0, 1e-3, (4, samples)), []
        for start_s in (0.0, 2.0):
            label, azimuth_deg, elevation_deg = number % 2, int(rng.integers(-180, 181)), int(rng.integers(-20, 21))
            first, count = round(start_s * RATE_HZ), round(1.4 * RATE_HZ)
            gains = ambisonics.encoding_gains(np.radians(azimuth_deg), np.radians(elevation_deg))
            foa[:, first : first + count] += gains[:, None] * burst(rng, label, count)
            rows += [
                f"{frame},{label},0,{azimuth_deg},{elevation_deg},200\n"
                for frame in range(round(start_s * 10), round(start_s * 10) + 14)
            ]
        for part, suffix in (("foa_dev", ".wav"), ("metadata_dev", ".csv")):
            (folder / part / f"{name}{suffix}").parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / "foa_dev" / f"{name}.wav", foa.T, RATE_HZ, subtype="PCM_16")
        (folder / "metadata_dev" / f"{name}.csv").write_text("".join(rows))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("data"), 32, seed=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model") / "model", model={"width": 8})


@pytest.fixture(scope="module")
def model(folder: Path) -> AVSAModel:
    return AVSAModel.from_pretrained(folder)


@pytest.fixture(scope="module")
def trained(data: Path, model: AVSAModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("head")
    learning.train_head(model, data, out, QUICK)
    return out


def always_one_place(data: Path, classes: Iterable[int] = (0, 1)) -> LocalisationScores:
    """Who says each class all the time, to the front."""
    scorer = LocalisationScorer()
    for recording in find_recordings(data, "test"):
        references = reference_frames(read_labels(recording.labels), recording.frames)
        scorer.add(references, [{label: np.array([[1.0, 0, 0]]) for label in classes}] * recording.frames)
    return scorer.scores()


def test_a_head_finds_sounds_that_it_has_not_heard(data: Path, model: AVSAModel, trained: Path) -> None:
    head = learning.read_head(trained, model)
    result = learning.evaluate_head(model, head, data, cache=trained / learning.FEATURES)
    blind = always_one_place(data)
    assert result.recordings == 8
    assert result.scores.f20 > max(0.5, 2 * blind.f20)
    assert result.scores.er20 < min(0.7, blind.er20)
    assert result.scores.le_deg < 20 < blind.le_deg
    assert result.scores.lr > 0.7


def test_the_model_stays_as_it_is_and_features_are_computed_once(
    data: Path, model: AVSAModel, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = learning._digest(model)
    monkeypatch.setattr(model.network.sound, "forward", lambda x: pytest.fail("computed again"))
    again = learning.train_head(model, data, trained, QUICK)
    assert learning._digest(model) == before
    first = learning.read_head(trained, model).head.state_dict()
    assert all((value == first[name]).all() for name, value in again.head.state_dict().items())  # same seed, same head


def test_few_recordings_are_gone_through_more_often(
    data: Path, model: AVSAModel, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """24 recordings of 8 windows make two batches of at most 16 a pass."""
    monkeypatch.setattr(settings_module, "LEAST_STEPS", 11)
    monkeypatch.setattr(settings_module, "USUAL_EPOCHS", 3)
    shutil.copytree(trained / learning.FEATURES, tmp_path / learning.FEATURES)
    said: list[str] = []
    for changes in ([], ["epochs=2"]):
        settings = override(DoaSettings(around=4, hidden=8), changes)
        learning.train_head(model, data, tmp_path, settings, said=lambda _, done, total: said.append(f"{done}/{total}"))
    assert [text for text in said if text in ("6/6", "2/2")] == ["6/6", "2/2"]


def test_another_model_is_refused(data: Path, model: AVSAModel, trained: Path, tmp_path: Path) -> None:
    head = learning.read_head(trained, model)
    other = learning.TrainedHead(head.head, head.settings, head.classes, "another")
    with pytest.raises(UsageError, match="expected the model whose features"):
        learning.evaluate_head(model, other, data, cache=tmp_path)


def test_video_is_asked_for_where_there_is_none(data: Path, model: AVSAModel, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a picture in video_dev"):
        learning.train_head(model, data, tmp_path, override(QUICK, ["inputs=[sound, video]"]))


def test_settings_that_do_not_fit_are_named() -> None:
    with pytest.raises(UsageError, match="threshold"):
        override(QUICK, ["threshold=1"])
    with pytest.raises(UsageError, match="inputs must differ"):
        override(QUICK, ["inputs=[sound, sound]"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"format": "other"}, "expected a head of yt360 doa train"),
        ({"classes": 0}, "expected a number of classes"),
        ({"classes": "3"}, "expected a number of classes"),
        ({"classes": 7}, "another architecture"),
        ({"settings": {"hidden": 1}}, "hidden"),
        ({"settings": 3}, "do not fit"),
    ],
)
def test_a_folder_that_is_no_head_is_refused(
    change: dict[str, object], expected: str, model: AVSAModel, trained: Path, tmp_path: Path
) -> None:
    (tmp_path / learning.WEIGHTS).write_bytes((trained / learning.WEIGHTS).read_bytes())
    about = json.loads((trained / learning.ABOUT).read_text())
    (tmp_path / learning.ABOUT).write_text(json.dumps(about | change))
    with pytest.raises(UsageError, match=expected):
        learning.read_head(tmp_path, model)


def test_estimates_can_be_read_as_labels(data: Path, folder: Path, trained: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        doa_group,
        ["evaluate", "--model", str(folder), "--head", str(trained), "--data", str(data), "--out", str(tmp_path)],
    )
    assert done.exit_code == 0, done.output
    assert "8 recordings: F20 0." in done.output
    names = {each.name for each in find_recordings(data, "test")}
    assert {str(path.relative_to(tmp_path))[:-4] for path in tmp_path.rglob("*.csv")} == names
    held = json.loads((tmp_path / "scores.json").read_text())
    scorer = LocalisationScorer()
    for recording in find_recordings(data, "test"):
        found = reference_frames(read_labels(tmp_path / f"{recording.name}.csv"), recording.frames)
        scorer.add(reference_frames(read_labels(recording.labels), recording.frames), found)
    assert held["lr"] == pytest.approx(scorer.scores().lr)
    assert held["le_deg"] == pytest.approx(scorer.scores().le_deg, abs=1)  # whole degrees


@pytest.mark.slow
def test_on_a_world_a_head_beats_who_always_says_the_same(tmp_path: Path) -> None:
    """Twelve classes by the features of the shipped model: random ones found nothing in a world as small."""
    world = tmp_path / "world"
    model = AVSAModel.from_pretrained(SHIPPED_MODEL)
    make_starss_world(world, recordings=48, seed=7, duration_s=10.0)
    head = learning.train_head(model, world, tmp_path / "head")
    scores = learning.evaluate_head(model, head, world, cache=tmp_path / "head" / learning.FEATURES).scores
    blind = always_one_place(world, range(head.classes))
    assert scores.f20 > 3 * blind.f20
    assert scores.er20 < min(1.0, blind.er20)
    assert scores.le_deg < blind.le_deg
