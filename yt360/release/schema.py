"""The tables of a release: columns, types and what they hold. The reference page shows the same tables."""

from __future__ import annotations

import pyarrow as pa

from yt360.dataset.schema import CLIPS, VIDEOS, Column

_TEXT, _FLAG = pa.string(), pa.bool_()


def is_place(column: str) -> bool:
    """Whether a column of the clip manifest says where bytes lie in shards; a list without media has none of them.

    >>> [name for name in ("clip", "shard", "foa_offset", "foa_digest") if is_place(name)]
    ['shard', 'foa_offset']
    """
    return column == "shard" or column.endswith(("_offset", "_size"))


LICENCE = (
    Column("license", _TEXT, "of the video, in the words of the site it came from; empty: the site says nothing"),
    Column(
        "license_name",
        _TEXT,
        "the same as an SPDX name without version (`CC-BY`), `public-domain`, `other` or `not-stated`",
    ),
)

LISTED = (
    *(column for column in CLIPS if not is_place(column.name)),
    Column("address", _TEXT, "where the video was crawled; empty for a file of the publisher's own"),
    Column("channel", _TEXT, "of the video, from the source"),
    *LICENCE,
    Column("listed", _FLAG, "a table said where the clip is cut, rather than the filters"),
    Column("listed_convention", _TEXT, "what a table said of the video's ambisonics; empty for most"),
)
"""``clips/SPLIT.parquet``: one row a released clip."""

RELEASED_VIDEOS = (
    *(column for column in VIDEOS if column.name != "license"),
    *LICENCE,
    Column("address", _TEXT, "where it was crawled; empty for a file of the publisher's own"),
    Column("released", _FLAG, "whether clips of it are in this release"),
    Column("left_out", _TEXT, "why a kept video is not in this release, in words; empty for all others"),
)
"""``manifests/videos.parquet`` of a release: one row a video that was ever crawled."""

FINGERPRINTS = (
    Column("clip", _TEXT, "the clip"),
    Column(
        "hashes",
        pa.list_(pa.int32()),
        "audio landmarks of W at 8 kHz: pairs of spectral peaks (two frequencies and the time between)",
    ),
    Column("times", pa.list_(pa.int32()), "of each landmark, in units of 32 ms from the clip's beginning"),
    Column(
        "pictures",
        pa.binary(),
        "visual fingerprints of frames 2.5 s apart, 108 signed bytes each; turning the sphere does not change them",
    ),
)
"""``fingerprints/SPLIT.parquet``: by what a clip is recognised when it is cut from another copy of its video."""

TABLES = {"clips": LISTED, "videos": RELEASED_VIDEOS, "fingerprints": FINGERPRINTS}
"""Columns by table."""
