"""The network for a processor finds what the network as it was trained finds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.segmentation.random_weights import NARROW, NARROW_PICTURES, random_picture, random_weights
from yt360.segmentation.backends import fpn as backend
from yt360.segmentation.backends import load_model
from yt360.segmentation.fpn.backbone import Convolution, FrozenBatchNorm
from yt360.segmentation.fpn.fused import FusedConvolution, can_fuse, fuse
from yt360.segmentation.fpn.model import PanopticFPN
from yt360.segmentation.settings import PanopticModelSettings

_NEEDS_BFLOAT16 = pytest.mark.skipif(not can_fuse(torch.bfloat16), reason="this processor has no bfloat16 for torch")


def _network() -> PanopticFPN:
    network = PanopticFPN(NARROW).eval().requires_grad_(False)
    weights = random_weights({name: tuple(value.shape) for name, value in network.state_dict().items()}, 1)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return network


def _frozen() -> FrozenBatchNorm:
    norm = FrozenBatchNorm(24)
    norm.load_state_dict({name: torch.rand(24) + 0.5 for name in norm.state_dict()})
    return norm


def _drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(
    ("kind", "plus"), [("bias", False), ("bias", True), ("frozen", False), ("frozen", True), ("group", False)]
)
@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (1, 2), (3, 1), (7, 2)])
def test_convolution_is_the_same(kernel: int, stride: int, kind: str, relu: bool, plus: bool) -> None:
    torch.manual_seed(4)
    norm: nn.Module | None = {"bias": None, "frozen": _frozen(), "group": nn.GroupNorm(4, 24)}[kind]
    usual = Convolution(16, 24, kernel, stride=stride, norm=norm, relu=relu).requires_grad_(False)
    x = _drawn(1, 16, 30, 42).contiguous(memory_format=torch.channels_last)
    size = usual(x).shape
    added = 3 * _drawn(*size).contiguous(memory_format=torch.channels_last) if plus else None
    wanted = usual(x.clone(), added)
    found = FusedConvolution(usual)(x, added)
    assert float(wanted.min()) < 0 or relu
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_all_of_a_network_finds_the_same() -> None:
    """Logits within a part in 100,000 of the largest; the maps' pixels but for a few at borders, and every segment."""
    usual, fused = _network(), _network()
    fuse(fused)
    assert not [name for name, module in fused.named_modules() if isinstance(module, Convolution)]
    for number, size in enumerate(NARROW_PICTURES):
        picture = random_picture(number, size)
        (wanted,), (found,) = usual([picture]), fused([picture])
        torch.testing.assert_close(found.semantic, wanted.semantic, rtol=0, atol=1e-5 * float(wanted.semantic.max()))
        kinds = [[(s.id, s.is_thing, s.label) for s in output.segments] for output in (found, wanted)]
        assert kinds[0] == kinds[1]
        assert len(kinds[1]) > 5
        assert float((found.ids == wanted.ids).float().mean()) >= 0.999


@_NEEDS_BFLOAT16
def test_bfloat16_finds_much_the_same() -> None:
    """As far from the network as it was trained as a mantissa of 8 bits leaves it, and no nearer."""
    usual, fused = _network(), _network()
    fuse(fused, torch.bfloat16)
    convolutions = [module for module in fused.modules() if isinstance(module, FusedConvolution)]
    assert {module.weight.dtype for module in convolutions} == {torch.bfloat16}
    picture = random_picture(1, NARROW_PICTURES[1])
    (wanted,), (found,) = usual([picture]), fused([picture])
    assert found.semantic.dtype == found.instances.scores.dtype == torch.float32
    assert 0 < (found.semantic - wanted.semantic).abs().mean() < 0.05 * wanted.semantic.abs().mean()


@pytest.mark.parametrize("bfloat16", [False, pytest.param(True, marks=_NEEDS_BFLOAT16)])
@pytest.mark.parametrize("channels_last", [False, True])
def test_processor_gets_the_fused_one(bfloat16: bool, channels_last: bool) -> None:
    model = load_model(
        PanopticModelSettings(model="world-fpn", device="cpu", bfloat16=bfloat16, channels_last=channels_last)
    )
    assert isinstance(model, backend.FpnModel)
    found = [module for module in model.network.modules() if isinstance(module, FusedConvolution)]
    assert len(found) > 30
    assert {module.weight.dtype for module in found} == {torch.bfloat16 if bfloat16 else torch.float32}


def test_torch_without_the_operators_makes_the_same_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = PanopticModelSettings(model="world-fpn", device="cpu")
    fused = load_model(settings)
    monkeypatch.setattr(backend, "can_fuse", lambda dtype: False)
    usual = load_model(settings)
    picture = random_picture(3, (224, 448))
    (wanted,), (found,) = usual.predict([picture]), fused.predict([picture])
    np.testing.assert_array_equal(found.ids, wanted.ids)
    assert [(s.id, s.category_id, s.area) for s in found.segments] == [
        (s.id, s.category_id, s.area) for s in wanted.segments
    ]
