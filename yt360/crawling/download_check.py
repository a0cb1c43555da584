"""Is a file that arrived what its label said? By its content: labels of one format differ between clients.

Only what another format or client could mend is asked here: whether there are channels enough for
ambisonics, a picture of the whole sphere, and a whole file. Whether the sound is valid ambisonics is
a matter of the upload, the same in every format, and for ``validate`` to find out.
"""

from __future__ import annotations

from pathlib import Path

from yt360.crawling.media_kind import MediaKind
from yt360.errors import ItemError

_FEWEST_CHANNELS = 4
_MENDABLE = ("truncated", "no-picture", "not-360", "vr180")
"""Reasons of an inspection that another format of the video may not have."""


def mismatch(role: MediaKind, path: Path) -> str:
    """What speaks against a file that is said to hold ambisonics or a 360° picture; empty when nothing does.

    Decodes a bounded sample; libav may crash on a hostile file, so this runs in a worker.
    """
    from yt360.media.inspect import inspect_media
    from yt360.media.mono_tracks import put_tracks_together
    from yt360.media.probe import probe

    try:
        if role == "sound":
            info = probe(path)
            most = max((stream.channels for stream in info.audios), default=0)
            enough = most >= _FEWEST_CHANNELS or put_tracks_together(info) is not None
            return "" if enough else f"expected {_FEWEST_CHANNELS} or more channels, found {most}"
        reasons = dict(inspect_media(path).reasons())
    except ItemError as error:
        return f"{error.kind}: {error}"
    return next((f"{code}: {reasons[code]}" for code in _MENDABLE if code in reasons), "")
