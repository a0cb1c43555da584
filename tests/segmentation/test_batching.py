"""Batches, reading ahead, and what happens when memory runs out."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from typing import Any

import pytest
import torch

from yt360.errors import ItemError
from yt360.segmentation.batching import Batcher, read_ahead


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_out_of_memory_halves_the_batch_and_goes_on(error: Exception) -> None:
    sizes = []

    def square(items: list[int]) -> list[int]:
        sizes.append(len(items))
        if len(items) > 3:
            raise error
        return [item * item for item in items]

    batcher = Batcher(square, 8)
    assert list(batcher.run(range(13))) == [n * n for n in range(13)]
    assert sizes[:3] == [8, 4, 2]
    assert batcher.size == 2
    assert list(batcher.run(range(4))) == [0, 1, 4, 9]
    assert max(sizes[3:]) == 2, "what was learnt is kept"


def test_one_picture_that_does_not_fit_is_an_error_of_its_item() -> None:
    def never(items: list[int]) -> list[int]:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried …")

    with pytest.raises(ItemError, match="not even one picture fits into memory") as raised:
        list(Batcher(never, 4).run(range(3)))
    assert raised.value.kind == "out-of-memory"


def test_other_errors_pass() -> None:
    def wrong(items: list[int]) -> list[int]:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        list(Batcher(wrong, 4).run(range(3)))


def test_source_is_read_while_the_model_works() -> None:
    made = []

    def source() -> Iterator[Any]:
        for number in range(6):
            made.append(number)
            yield number

    seen = []

    def slow(items: list[int]) -> list[int]:
        time.sleep(0.2)
        seen.append(len(made))
        return items

    assert list(Batcher(slow, 2).run(source())) == list(range(6))
    assert seen[0] > 2, "nothing was read while the first batch was worked on"


def test_error_of_the_source_comes_after_what_was_before_it() -> None:
    def source() -> Iterator[Any]:
        yield 1
        raise ItemError("corrupt", "no more")

    reader = read_ahead(source(), 4)
    assert next(reader) == 1
    with pytest.raises(ItemError, match="no more"):
        next(reader)


def test_thread_ends_when_the_reader_leaves() -> None:
    before = threading.active_count()
    reader = read_ahead(iter(range(1000)), 2)
    assert isinstance(reader, Generator)
    assert next(reader) == 0
    reader.close()
    assert threading.active_count() == before
