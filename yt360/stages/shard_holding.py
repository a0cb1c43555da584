"""Clips that lie in a shard while something before them waits: they stay there, as they are, until that is done.

A stage before the shards waits whenever its parameters, a list or a threshold changed and it has not run since. Its
items are neither kept nor dropped then, so what they once led to is neither added nor taken away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from yt360.engine.stage import Blob, DatasetView, Stage

STAGES_OF_CLIPS = ("segment", "annotate")
"""Stages that add something to clips."""

_OF_VIDEO = re.compile(r"(.+)-\d{5,}")
"""A clip's id: that of its video, and its start."""


class Waiting:
    """Tells of clips that are in no plan today whether that is for good."""

    def __init__(self, dataset: DatasetView) -> None:
        self._dataset = dataset
        names = list(dataset.stages)
        self._before = names[: names.index("shard")] if "shard" in names else names
        self._videos: dict[str, bool | None] = {}
        self._parents: dict[str, str] | None = None

    def __call__(self, clip: str) -> bool:
        """Whether a clip waits: its video for a verdict, or it for its maps or events."""
        video = self._parent_of(clip)
        if video not in self._videos:
            self._videos[video] = self._waits(video)
        return bool(self._videos[video]) or self._waits_for_additions(clip)

    def _parent_of(self, clip: str) -> str:
        if self._parents is None:
            records = self._dataset.records("chunk") if "chunk" in self._dataset.stages else {}
            self._parents = {child["id"]: video for video, record in records.items() for child in record.children}
        named = _OF_VIDEO.fullmatch(clip)  # of a clip that is cut in another way by now
        return self._parents.get(clip, named[1] if named else "")

    def _waits(self, video: str) -> bool | None:
        """Whether the first stage that a video has not passed has not judged it; ``None``: there is no such video."""
        known = None
        for name in self._before:
            stage = self._dataset.stages[name]
            if isinstance(stage, Stage) and (not stage.decides or name in STAGES_OF_CLIPS):
                continue
            entry = self._dataset.entries(name).get(video)
            if entry is None:
                continue
            known = False
            if entry.state != "done":
                return entry.state in ("waiting", "undecided")
        return known

    def _waits_for_additions(self, clip: str) -> bool:
        entries = (self._dataset.entries(name).get(clip) for name in STAGES_OF_CLIPS if name in self._before)
        return any(entry is not None and entry.state in ("waiting", "undecided") for entry in entries)


def held(
    dataset: DatasetView, shards: Mapping[str, Iterable[str]], present: Mapping[str, object]
) -> dict[str, tuple[str, dict[str, Blob]]]:
    """Clips of the remembered ``shards`` that are not ``present`` and wait: the shard, and the files it was made of."""
    missing = {shard: [clip for clip in clips if clip not in present] for shard, clips in shards.items()}
    if not any(missing.values()):
        return {}
    records = dataset.records("shard") if "shard" in dataset.stages else {}
    waiting = Waiting(dataset)
    found: dict[str, tuple[str, dict[str, Blob]]] = {}
    for shard, clips in missing.items():
        record = records.get(shard)
        if record is None:
            continue  # never written: its clips are not in a file that could be lost
        for clip in clips:
            begin = f"{clip}."
            blobs = {name[len(begin) :]: blob for name, blob in record.inputs.items() if name.startswith(begin)}
            if blobs and waiting(clip):
                found[clip] = (shard, blobs)
    return found
