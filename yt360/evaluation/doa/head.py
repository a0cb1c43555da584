"""The head: what sounds where, out of frozen features in several directions.

One small network looks at each direction alone and says in that view's own frame where every class sounds; its answers
are turned back into the world and averaged. So a scene that is turned about the vertical axis by a step of the ring is
answered exactly turned, and a head learns from each scene what it would from all its turns.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DoaHead(nn.Module):
    """``rotations`` ``(directions, 3, 3)`` from the world to each view; ``features`` of one direction."""

    mean: Tensor
    std: Tensor
    rotations: Tensor

    def __init__(
        self, features: int, rotations: Tensor, classes: int, *, frames: int, tracks: int, hidden: int, dropout: float
    ) -> None:
        super().__init__()
        self.shape = (frames, tracks, classes, 3)
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        self.register_buffer("rotations", rotations)
        self.alone = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Dropout(dropout))
        self.over_time = nn.Sequential(nn.Conv1d(hidden, hidden, 3, padding=1), nn.ReLU(), nn.Dropout(dropout))
        self.out = nn.Linear(hidden, frames * tracks * classes * 3)

    def forward(self, features: Tensor) -> Tensor:
        """``(batch, windows, directions, features)`` to vectors ``(batch, windows * frames, tracks, classes, 3)``."""
        batch, windows, directions, _ = features.shape
        x = self.alone((features - self.mean) / (self.std + 1e-5)).transpose(1, 2).flatten(0, 1)
        x = (x + self.over_time(x.transpose(1, 2)).transpose(1, 2)).view(batch, directions, windows, -1)
        vectors = self.out(x).view(batch, directions, windows, -1, 3)
        turned = torch.einsum("bdwnj,dji->bwni", vectors, self.rotations) / directions
        return turned.reshape(batch, windows * self.shape[0], *self.shape[1:])

    @torch.no_grad()
    def fit(self, features: Tensor) -> None:
        """Set mean and deviation of the features ``(…, features)`` from those of training."""
        flat = features.flatten(0, -2).double()
        self.mean.copy_(flat.mean(dim=0))
        self.std.copy_(flat.std(dim=0, unbiased=False))
