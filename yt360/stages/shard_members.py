"""Names of a clip's members in a shard, by the names of its outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from yt360.events.clip_events import no_events_bytes
from yt360.segmentation.clip_maps import no_maps_bytes

MEMBERS = {"events": "events.zip", "foa": "foa.flac", "json": "json", "panoptic": "panoptic.zip", "video": "video.mp4"}
"""Clip output -> extension of the member, in the order in which a key's members are written."""

OPTIONAL: Mapping[str, bytes] = {"events": no_events_bytes(), "panoptic": no_maps_bytes()}
"""Outputs that a clip may lack, and the member that stands for one where other clips have it."""

_ENDINGS = {"video": "mp4", "foa": "flac", "stereo": "flac", "binaural": "flac"}
"""What variants of a clip may be (:mod:`yt360.stages.chunk_variants`)."""


def is_variant(output: str) -> bool:
    """Whether an output is a further picture or sound of a clip, beside the usual ones.

    >>> is_variant("view0.foa"), is_variant("stereo"), is_variant("foa")
    (True, True, False)
    """
    return output not in MEMBERS and output.rpartition(".")[2] in _ENDINGS


def extensions(outputs: Iterable[str]) -> dict[str, str]:
    """Extension of the member of each output that is stored, in the order in which they are written.

    >>> extensions({"view0.foa", "video", "foa", "something"})
    {'foa': 'foa.flac', 'video': 'video.mp4', 'view0.foa': 'view0.foa.flac'}
    """
    given = set(outputs)
    usual = {output: extension for output, extension in MEMBERS.items() if output in given}
    return usual | {
        output: f"{output}.{_ENDINGS[output.rpartition('.')[2]]}" for output in sorted(given) if is_variant(output)
    }
