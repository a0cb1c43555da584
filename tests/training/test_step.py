from pathlib import Path

import pytest
import torch

from benchmarks.step import random_batch
from tests.training.world import tiny
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.training.checkpoints import State, write_checkpoint
from yt360.training.recipe import RunSettings
from yt360.training.samples import Batch
from yt360.training.step import TrainStep

PHASE = {"name": "only", "objective": "avsa", "views": 2, "batch": 2, "translators": False, "steps": 4}


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


def test_a_step_is_that_of_plain_adam() -> None:
    """The optimiser goes over all parameters at once; the numbers are those of going over them one by one."""
    recipe = tiny(
        phases=[{"name": "only", "objective": "avsa", "views": 2, "batch": 2, "translators": False, "steps": 3}]
    )
    train_step = TrainStep(recipe, 0, torch.device("cpu"), SpatialSpectrogram(recipe.sound))
    train_step.prepare(steps=3)
    parameters = list(train_step.model.parameters())
    others = [parameter.detach().clone().requires_grad_() for parameter in parameters]
    settings = recipe.optimiser
    plain = torch.optim.Adam(
        others, lr=train_step.rate, betas=settings.betas, weight_decay=settings.weight_decay, foreach=False, fused=False
    )
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        for parameter, other in zip(parameters, others, strict=True):
            # As autograd leaves it: in the layout of the parameter.
            parameter.grad = torch.empty_like(parameter).copy_(torch.randn(parameter.shape, generator=generator))
            other.grad = parameter.grad.clone()
        train_step.optimiser.step()
        plain.step()
    for parameter, other in zip(parameters, others, strict=True):
        torch.testing.assert_close(parameter, other, rtol=1e-5, atol=1e-7)


def test_a_step_that_computes_activations_again_is_the_same() -> None:
    phases = [{"name": "only", "objective": "avsa", "views": 2, "batch": 2, "translators": True, "steps": 2}]
    after = []
    for recompute in (False, True):
        recipe = tiny(phases=phases, run={"recompute": recompute})
        train_step = TrainStep(recipe, 0, torch.device("cpu"), SpatialSpectrogram(recipe.sound))
        train_step.prepare(steps=2)
        train_step.model.train()
        assert train_step.model.video.recompute is recompute
        batch = random_batch(recipe, 0, 2)
        results = [train_step.step(number, [batch]) for number in (1, 2)]
        after.append((results, train_step.model.state_dict()))
    torch.testing.assert_close(after[1][0], after[0][0])
    torch.testing.assert_close(after[1][1], after[0][1])


def test_compiling_and_computing_again_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="give one of them"):
        RunSettings(compile=True, recompute=True)
    RunSettings(compile=True)
    RunSettings(recompute=True)


def steps_of(train_step: TrainStep, batch: Batch, count: int) -> list[float]:
    return [float(train_step.step(number + 1, [batch])[0]) for number in range(count)]


def test_channels_are_last_on_a_cpu_and_change_nothing_but_speed() -> None:
    recipe = tiny(phases=[PHASE], optimiser={"learning_rate": 1e-2})
    batch = random_batch(recipe, 0, 2)
    losses = {}
    for last in (True, False):
        train_step = TrainStep(recipe, 0, torch.device("cpu"), SpatialSpectrogram(recipe.sound))
        assert train_step.channels_last
        train_step.channels_last = last
        train_step.prepare(steps=4)
        train_step.model.train()
        weight = train_step.model.video.get_parameter("stages.1.0.spatial1.weight")
        assert weight.is_contiguous(memory_format=torch.channels_last_3d) == last
        losses[last] = steps_of(train_step, batch, 4)
    assert losses[True] == pytest.approx(losses[False], rel=1e-3)
    assert abs(losses[True][3] - losses[True][0]) > 0.01


@pytest.mark.parametrize(("precision", "half"), [("fp32", False), ("bf16", False), ("fp16", True)])
def test_bfloat16_is_left_to_gpus(precision: str, half: bool) -> None:
    """oneDNN's gradients of the weights are infinite in bfloat16 where a clip is two frames deep."""
    recipe = tiny(phases=[PHASE], run={"precision": precision})
    train_step = TrainStep(recipe, 0, torch.device("cpu"), SpatialSpectrogram(recipe.sound))
    with train_step.autocast:
        assert torch.is_autocast_enabled("cpu") is half


def test_moments_are_read_into_the_layout_of_their_parameters(tmp_path: Path) -> None:
    """A fused optimiser goes through parameters and moments side by side as they lie in memory."""
    recipe = tiny(phases=[PHASE])
    batch = random_batch(recipe, 0, 2)
    train_step = TrainStep(recipe, 0, torch.device("cpu"), SpatialSpectrogram(recipe.sound))
    train_step.prepare(steps=4)
    steps_of(train_step, batch, 2)
    state, spectrogram = State(phase=0, step=2), train_step.spectrogram
    path = write_checkpoint(tmp_path, recipe, state, train_step.model, spectrogram, train_step.optimiser, keep=1)
    again = TrainStep(recipe, 0, torch.device("cpu"), SpatialSpectrogram(recipe.sound))
    again.prepare(steps=4, checkpoint=path)
    for one, other in zip(train_step.model.parameters(), again.model.parameters(), strict=True):
        for key in ("exp_avg", "exp_avg_sq"):
            assert again.optimiser.state[other][key].stride() == other.stride()
            assert torch.equal(again.optimiser.state[other][key], train_step.optimiser.state[one][key])
