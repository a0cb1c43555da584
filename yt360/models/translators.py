"""Translation networks between the modalities (Eqs. 1 to 5): a set of view features to a set of view features."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from yt360.models.settings import TranslatorSettings


def _feed_forward(features: int, expansion: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(features, features * expansion), nn.ReLU(inplace=True), nn.Linear(features * expansion, features)
    )


class Attention(nn.Module):
    """Scaled dot-product self-attention over views (Eq. 3 and the sum of Eq. 4); single head in the paper."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(features, features)
        self.key = nn.Linear(features, features)
        self.value = nn.Linear(features, features)
        self.out = nn.Linear(features, features)

    def forward(self, x: Tensor) -> Tensor:
        batch, views, features = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(batch, views, self.heads, features // self.heads).transpose(1, 2)

        mixed = functional.scaled_dot_product_attention(split(self.query(x)), split(self.key(x)), split(self.value(x)))
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, views, features))
        return out


class TranslatorLayer(nn.Module):
    """Mixing of views, then a feed-forward step for each, both with residual and layer norm.

    With ``kind`` mlp the mixing is another feed-forward step, so views do not see each other.
    """

    def __init__(self, features: int, settings: TranslatorSettings) -> None:
        super().__init__()
        self.mixing: nn.Module = (
            Attention(features, settings.heads)
            if settings.kind == "transformer"
            else _feed_forward(features, settings.expansion)
        )
        self.mixing_norm = nn.LayerNorm(features)
        self.dense = _feed_forward(features, settings.expansion)
        self.dense_norm = nn.LayerNorm(features)
        self.dropout = nn.Dropout(settings.dropout)
        self._inner_activation = settings.kind == "mlp"
        self._out_activation = settings.out_activation

    def forward(self, x: Tensor) -> Tensor:
        x = self.mixing_norm(x + self.dropout(self.mixing(x)))
        if self._inner_activation:
            x = functional.relu(x)
        x = self.dense_norm(x + self.dropout(self.dense(x)))
        return functional.relu(x) if self._out_activation else x


class TranslationNet(nn.Module):
    """``(batch, views, features)`` to the same shape; permuting the views permutes the output alike.

    ``directions`` (batch, views, 3), unit vectors of the views, are used only with ``positions``.
    """

    def __init__(self, features: int, settings: TranslatorSettings) -> None:
        super().__init__()
        self.position = nn.Linear(3, features) if settings.positions else None
        self.layers = nn.ModuleList(TranslatorLayer(features, settings) for _ in range(settings.depth))

    def forward(self, x: Tensor, directions: Tensor) -> Tensor:
        if self.position is not None:
            x = x + self.position(directions.to(x.dtype))
        for layer in self.layers:
            x = layer(x)
        return x


def max_over_views(x: Tensor) -> Tensor:
    """``(batch, views, features)`` to ``(batch, 1, features)``: how clip-level objectives combine views."""
    return torch.amax(x, dim=1, keepdim=True)
