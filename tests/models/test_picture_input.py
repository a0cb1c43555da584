from __future__ import annotations

import logging
from typing import Literal

import pytest
import torch

from tests.training.world import tiny
from yt360.evaluation import pretrained
from yt360.evaluation.recipe import parse_evaluation
from yt360.models.picture_input import PictureInput
from yt360.models.settings import ModelDescription, ModelSettings

SCALES = [("imagenet", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
SCALES += [("kinetics", [0.43216, 0.394666, 0.37645], [0.22803, 0.22145, 0.216989])]


@pytest.mark.parametrize(("scale", "mean", "std"), SCALES)
def test_mean_and_deviation_of_each_colour_are_taken_off(
    scale: Literal["imagenet", "kinetics"], mean: list[float], std: list[float]
) -> None:
    pictures = torch.randint(0, 256, (2, 3, 4, 6, 5, 3), dtype=torch.uint8)
    found = PictureInput(scale)(pictures)
    expected = ((pictures / 255 - torch.tensor(mean)) / torch.tensor(std)).permute(0, 1, 5, 2, 3, 4)
    assert found.shape == (2, 3, 3, 4, 6, 5)
    torch.testing.assert_close(found, expected)


def test_kinetics_scale_is_that_of_torchvisions_weights() -> None:
    video = pytest.importorskip("torchvision.models.video")
    wanted = video.R2Plus1D_18_Weights.KINETICS400_V1.transforms()
    assert (wanted.mean, wanted.std) == (SCALES[1][1], SCALES[1][2])


def test_a_model_says_its_scale_only_where_it_is_not_the_papers() -> None:
    """Version 0.1 reads descriptions with the keys that it knows."""
    assert PictureInput().state_dict() == {}
    assert "picture_scale" not in tiny().description().to_json()["model"]
    told = tiny(model={"picture_scale": "kinetics"}).description().to_json()
    assert ModelDescription.model_validate(told).model.picture_scale == "kinetics"
    assert ModelSettings().picture_scale == "imagenet"


def test_weights_of_others_get_pictures_in_the_scale_of_their_training(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert ModelSettings(video="torchvision", pretrained=True).picture_scale == "kinetics"
        assert ModelSettings(video="torchvision").picture_scale == "imagenet"
        assert not caplog.records
        kept = ModelSettings(video="torchvision", pretrained=True, picture_scale="imagenet")
    assert kept.picture_scale == "imagenet"
    assert "picture_scale: kinetics" in caplog.text


def test_the_kinetics_row_is_judged_on_pictures_in_the_scale_of_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torchvision")
    asked = parse_evaluation({"name": "x", "weights": "kinetics", "tasks": [{"task": "segmentation"}]}, "x")
    monkeypatch.setattr(pretrained, "video_encoder", lambda settings: torch.nn.Identity())
    found = pretrained.load_pretrained(asked, None, torch.device("cpu"))
    pictures = torch.full((1, 1, 1, 2, 2, 3), 255, dtype=torch.uint8)
    expected = (1 - torch.tensor(SCALES[1][1])) / torch.tensor(SCALES[1][2])
    torch.testing.assert_close(found.pictures(pictures)[0, 0, :, 0, 0, 0], expected)
