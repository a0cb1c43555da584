"""The columns of the manifests, said once: they are written by this, checked by this and documented by this.

``manifests/README.md`` shows the same tables (:func:`markdown`); a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """A column of a manifest.

    ``description`` in Markdown, with unit and range. ``needed``: readers cannot do without it; all other columns
    may be missing in a root that an older version built.
    """

    name: str
    type: pa.DataType
    description: str
    needed: bool = False


_TEXT, _INT, _LONG, _REAL, _FLAG = pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.bool_()

CLIPS = (
    Column(
        "clip",
        _TEXT,
        "unique name, and the key in the shard: `{video}-{start}`, start in whole seconds with five digits (a listed "
        "segment that starts between two: `{video}-00012_500`)",
        needed=True,
    ),
    Column("video", _TEXT, "the video it was cut from", needed=True),
    Column("split", _TEXT, "`train` or `test`; all clips of a video are on one side", needed=True),
    Column("start_s", _REAL, "place in the video; time 0 is the start of the container"),
    Column("duration_s", _REAL, "length"),
    Column("shard", _TEXT, "file in `ROOT/shards/`", needed=True),
    Column("video_offset", _LONG, "first byte of `CLIP.video.mp4` in the shard", needed=True),
    Column("video_size", _LONG, "bytes of `CLIP.video.mp4`", needed=True),
    Column("foa_offset", _LONG, "first byte of `CLIP.foa.flac` in the shard", needed=True),
    Column("foa_size", _LONG, "bytes of `CLIP.foa.flac`", needed=True),
    Column("json_offset", _LONG, "first byte of `CLIP.json` in the shard (this row's facts, for readers that stream)"),
    Column("json_size", _LONG, "bytes of `CLIP.json`"),
    Column("frames", _INT, "frames of the picture: mono equirectangular, closed GOPs", needed=True),
    Column("fps", _REAL, "frames a second, constant: frame n is at n / fps", needed=True),
    Column("height", _INT, "of the picture in pixels", needed=True),
    Column("width", _INT, "of the picture in pixels, even", needed=True),
    Column("samples", _LONG, "of each of the four channels of sound", needed=True),
    Column("sample_rate_hz", _INT, "of the sound", needed=True),
    Column(
        "convention",
        _TEXT,
        "`ambix`: channels W Y Z X, SN3D. Readers should refuse anything else",
        needed=True,
    ),
    Column("foa_gain_db", _REAL, "gain that the whole video was given so that its peaks fit; 0 for most"),
    Column("horizontal_only", _FLAG, "the recording has no height: Z is silent"),
    Column("video_digest", _TEXT, "of `CLIP.video.mp4`", needed=True),
    Column("foa_digest", _TEXT, "of `CLIP.foa.flac`", needed=True),
    Column(
        "panoptic_offset",
        _LONG,
        "first byte of `CLIP.panoptic.zip` in the shard; this and the other `panoptic` columns are empty where the "
        "clip has no maps",
    ),
    Column("panoptic_size", _LONG, "bytes of `CLIP.panoptic.zip`"),
    Column("panoptic_digest", _TEXT, "of `CLIP.panoptic.zip`"),
    Column("panoptic_maps", _INT, "how many maps"),
    Column("panoptic_rate_hz", _REAL, "maps a second: map n is at n / rate"),
    Column("panoptic_model", _TEXT, "the model that made them"),
    Column(
        "events_offset",
        _LONG,
        "first byte of `CLIP.events.zip` in the shard; this and the other `events` columns are empty where nobody "
        "looked for events",
    ),
    Column("events_size", _LONG, "bytes of `CLIP.events.zip`"),
    Column("events_digest", _TEXT, "of `CLIP.events.zip`"),
    Column("events", _INT, "how many events the clip has: its rows in `events.parquet`"),
    Column("shot", _INT, "cuts, dissolves and fades of the video before the clip, as far as it was looked at"),
    Column("transitions", _INT, "cuts, dissolves and fades within the clip: 0 unless a list says where it is cut"),
    Column("loudness_db", _REAL, "level of W over the clip"),
    Column("azimuth_deg", _REAL, "mean direction of the sound (intensity vector)"),
    Column("elevation_deg", _REAL, "the same, up"),
    Column("diffuseness", _REAL, "how diffuse the sound is: 0 one plane wave, 1 from everywhere"),
)
"""``clips.parquet``: one row a clip, enough to train from."""

VIDEOS = (
    Column("video", _TEXT, "id", needed=True),
    Column("status", _TEXT, "`kept`, `filtered`, `failed` or `waiting`"),
    Column("stage", _TEXT, "the last stage that saw it"),
    Column("reason", _TEXT, "why it ended there, in a stable word; empty for a kept one"),
    Column("detail", _TEXT, "the same as a sentence, with numbers"),
    Column("split", _TEXT, "side of a kept video"),
    Column("clips", _INT, "number of its clips"),
    Column("shots", _INT, "number of its shots between the first and the last clip"),
    Column("duration_s", _REAL, "time that picture and sound have in common"),
    Column("title", _TEXT, "from the source"),
    Column("url", _TEXT, "from the source"),
    Column("channel", _TEXT, "from the source"),
    Column("license", _TEXT, "from the source"),
    Column("upload_date", _TEXT, "from the source"),
    Column("projection", _TEXT, "of the picture as it came"),
    Column("stereo", _TEXT, "layout of the two eyes as it came, or `mono`"),
    Column("width", _INT, "of the picture as it came, in pixels"),
    Column("height", _INT, "of the picture as it came, in pixels"),
    Column("fps", _REAL, "frames a second as it came"),
    Column("video_codec", _TEXT, "as it came"),
    Column("audio_codec", _TEXT, "as it came"),
    Column("audio_channels", _INT, "as it came"),
    Column("ambisonics", _TEXT, "verdict on the signal: `valid`, `repaired`, `invalid`, `uncertain`"),
    Column("convention", _TEXT, "what the channels were: `ambix`, `fuma`, `n3d`"),
    Column("horizontal_only", _FLAG, "no height"),
    Column("head_locked", _FLAG, "a head-locked pair came along (and was split off)"),
    Column("measures", _TEXT, "JSON: every number that every stage measured, by stage"),
)
"""``videos.parquet``: one row a video that was ever crawled, kept or not."""

SHARDS = (
    Column("shard", _TEXT, "file in `ROOT/shards/`", needed=True),
    Column("split", _TEXT, "its side"),
    Column("clips", _INT, "how many clips"),
    Column("bytes", _LONG, "how large"),
    Column("digest", _TEXT, "of the file"),
)
"""``shards.parquet``: one row a shard."""

EVENTS = (
    Column("clip", _TEXT, "the clip that it is in", needed=True),
    Column("event", _INT, "its number in the clip, from 0, in order of beginnings", needed=True),
    Column("video", _TEXT, "the video that the clip was cut from", needed=True),
    Column("split", _TEXT, "side of the clip", needed=True),
    Column("start_s", _REAL, "beginning in the clip", needed=True),
    Column("end_s", _REAL, "end in the clip", needed=True),
    Column("azimuth_deg", _REAL, "mean direction", needed=True),
    Column("elevation_deg", _REAL, "the same, up", needed=True),
    Column("turn_deg", _REAL, "how far it went around the camera: 0 for what stays where it is"),
    Column(
        "diffuseness", _REAL, "mean share of the sound, other events left out, that does not come straight from there"
    ),
    Column("level_db", _REAL, "level of its direct sound in W"),
    Column("confidence", _REAL, "mean share of the evidence, other events left out, that agrees with the direction"),
    Column("label", _TEXT, "what the tagger heard in that direction; `other`: nothing that it knows"),
    Column("label_probability", _REAL, "of the likeliest label"),
    Column("tagger", _TEXT, "what heard it"),
    Column("category", _TEXT, "category of the panoptic maps under most of its directions; empty without maps"),
    Column("category_share", _REAL, "share of its frames under which this category is"),
)
"""``events.parquet``: one row an event, where the recipe makes events (stage `annotate`)."""

VARIANTS = (
    Column("clip", _TEXT, "the clip", needed=True),
    Column("member", _TEXT, "extension of the member: `CLIP.{member}` in the shard", needed=True),
    Column("shard", _TEXT, "file in `ROOT/shards/`", needed=True),
    Column("offset", _LONG, "first byte of the member in the shard", needed=True),
    Column("size", _LONG, "bytes of the member", needed=True),
    Column("digest", _TEXT, "of the member", needed=True),
    Column("width", _INT, "of a picture in pixels; this and the next three are empty for sound", needed=True),
    Column("height", _INT, "of a picture in pixels", needed=True),
    Column("fps", _REAL, "frames a second of a picture, constant", needed=True),
    Column("frames", _INT, "of a picture", needed=True),
    Column(
        "channels",
        _INT,
        "of a sound: 4 is AmbiX (W Y Z X, SN3D), 2 left and right; this and the next three are empty for pictures",
        needed=True,
    ),
    Column("samples", _LONG, "of each channel of a sound", needed=True),
    Column("sample_rate_hz", _INT, "of a sound", needed=True),
    Column("gain_db", _REAL, "gain that a sound was given so that its peaks fit"),
    Column("azimuth_deg", _REAL, "where a view looks; this and the next two are empty for what is no view"),
    Column("elevation_deg", _REAL, "the same, up"),
    Column("fov_deg", _REAL, "opening angle of a view from left to right"),
)
"""``variants.parquet``: one row a further picture or sound of a clip; there is no such file where there are none."""

MANIFESTS = {"clips": CLIPS, "videos": VIDEOS, "shards": SHARDS, "events": EVENTS, "variants": VARIANTS}
"""The columns of ``ROOT/manifests/NAME.parquet`` by name."""


def arrow(columns: tuple[Column, ...]) -> pa.Schema:
    """The Arrow schema that a manifest is written by.

    >>> arrow(SHARDS).names
    ['shard', 'split', 'clips', 'bytes', 'digest']
    """
    return pa.schema([(column.name, column.type) for column in columns])


def markdown(columns: tuple[Column, ...]) -> str:
    """The table that documents a manifest.

    >>> print(markdown(SHARDS[:2]))
    | column | type | what |
    |---|---|---|
    | `shard` | string | file in `ROOT/shards/` |
    | `split` | string | its side |
    """
    rows = [f"| `{column.name}` | {column.type} | {column.description} |" for column in columns]
    return "\n".join(["| column | type | what |", "|---|---|---|", *rows])
