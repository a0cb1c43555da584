from __future__ import annotations

import pytest

from yt360.dataset.manifest import ClipSplit
from yt360.errors import UsageError
from yt360.evaluation.samples import blocks_of, need_two_videos


def split(videos: int) -> ClipSplit:
    return ClipSplit("test", (), tuple(f"v{number}" for number in range(videos)), (), ())


@pytest.mark.parametrize(("videos", "found"), [(0, "0 usable videos,"), (1, "1 usable video,")])
def test_a_split_of_fewer_than_two_videos_is_refused_with_the_commands_that_help(videos: int, found: str) -> None:
    need_two_videos(split(2), "data")
    with pytest.raises(UsageError, match=found) as caught:
        need_two_videos(split(videos), "data")
    assert "yt360 split --root data -p test_share=0.3, then yt360 shard --root data" in str(caught.value)


def test_blocks_do_not_depend_on_the_number_of_processes() -> None:
    alone = blocks_of(7, 3, 0, 1)
    assert alone == [(0, range(3)), (1, range(3, 6)), (2, range(6, 7))]
    assert sorted(blocks_of(7, 3, 0, 2) + blocks_of(7, 3, 1, 2)) == alone
    assert blocks_of(7, 3, 1, 2) == [(1, range(3, 6))]
