"""The paper's video encoder: R(2+1)D-18 (Tran et al., CVPR 2018) as the published code has it.

It differs from torchvision's ``r2plus1d_18``: a full 3×7×7 stem, as many planes between the spatial
and the temporal convolution as after them, one batch norm after the residual sum (the shortcut has
none), max pooling at the end. 15.4 M parameters against 31.5 M.
"""

from __future__ import annotations

from torch import Tensor, nn

from yt360.errors import UsageError
from yt360.models.recomputing import run_blocks


def _spatial(inputs: int, outputs: int, stride: int = 1) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, (1, 3, 3), stride=(1, stride, stride), padding=(0, 1, 1), bias=False)


def _temporal(inputs: int, outputs: int, stride: int = 1) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, (3, 1, 1), stride=(stride, 1, 1), padding=(1, 0, 0), bias=False)


class R2Plus1DBlock(nn.Module):
    """Two factorised convolutions with a shortcut; ``stride`` applies to time and space in the first."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.spatial1 = _spatial(inputs, outputs, stride)
        self.spatial1_norm = nn.BatchNorm3d(outputs)
        self.temporal1 = _temporal(outputs, outputs, stride)
        self.temporal1_norm = nn.BatchNorm3d(outputs)
        self.spatial2 = _spatial(outputs, outputs)
        self.spatial2_norm = nn.BatchNorm3d(outputs)
        self.temporal2 = _temporal(outputs, outputs)
        self.out_norm = nn.BatchNorm3d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv3d(inputs, outputs, 1, stride=stride, bias=False)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.activation(self.spatial1_norm(self.spatial1(x)))
        y = self.activation(self.temporal1_norm(self.temporal1(y)))
        y = self.activation(self.spatial2_norm(self.spatial2(y)))
        y = self.temporal2(y)
        out: Tensor = self.activation(self.out_norm(y + self.shortcut(x)))
        return out


class R2Plus1D(nn.Module):
    """``(batch, 3, time, height, width)`` to ``(batch, 8 * width)``; ``depth`` 18 (two blocks a stage) or 10 (one).

    ``recompute``: what happens inside blocks is computed again in the backward pass (:mod:`yt360.models.recomputing`).
    """

    recompute = False

    def __init__(self, width: int = 64, depth: int = 18) -> None:
        super().__init__()
        blocks = {10: 1, 18: 2}[depth]
        self.features = 8 * width
        self.stem = nn.Sequential(
            nn.Conv3d(3, width, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3), bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(inplace=True),
        )
        stages, inputs = [], width
        for number, outputs in enumerate((width, 2 * width, 4 * width, 8 * width)):
            stage = [R2Plus1DBlock(inputs, outputs, stride=2 if number else 1)]
            stage += [R2Plus1DBlock(outputs, outputs) for _ in range(blocks - 1)]
            stages.append(nn.Sequential(*stage))
            inputs = outputs
        self.stages = nn.ModuleList(stages)
        self.pool = nn.AdaptiveMaxPool3d(1)

    def maps(self, x: Tensor) -> list[Tensor]:
        """Feature maps of the stem and the four stages, for dense tasks."""
        maps = [self.stem(x)]
        for stage in self.stages:
            maps.append(run_blocks(stage, maps[-1], recompute=self.recompute))  # type: ignore[arg-type]
        return maps

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.pool(self.maps(x)[-1])
        return pooled.flatten(1)


class TorchvisionR2Plus1D(nn.Module):
    """torchvision's ``r2plus1d_18`` without its classifier, for the supervised rows of the paper's tables.

    ``pretrained`` loads the Kinetics-400 weights; raises :class:`UsageError` where torchvision or its
    weights cannot be had. ``recompute`` as in :class:`R2Plus1D`.
    """

    features = 512
    recompute = False

    def __init__(self, *, pretrained: bool = False) -> None:
        super().__init__()
        try:
            from torchvision.models.video import R2Plus1D_18_Weights, r2plus1d_18
        except ImportError as error:
            raise UsageError("model.video: torchvision needs the package torchvision: install yt360[all]") from error
        try:
            net = r2plus1d_18(weights=R2Plus1D_18_Weights.KINETICS400_V1 if pretrained else None)
        except OSError as error:
            raise UsageError(f"model.pretrained: the weights could not be fetched ({error})") from error
        net.fc = nn.Identity()
        self.net = net

    def maps(self, x: Tensor) -> list[Tensor]:
        """Feature maps of the stem and the four stages, for dense tasks."""
        maps = [self.net.stem(x)]
        for stage in (self.net.layer1, self.net.layer2, self.net.layer3, self.net.layer4):
            maps.append(run_blocks(stage, maps[-1], recompute=self.recompute))
        return maps

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.net.avgpool(self.maps(x)[-1])
        return pooled.flatten(1)
