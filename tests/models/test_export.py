"""Exported graphs compute what the model computes, for any number of views, and say what they take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from tests.inference.scenes import model_folder
from yt360.cli.export import export_command
from yt360.errors import UsageError, Yt360Error
from yt360.models import export
from yt360.models.avsa_model import AVSAModel
from yt360.models.export_parts import ExportPart, Port, export_parts
from yt360.models.shipped import SHIPPED_MODEL

onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra export")
TARGETS: tuple[export.Target, ...] = ("onnx", "torch-export")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model") / "model", model={"width": 8})


@pytest.fixture(scope="module")
def model(folder: Path) -> AVSAModel:
    return AVSAModel.from_pretrained(folder)


@pytest.fixture
def translators_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The part that is exported fastest."""
    monkeypatch.setattr(export, "export_parts", lambda model: export_parts(model)[2:])


def inputs_of(model: AVSAModel, moments: int, directions: int) -> dict[str, torch.Tensor]:
    """Random input as the processor makes it."""
    made, generator = model.processor_settings, torch.Generator().manual_seed(moments)
    shape = (moments, directions, made.frames, made.size, made.size, 3)
    turned = torch.linalg.qr(torch.randn(moments, directions, 3, 3, generator=generator)).Q
    matrices = torch.eye(4).repeat(moments, directions, 1, 1)
    matrices[..., 1:, 1:] = turned
    return {
        "pictures": torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator),
        "sound": 0.1 * torch.randn(moments, 1, 4, made.samples, generator=generator),
        "matrices": matrices,
        "directions": torch.nn.functional.normalize(torch.randn(moments, directions, 3, generator=generator), dim=-1),
    }


def run(path: Path, given: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return [torch.from_numpy(each) for each in session.run(None, {name: x.numpy() for name, x in given.items()})]
    return list(torch.export.load(path).module()(*given.values()))


def difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected.reshape(found.shape)).square().mean().sqrt() / expected.std())


def check(files: tuple[Path, ...], model: AVSAModel) -> None:
    """Graphs against the whole model, for one view and for moments of several."""
    video, sound, translators = files
    for moments, directions in ((1, 1), (2, 5)):
        given = inputs_of(model, moments, directions)
        expected = model(**given)
        seen, seen_embedding = run(video, {"pictures": given["pictures"].flatten(0, 1)})
        waves = given["sound"].expand(-1, directions, -1, -1).flatten(0, 1).contiguous()
        _, heard, heard_embedding = run(sound, {"sound": waves, "matrices": given["matrices"].flatten(0, 1)})
        grouped = (moments, directions, -1)
        found = run(
            translators,
            {
                "video_features": seen.view(grouped),
                "sound_features": heard.view(grouped),
                "directions": given["directions"],
            },
        )
        pairs = [
            (seen, expected.video),
            (heard, expected.sound),
            (seen_embedding, expected.video_embedding),
            (heard_embedding, expected.sound_embedding),
            (found[0], expected.video_from_sound),
            (found[1], expected.sound_from_video),
            (found[2], expected.predicted_video_embedding),
            (found[3], expected.predicted_sound_embedding),
        ]
        assert max(difference(one, other) for one, other in pairs) < 5e-6


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("weights", [SHIPPED_MODEL, "random"])
def test_graphs_together_compute_what_the_model_computes(
    target: export.Target, weights: str, folder: Path, tmp_path: Path
) -> None:
    """Far below the limit of the export: what hung on a runtime's rounding in the transform does not do so any more."""
    model = AVSAModel.from_pretrained(folder if weights == "random" else weights)
    made = export.export_model(model, tmp_path / "out", target)
    assert all(value < 2e-6 for part in made.differences.values() for value in part.values())
    check(made.files, model)


@pytest.mark.parametrize("target", [pytest.param("onnx", marks=pytest.mark.slow), "torch-export"])
def test_a_graph_says_what_it_takes_and_what_it_is_of(
    target: export.Target, model: AVSAModel, tmp_path: Path, translators_alone: None
) -> None:
    (path,) = export.export_model(model, tmp_path / "out", target).files
    if target == "onnx":
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        said = session.get_modelmeta().custom_metadata_map
        assert {each.name: each.shape for each in session.get_inputs()} == {
            "video_features": ["moments", "directions", model.config.model.features],
            "sound_features": ["moments", "directions", model.config.model.features],
            "directions": ["moments", "directions", 3],
        }
    else:
        said = dict.fromkeys(("part", "inputs", "outputs", "config", "preprocessor", "sound", "directions"), "")
        torch.export.load(path, extra_files=said)
    assert json.loads(said["part"]) == "translators"
    assert json.loads(said["inputs"])["directions"] == {
        "axes": ["moments", "directions", 3],
        "dtype": "float32",
        "meaning": "unit vectors of the views' centres",
    }
    assert json.loads(said["config"]) == model.config.to_json()
    assert json.loads(said["preprocessor"])["sample_rate_hz"] == 24000
    assert "SN3D" in json.loads(said["sound"])
    assert "counter-clockwise" in json.loads(said["directions"])
    index = json.loads((tmp_path / "out" / export.INDEX).read_text())
    assert index["target"] == target
    assert index["parts"]["translators"]["inputs"] == json.loads(said["inputs"])


def part_of(**outputs: int) -> ExportPart:
    ports = {name: Port(("views", size), "float32", "") for name, size in outputs.items()}
    return ExportPart("part", torch.nn.Identity(), {}, ports, ())


@pytest.mark.parametrize("off", [1.001, 3.0, float("nan")])
def test_what_differs_by_more_than_the_limit_is_refused(off: float) -> None:
    own = torch.randn(1000, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    other = own + off * export.LARGEST_DIFFERENCE * own.std()
    with pytest.raises(Yt360Error, match=r"a\.onnx: expected the output 'x' to differ"):
        export._compare(part_of(x=8), "a.onnx", (own,), (other,))


def test_what_differs_by_less_is_not() -> None:
    own = torch.randn(1000, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    other = own + 0.999 * export.LARGEST_DIFFERENCE * own.std()
    assert export._compare(part_of(x=8), "a.onnx", (own,), (other,)) == {"x": pytest.approx(0.999e-5, rel=1e-3)}


def test_of_a_refused_export_nothing_is_left(model: AVSAModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(part: ExportPart, path: Path, *_: object) -> dict[str, float]:
        if part.name == "sound":
            raise Yt360Error("differs")
        path.touch()
        return {}

    monkeypatch.setattr(export, "_write", refuse)
    with pytest.raises(Yt360Error, match="differs"):
        export.export_model(model, tmp_path / "out", "onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_command_replaces_an_earlier_export_and_nothing_else(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(part: ExportPart, path: Path, *_: object) -> dict[str, float]:
        path.touch()
        return {"x": 3e-6}

    monkeypatch.setattr(export, "_write", write)
    words = ["--model", str(folder), "--out", str(tmp_path / "out"), "--to"]
    for target, suffix in (("torch-export", "pt2"), ("onnx", "onnx"), ("onnx", "onnx")):
        done = CliRunner().invoke(export_command, [*words, target])
        assert done.exit_code == 0, done.output
        assert f"video.{suffix}: differs by at most 3.0e-06 standard deviations" in done.output
        names = {path.name for path in (tmp_path / "out").iterdir()}
        assert names == {"export.json", f"video.{suffix}", f"sound.{suffix}", f"translators.{suffix}"}
    (tmp_path / "out" / "mine.txt").write_text("kept")
    done = CliRunner().invoke(export_command, [*words, "onnx"])
    assert isinstance(done.exception, UsageError)
    assert "mine.txt" in str(done.exception)
    assert (tmp_path / "out" / "mine.txt").read_text() == "kept"


def test_examples_are_unlike_each_other(model: AVSAModel) -> None:
    """The check would say little on input that is all alike."""
    video, sound, _ = export_parts(model)
    (pictures,) = video.example
    assert float(pictures.float().mean(dim=(1, 2, 3, 4)).std()) > 10
    spectrograms = sound.module(*sound.example)[0]
    assert float(spectrograms.std(dim=0).mean()) > 0.3 * float(spectrograms.std())


def test_a_model_without_translation_networks_has_two_parts(model: AVSAModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model.network, "translates", False)
    assert [part.name for part in export_parts(model)] == ["video", "sound"]
