"""A network for a processor: convolutions by oneDNN, each with what follows it in one pass over memory.

torch gives a convolution of 1x1 on one thread to a matrix product that is slower than oneDNN's kernels, and
normalises, adds and clips in passes of their own. Here frozen normalisation is folded into the weights, pictures lie
with their channels last, and adding and ReLU are part of the kernel that convolves. The operators are those that
torch's own compiler puts into its graphs; where a build of torch has none, a network stays as it is.

In bfloat16 weights and what convolutions give are kept so, and sums are made in float32 by the kernels.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from yt360.segmentation.fpn.backbone import Convolution, FrozenBatchNorm
from yt360.segmentation.fpn.model import PanopticFPN


class FusedConvolution(nn.Module):
    """What a :class:`~yt360.segmentation.fpn.backbone.Convolution` does in ``dtype``, for inference on a processor."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, convolution: Convolution, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        weight, bias, norm = convolution.weight.detach(), convolution.bias, convolution.norm
        if isinstance(norm, FrozenBatchNorm):
            scale = norm.weight * torch.rsqrt(norm.running_var + norm.epsilon)
            weight, bias, norm = weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale, None
        self.register_buffer("weight", weight.to(dtype).contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", None if bias is None else bias.detach().to(dtype))
        self.norm = norm
        self.relu = convolution.relu
        self._where = (convolution.padding, convolution.stride, convolution.dilation, convolution.groups)

    def forward(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        convolve: Any = torch.ops.mkldnn._convolution_pointwise
        relu_inside = self.relu and self.norm is None
        x = x.to(self.weight.dtype)
        y: Tensor
        if plus is None:
            y = convolve(x, self.weight, self.bias, *self._where, "relu" if relu_inside else "none", [], "")
        else:
            after = "relu" if relu_inside else None
            plus = plus.to(self.weight.dtype)
            y = convolve.binary(x, plus, self.weight, self.bias, *self._where, "add", 1.0, after, [], "")
        if self.norm is not None:
            y = self.norm(y)
        return functional.relu_(y) if self.relu and not relu_inside else y


def can_fuse(dtype: torch.dtype) -> bool:
    """Whether this torch was built with the operators, and they are for this processor."""
    if not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")):
        return False
    return dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def fuse(network: PanopticFPN, dtype: torch.dtype = torch.float32) -> None:
    """Change a network on a processor, with its weights loaded, so that it finds the same sooner; in bfloat16 nearly.

    It cannot be trained or saved afterwards. Normalisation between a convolution and an addition has to be frozen.
    """
    _replace(network, dtype)
    network.half_precision = dtype == torch.bfloat16
    network.channels_last = True


def _replace(module: nn.Module, dtype: torch.dtype) -> None:
    for name, child in module.named_children():
        if isinstance(child, Convolution):
            setattr(module, name, FusedConvolution(child, dtype))
        else:
            _replace(child, dtype)
