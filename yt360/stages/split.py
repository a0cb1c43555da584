"""Split: every video goes to train or test, for good.

Consumes videos that were cut into clips; produces one word each. By default a digest of the id
decides, so a video's side depends on nothing but its id and the salt: it never changes when others
arrive or go. Given lists (the published ones, say) come before the digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field

from yt360.engine.catalog import Catalog
from yt360.engine.contract import Done, Filtered, Item, Outcome, Stage, StageParams
from yt360.errors import UsageError


class SplitParams(StageParams):
    """``test_share`` is the expected part of the videos in test (1000 of 5506 in the paper).

    ``train_list`` and ``test_list`` are text files with one video id a line; ``unlisted`` says what
    happens to a video that is in neither when a list is given.
    """

    test_share: float = Field(default=1000 / 5506, ge=0, le=1)
    salt: str = "yt360"
    train_list: Path | None = None
    test_list: Path | None = None
    unlisted: Literal["digest", "train", "test", "drop"] = "digest"


class Split(Stage):
    name = "split"
    params_type = SplitParams
    after = ("chunk",)

    def plan(self, catalog: Catalog) -> Iterator[Item]:
        listed: dict[str, str] = {}
        for side, path in (("train", self.params.train_list), ("test", self.params.test_list)):
            for video in _read_list(path) if path is not None else ():
                if listed.setdefault(video, side) != side:
                    raise UsageError(f"{path}: the video {video!r} is in the train list as well; it can be in one only")
        with_lists = self.params.train_list is not None or self.params.test_list is not None
        for item in super().plan(catalog):
            # What a list says goes into the item's key, so that an edited list moves exactly its videos.
            found = listed.get(item.source_id) or listed.get(item.id)
            yield replace(item, meta={"listed": found or ("no" if with_lists else "no-lists")})

    def process(self, item: Item, workdir: Path) -> Outcome:
        listed = item.meta["listed"]
        if listed in ("train", "test"):
            return Done(measures={"split": listed, "by": "list"})
        if listed == "no" and self.params.unlisted != "digest":
            if self.params.unlisted == "drop":
                return Filtered("not-listed", f"{item.id}: the given lists name neither side for it")
            return Done(measures={"split": self.params.unlisted, "by": "default"})
        return Done(measures={"split": self.side(item.source_id), "by": "digest"})

    def side(self, video: str) -> str:
        """``train`` or ``test`` by the digest of salt and id, uniform in [0, 1)."""
        digest = hashlib.blake2b(f"{self.params.salt}\0{video}".encode(), digest_size=8).digest()
        return "test" if int.from_bytes(digest) / 2**64 < self.params.test_share else "train"


def _read_list(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: expected a text file with one video id a line, found: {error}") from error
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
