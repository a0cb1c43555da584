from __future__ import annotations

import math
from typing import Any, Literal

import pytest
import torch
from torch.nn import functional

from tests.training.world import tiny
from yt360.models.audio_visual import AudioVisualModel
from yt360.models.settings import TranslatorSettings
from yt360.models.sound_net import SoundNet
from yt360.models.translators import TranslationNet
from yt360.models.video_net import R2Plus1D, R2Plus1DBlock


def parameters(module: torch.nn.Module) -> float:
    """In millions."""
    return sum(p.numel() for p in module.parameters()) / 1e6


def test_parameter_counts_of_the_published_networks() -> None:
    """Facts 1.4: 15.38 M, 4.74 M, 6.30 M and 8.40 M."""
    assert parameters(R2Plus1D()) == pytest.approx(15.38, abs=0.005)
    assert parameters(SoundNet()) == pytest.approx(4.74, abs=0.005)
    assert parameters(TranslationNet(512, TranslatorSettings())) == pytest.approx(6.30, abs=0.01)
    assert parameters(TranslationNet(512, TranslatorSettings(kind="mlp"))) == pytest.approx(8.40, abs=0.01)


def test_feature_maps_have_the_published_shapes() -> None:
    net = R2Plus1D(width=8).eval()
    with torch.no_grad():
        maps = net.maps(torch.zeros(1, 3, 8, 112, 112))
        assert [tuple(m.shape[1:]) for m in maps] == [
            (8, 8, 56, 56),
            (8, 8, 56, 56),
            (16, 4, 28, 28),
            (32, 2, 14, 14),
            (64, 1, 7, 7),
        ]
        assert net(torch.zeros(1, 3, 8, 112, 112)).shape == (1, 64)
        assert SoundNet(4, 8).eval()(torch.zeros(1, 4, 100, 128)).shape == (1, 64)


def test_block_is_the_published_formula() -> None:
    """relu(bn(main + shortcut)): one norm after the sum, none on the shortcut."""
    torch.manual_seed(0)
    block: Any = R2Plus1DBlock(4, 6, stride=2).eval()
    x = torch.randn(2, 4, 4, 10, 10)
    with torch.no_grad():
        y = functional.conv3d(x, block.spatial1.weight, stride=(1, 2, 2), padding=(0, 1, 1))
        y = functional.relu(block.spatial1_norm(y))
        y = functional.conv3d(y, block.temporal1.weight, stride=(2, 1, 1), padding=(1, 0, 0))
        y = functional.relu(block.temporal1_norm(y))
        y = functional.relu(block.spatial2_norm(functional.conv3d(y, block.spatial2.weight, padding=(0, 1, 1))))
        y = functional.conv3d(y, block.temporal2.weight, padding=(1, 0, 0))
        y = functional.relu(block.out_norm(y + functional.conv3d(x, block.shortcut.weight, stride=2)))
        torch.testing.assert_close(block(x), y)


def test_translator_is_the_papers_equations() -> None:
    """Eqs. 3 to 5 with explicit matrices, and the published ReLU after each layer."""
    torch.manual_seed(0)
    net = TranslationNet(16, TranslatorSettings(depth=1)).eval()
    layer: Any = net.layers[0]
    x = torch.randn(2, 5, 16)
    with torch.no_grad():
        attention = layer.mixing
        weights = torch.softmax(attention.query(x) @ attention.key(x).transpose(1, 2) / math.sqrt(16), dim=-1)
        y = layer.mixing_norm(x + attention.out(weights @ attention.value(x)))
        z = layer.dense_norm(y + layer.dense[2](torch.clamp(layer.dense[0](y), min=0)))
        torch.testing.assert_close(net(x, torch.zeros(2, 5, 3)), torch.relu(z))
        layer._out_activation = False
        torch.testing.assert_close(net(x, torch.zeros(2, 5, 3)), z)


def test_translators_see_other_views_and_mlps_do_not() -> None:
    torch.manual_seed(0)
    x, directions = torch.randn(1, 4, 16), torch.zeros(1, 4, 3)
    changed = x.clone()
    changed[:, 3] += 1
    kinds: tuple[tuple[Literal["transformer", "mlp"], bool], ...] = (("transformer", True), ("mlp", False))
    for kind, sees in kinds:
        net = TranslationNet(16, TranslatorSettings(kind=kind)).eval()
        with torch.no_grad():
            moved = (net(x, directions)[:, 0] - net(changed, directions)[:, 0]).abs().max() > 1e-6
        assert bool(moved) == sees


def test_permuting_views_permutes_the_translation() -> None:
    torch.manual_seed(0)
    for positions in (False, True):
        net = TranslationNet(16, TranslatorSettings(positions=positions)).eval()
        x, directions = torch.randn(2, 4, 16), torch.randn(2, 4, 3)
        order = torch.tensor([2, 0, 3, 1])
        torch.testing.assert_close(net(x, directions)[:, order], net(x[:, order], directions[:, order]))


def test_positions_matter_only_when_asked_for() -> None:
    torch.manual_seed(0)
    x, near, far = torch.randn(1, 4, 16), torch.zeros(1, 4, 3), torch.ones(1, 4, 3)
    for positions in (False, True):
        net = TranslationNet(16, TranslatorSettings(positions=positions)).eval()
        assert bool((net(x, near) - net(x, far)).abs().max() > 1e-6) == positions


@pytest.mark.parametrize("translators", [False, True])
@pytest.mark.parametrize("whole_video", [False, True])
def test_embeddings_are_unit_vectors_of_the_right_shape(translators: bool, whole_video: bool) -> None:
    model = AudioVisualModel(tiny().model, 4, translators=translators, whole_video=whole_video).eval()
    with torch.no_grad():
        inputs = torch.randn(3, 2, 3, 4, 16, 16), torch.randn(3, 2, 4, 25, 16), torch.randn(3, 2, 3)
        for by_view in (False, True):
            for embedding in model(*inputs, by_view=by_view):
                assert embedding.shape == (3, 1 if whole_video and not by_view else 2, 8)
                torch.testing.assert_close(embedding.norm(dim=-1), torch.ones(embedding.shape[:2]))


@pytest.mark.parametrize("translators", [False, True])
@pytest.mark.parametrize("whole_video", [False, True])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_heads_on_the_encoders_features_are_the_forward_pass(
    translators: bool, whole_video: bool, precision: Any
) -> None:
    """Training and evaluation embed alike, and no autocast touches the heads."""
    torch.manual_seed(0)
    model = AudioVisualModel(tiny().model, 4, translators=translators, whole_video=whole_video).eval()
    pictures, spectrograms = torch.randn(3, 2, 3, 4, 16, 16), torch.randn(3, 2, 4, 25, 16)
    directions = torch.randn(3, 2, 3)
    with torch.no_grad(), torch.autocast("cpu", dtype=precision, enabled=precision is torch.bfloat16):
        video = model.video(pictures.flatten(0, 1)).view(3, 2, -1)
        sound = model.sound(spectrograms.flatten(0, 1)).view(3, 2, -1)
        ours = model.heads(video, sound, directions, whole_video=whole_video)
        whole = model(pictures, spectrograms, directions)
    pooled = video.amax(dim=1, keepdim=True) if whole_video else video
    target = functional.normalize(model.video_head(pooled.float()), dim=-1)
    torch.testing.assert_close(ours.video_target, target, rtol=0, atol=0)
    for one, other in zip(ours, whole, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_bug_avc_with_several_views_and_translators_crashed() -> None:
    """Bug 3: the published 'avc' objective dies in its metrics; here it trains."""
    from yt360.training.losses import align

    model = AudioVisualModel(tiny().model, 4, translators=True, whole_video=True)
    inputs = torch.randn(3, 2, 3, 4, 16, 16), torch.randn(3, 2, 4, 25, 16), torch.randn(3, 2, 3)
    result = align(model(*inputs), "all_views", 0.07)
    result.loss.backward()
    assert torch.isfinite(result.loss)
    assert all(p.grad is not None for p in model.parameters())


def test_torchvision_encoder_gives_512_features() -> None:
    pytest.importorskip("torchvision")
    recipe = tiny(model={"video": "torchvision", "width": 64, "depth": 18})
    model = AudioVisualModel(recipe.model, recipe.sound.channels, translators=False, whole_video=True).eval()
    assert parameters(model.video) == pytest.approx(31.30, abs=0.05)
    with torch.no_grad():
        assert model.video(torch.zeros(1, 3, 8, 32, 32)).shape == (1, 512)
