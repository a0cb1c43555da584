from __future__ import annotations

import time

import torch

from yt360.models.each_alone import each_alone


def test_each_alone_is_in_order_with_one_thread_for_each() -> None:
    def look(item: int) -> tuple[int, int]:
        time.sleep(0.01 * (5 - item))
        return item, torch.get_num_threads()

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert each_alone(look, range(5), device="cpu") == [(item, 1) for item in range(5)]
        assert torch.get_num_threads() == 3
        assert each_alone(look, range(2), device="cuda") == [(0, 3), (1, 3)]
        assert each_alone(look, [], device="cpu") == []
    finally:
        torch.set_num_threads(before)
