import pytest
import torch

from tests.training.world import tiny
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.training.step import TrainStep


def test_a_phase_may_have_a_learning_rate_of_its_own() -> None:
    phase = {"objective": "avsa", "views": 2, "batch": 2, "translators": False, "steps": 1}
    phases = [{"name": "first", **phase}, {"name": "second", **phase, "learning_rate": 5e-4}]
    recipe = tiny(phases=phases, optimiser={"learning_rate": 2e-3})
    rates = []
    for number in range(2):
        train_step = TrainStep(recipe, number, torch.device("cpu"), SpatialSpectrogram(recipe.sound))
        train_step.prepare()
        rates.append(train_step.optimiser.param_groups[0]["lr"])
    assert rates == [2e-3, 5e-4]


def test_a_phase_may_end_slowly() -> None:
    phase = {"name": "only", "objective": "avsa", "views": 2, "batch": 2, "translators": False}
    recipe = tiny(phases=[{**phase, "steps": 40, "schedule": "cosine"}], optimiser={"learning_rate": 2e-3})
    train_step = TrainStep(recipe, 0, torch.device("cpu"), SpatialSpectrogram(recipe.sound))
    train_step.prepare(steps=40)
    rates = []
    for number in (1, 4, 21, 40):
        train_step.set_rate(number)
        rates.append(train_step.optimiser.param_groups[0]["lr"] / 2e-3)
    assert rates == pytest.approx([0.25, 0.98618, 0.5, 0.00154], abs=1e-4)
