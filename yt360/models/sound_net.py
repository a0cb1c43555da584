"""The paper's sound encoder: nine 2-D convolutions over time and mel bands."""

from __future__ import annotations

from torch import Tensor, nn


def _convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class SoundNet(nn.Module):
    """``(batch, channels, time, mels)`` to ``(batch, 8 * width)``."""

    def __init__(self, channels: int = 4, width: int = 64) -> None:
        super().__init__()
        self.features = 8 * width
        self.stem = _convolution(channels, width, kernel=7, stride=2)
        stages, inputs = [], width
        for outputs, stride in ((width, 1), (2 * width, 2), (4 * width, 2), (8 * width, 1)):
            stages.append(nn.Sequential(_convolution(inputs, outputs, stride=stride), _convolution(outputs, outputs)))
            inputs = outputs
        self.stages = nn.ModuleList(stages)
        self.pool = nn.AdaptiveMaxPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        pooled: Tensor = self.pool(x)
        return pooled.flatten(1)
