"""Computing activations again changes memory and time and nothing else."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from yt360.models.video_net import R2Plus1D, TorchvisionR2Plus1D


def _small(kind: str) -> tuple[R2Plus1D | TorchvisionR2Plus1D, Tensor]:
    torch.manual_seed(3)
    if kind == "torchvision":
        pytest.importorskip("torchvision")
        return TorchvisionR2Plus1D(), torch.randn(2, 3, 2, 16, 16)
    return R2Plus1D(width=4, depth=18), torch.randn(3, 3, 4, 24, 24)


def _after_a_step(encoder: nn.Module, x: Tensor) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor], int]:
    """Output, gradients, everything that a checkpoint of the encoder holds, and the bytes kept for gradients."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, nn.Parameter):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    encoder.train()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = encoder(x)
        size = sum(kept.values())
    (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum().backward()
    gradients = {name: each.grad for name, each in encoder.named_parameters() if each.grad is not None}
    return y.detach(), gradients, dict(encoder.state_dict()), size


@pytest.mark.parametrize("kind", ["own", "torchvision"])
def test_outputs_gradients_and_statistics_are_the_same_and_less_is_kept(kind: str) -> None:
    keeping, x = _small(kind)
    again = copy.deepcopy(keeping)
    again.recompute = True
    y, gradients, state, size = _after_a_step(keeping, x)
    y_again, gradients_again, state_again, size_again = _after_a_step(again, x)
    assert torch.equal(y_again, y)
    assert gradients_again.keys() == gradients.keys() == dict(keeping.named_parameters()).keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradients_again[name], gradient, msg=name)
    # Running means would move twice, and batches count twice, if the second pass were a batch of its own.
    assert any(name.endswith("num_batches_tracked") for name in state)
    for name, value in state.items():
        torch.testing.assert_close(state_again[name], value, msg=name)
    assert size_again < 0.5 * size


def test_without_gradients_nothing_is_set_up_for_a_second_pass() -> None:
    encoder, x = _small("own")
    encoder.eval()
    with torch.no_grad():
        expected = encoder(x)
        encoder.recompute = True
        assert torch.equal(encoder(x), expected)


def test_statistics_are_the_encoders_own_after_a_backward_pass_that_fails() -> None:
    encoder, x = _small("own")
    encoder.recompute = True
    before = dict(encoder.named_buffers())
    y = encoder.train()(x)
    norm = encoder.get_submodule("stages.2.0.out_norm")

    def fails(*_: object) -> None:
        raise RuntimeError("in the second pass")

    norm.register_forward_hook(fails)
    with pytest.raises(RuntimeError, match="in the second pass"):
        y.sum().backward()
    assert all(buffer is before[name] for name, buffer in encoder.named_buffers())
