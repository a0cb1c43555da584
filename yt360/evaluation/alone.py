"""What is extracted of a block of samples, sample by sample."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from yt360.evaluation.pretrained import Pretrained
from yt360.models.each_alone import each_alone

Extract = Callable[[Pretrained, dict[str, Tensor]], dict[str, Tensor]]
"""What is kept of a batch; ``index`` in it says which requests it holds."""


def alone(extract: Extract) -> Extract:
    """An ``extract`` that on a processor looks at each sample by itself: what a sample gives does not depend on the
    block it is in, on others that could not be read, or on the number of threads. On other devices it is ``extract``,
    and the last bits depend on the size of the block.

    All that ``extract`` is given and gives has the samples as its first dimension.
    """

    def by_sample(pretrained: Pretrained, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        if pretrained.device.type != "cpu":
            return extract(pretrained, batch)

        def one(place: int) -> dict[str, Tensor]:
            with torch.inference_mode():
                return extract(pretrained, {name: value[place : place + 1] for name, value in batch.items()})

        found = each_alone(one, range(len(batch["index"])), device="cpu")
        return {name: torch.cat([each[name] for each in found]) for name in found[0]}

    return by_sample


def rows_alone(function: Callable[..., Tensor], *rows: Tensor, at_once: int = 4096) -> Tensor:
    """``function`` of tensors whose first dimension are samples: on a processor of each sample by itself.

    On other devices of ``at_once`` samples, and the last bits depend on which these are.
    """
    size = 1 if rows[0].device.type == "cpu" else at_once
    parts = list(zip(*(each.split(size) for each in rows), strict=True))
    inference = torch.is_inference_mode_enabled()

    def one(part: tuple[Tensor, ...]) -> Tensor:
        with torch.inference_mode(inference):  # threads do not inherit it
            return function(*part)

    return torch.cat(each_alone(one, parts, device=rows[0].device.type))
