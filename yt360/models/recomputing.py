"""Activations that are computed again in the backward pass instead of kept from the forward one.

Of each block only its input stays in memory (Chen et al., "Training deep nets with sublinear memory cost", 2016), for
about a quarter more time a step. Outputs, gradients and the running statistics of batch norms are those of a step that
keeps everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from torch import Tensor, is_grad_enabled, nn
from torch.utils.checkpoint import checkpoint


def run_blocks(blocks: Iterable[nn.Module], x: Tensor, *, recompute: bool) -> Tensor:
    """``x`` through ``blocks`` one after another; with ``recompute``, and where gradients are wanted, what happens
    inside a block is not kept.
    """
    for block in blocks:
        x = _recomputed(block, x) if recompute and is_grad_enabled() else block(x)
    return x


def _recomputed(block: nn.Module, x: Tensor) -> Tensor:
    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _statistics_stay(block)

    y: Tensor = checkpoint(block, x, use_reentrant=False, context_fn=contexts)
    return y


@contextmanager
def _statistics_stay(block: nn.Module) -> Iterator[None]:
    """The second pass over the same batch must not count as a batch of its own: it moves copies."""
    held = [
        (norm, name, buffer)
        for norm in block.modules()
        if isinstance(norm, nn.modules.batchnorm._BatchNorm)
        for name, buffer in norm.named_buffers(recurse=False)
    ]
    for norm, name, buffer in held:
        setattr(norm, name, buffer.clone())
    try:
        yield
    finally:
        for norm, name, buffer in held:
            setattr(norm, name, buffer)
