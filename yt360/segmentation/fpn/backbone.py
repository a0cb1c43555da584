"""ResNet with the stride in the first 1x1 of a bottleneck, and the feature pyramid on it.

Modules are named as the tensors of the published checkpoints are, so that those load as they come.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from yt360.segmentation.fpn.config import FpnConfig

_PREDICTORS = {"objectness_logits", "anchor_deltas", "cls_score", "bbox_pred", "predictor"}
"""Last layers, which start by saying next to nothing."""

LEVELS = ("p2", "p3", "p4", "p5", "p6")
STRIDES = (4, 8, 16, 32, 64)


class FrozenBatchNorm(nn.Module):
    """Batch normalisation with statistics and affine parameters that never change."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor
    epsilon = 1e-5

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.epsilon
        )


class Convolution(nn.Conv2d):
    """A convolution with its normalisation (``norm``) inside, and without a bias where there is one.

    What comes after it is inside too, so that :mod:`~yt360.segmentation.fpn.fused` can do it in one pass: adding
    ``plus``, and ``relu``.
    """

    def __init__(
        self,
        inside: int,
        outside: int,
        kernel: int,
        *,
        stride: int = 1,
        norm: nn.Module | None = None,
        relu: bool = False,
    ) -> None:
        super().__init__(inside, outside, kernel, stride=stride, padding=kernel // 2, bias=norm is None)
        self.norm = norm
        self.relu = relu

    def forward(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        x = super().forward(x)
        if self.norm is not None:
            x = self.norm(x)
        if plus is not None:
            x += plus
        return functional.relu_(x) if self.relu else x


def _norm(channels: int, trainable: bool) -> nn.Module:
    return nn.BatchNorm2d(channels) if trainable else FrozenBatchNorm(channels)


class Bottleneck(nn.Module):
    def __init__(self, inside: int, width: int, outside: int, stride: int, trainable: bool) -> None:
        super().__init__()
        self.shortcut = (
            Convolution(inside, outside, 1, stride=stride, norm=_norm(outside, trainable))
            if inside != outside
            else None
        )
        self.conv1 = Convolution(inside, width, 1, stride=stride, norm=_norm(width, trainable), relu=True)
        self.conv2 = Convolution(width, width, 3, norm=_norm(width, trainable), relu=True)
        self.conv3 = Convolution(width, outside, 1, norm=_norm(outside, trainable), relu=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2(self.conv1(x))
        y = self.conv3(y, x if self.shortcut is None else self.shortcut(x))
        return y


class Stem(nn.Module):
    def __init__(self, outside: int, trainable: bool) -> None:
        super().__init__()
        self.conv1 = Convolution(3, outside, 7, stride=2, norm=_norm(outside, trainable), relu=True)

    def forward(self, x: Tensor) -> Tensor:
        return functional.max_pool2d(self.conv1(x), 3, stride=2, padding=1)


class ResNet(nn.Module):
    """Features res2 to res5 ``(N, C, H / 4 .. 32, W / 4 .. 32)``."""

    def __init__(self, config: FpnConfig, *, trainable_norm: bool = False) -> None:
        super().__init__()
        self.stem = Stem(config.stem, trainable_norm)
        inside, width = config.stem, config.bottleneck
        self.channels = []
        for stage, count in enumerate(config.blocks):
            outside = 4 * width
            blocks = [
                Bottleneck(
                    inside if block == 0 else outside,
                    width,
                    outside,
                    stride=2 if block == 0 and stage > 0 else 1,
                    trainable=trainable_norm,
                )
                for block in range(count)
            ]
            self.add_module(f"res{stage + 2}", nn.Sequential(*blocks))
            self.channels.append(outside)
            inside, width = outside, 2 * width

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        features = []
        for stage in range(2, 6):
            x = self.get_submodule(f"res{stage}")(x)
            features.append(x)
        return features


class FeaturePyramid(nn.Module):
    """p2 to p6 ``(N, pyramid, H / 4 .. 64, W / 4 .. 64)`` of pictures ``(N, 3, H, W)``, H and W multiples of 32.

    Lin et al., CVPR 2017. Upsampling is by nearest neighbour; p6 is every other pixel of p5.
    """

    def __init__(self, config: FpnConfig, *, trainable_norm: bool = False) -> None:
        super().__init__()
        self.bottom_up = ResNet(config, trainable_norm=trainable_norm)
        for level, channels in enumerate(self.bottom_up.channels, start=2):
            self.add_module(f"fpn_lateral{level}", Convolution(channels, config.pyramid, 1))
            self.add_module(f"fpn_output{level}", Convolution(config.pyramid, config.pyramid, 3))

    def forward(self, x: Tensor) -> list[Tensor]:
        outputs: list[Tensor] = []
        above: Tensor | None = None
        for level, feature in zip((5, 4, 3, 2), reversed(self.bottom_up(x)), strict=True):
            if above is not None:
                above = functional.interpolate(above, scale_factor=2.0, mode="nearest")
            above = here = self.get_submodule(f"fpn_lateral{level}")(feature, above)
            outputs.insert(0, self.get_submodule(f"fpn_output{level}")(here))
        return [*outputs, functional.max_pool2d(outputs[-1], kernel_size=1, stride=2)]


def initialise(module: nn.Module) -> None:
    """Start values for training from nothing: He's for convolutions, as in MSRA's ResNets."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(layer, nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(3))
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    for name, layer in module.named_modules():
        if name.rpartition(".")[2] in _PREDICTORS:
            nn.init.normal_(layer.get_parameter("weight"), std=0.01)
