from __future__ import annotations

import math

import numpy as np
import torch

from yt360 import sphere
from yt360.evaluation.doa.head import DoaHead


def test_a_scene_that_turns_by_a_step_of_the_ring_is_answered_turned() -> None:
    torch.manual_seed(0)
    rotations = torch.from_numpy(np.stack([sphere.view_rotation(math.radians(90 * k), 0) for k in range(4)])).float()
    head = DoaHead(6, rotations, 3, frames=2, tracks=2, hidden=8, dropout=0.5).eval()
    features = torch.randn(1, 5, 4, 6)
    found = head(features)
    assert found.shape == (1, 10, 2, 3, 3)
    # Turned a quarter to the left, what was seen to the front is seen to the left.
    turned = head(features.roll(1, dims=2))
    quarter = torch.from_numpy(sphere.yaw_rotation(math.pi / 2)).float()
    assert torch.allclose(turned, found @ quarter.T, atol=1e-6)
    assert not torch.allclose(turned, found, atol=1e-2)
