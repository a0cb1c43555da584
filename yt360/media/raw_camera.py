"""Files of 360° cameras that were never stitched: which camera, and what to do.

What is known of the formats is in the docs ("Cameras"); nothing here decides that a picture is good.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from yt360.media.picture_facts import PictureFacts
from yt360.media.probe import MediaInfo

_STRIP = (2.5, 3.6)
"""Width to height of half a cubemap: three faces, and with GoPro some columns twice (4096x1344, 5888x1920)."""

_SAYING = ("make", "model", "manufacturer", "handler_name")
"""Keys of tags that name a camera."""

_SQUARE, _TWO_SQUARES = (0.9, 1.1), (1.95, 2.05)
_ONLY_SPHERES = ("Ricoh Theta", "Kandao", "Kandao QooCam", "Samsung Gear 360")
"""Cameras that record nothing else; the other makers have plain ones, too."""

_EXPORT = "export it to equirectangular (2:1) with"
_BY_SUFFIX = {
    ".360": ("GoPro MAX", f"{_EXPORT} GoPro Player"),
    ".insv": ("Insta360", f"{_EXPORT} Insta360 Studio, with its spatial sound"),
    ".insp": ("Insta360", f"{_EXPORT} Insta360 Studio"),
    ".lrv": ("camera preview", "use the full recording, exported to equirectangular"),
    ".osv": ("DJI Osmo 360", f"{_EXPORT} DJI Studio"),
}
_BY_NAME = (
    ("gopro", ("GoPro MAX", f"{_EXPORT} GoPro Player")),
    ("insta360", ("Insta360", f"{_EXPORT} Insta360 Studio, with its spatial sound")),
    ("arashi vision", ("Insta360", f"{_EXPORT} Insta360 Studio, with its spatial sound")),
    ("dji", ("DJI", f"{_EXPORT} DJI Studio")),
    ("ricoh", ("Ricoh Theta", f"{_EXPORT} the Ricoh Theta app, with its spatial sound")),
    ("theta", ("Ricoh Theta", f"{_EXPORT} the Ricoh Theta app, with its spatial sound")),
    ("kandao", ("Kandao", f"stitch it with Kandao Studio: {_EXPORT} it")),
    ("qoocam", ("Kandao QooCam", f"stitch it with QooCam Studio: {_EXPORT} it")),
    ("gear 360", ("Samsung Gear 360", f"{_EXPORT} Gear 360 ActionDirector")),
    ("sm-r210", ("Samsung Gear 360", f"{_EXPORT} Gear 360 ActionDirector")),
    ("sm-c200", ("Samsung Gear 360", f"{_EXPORT} Gear 360 ActionDirector")),
)

_INSTA360_TRAILER = b"8db42d694ccc418790edff439fe026bf"
"""With this a file of Insta360 ends, whatever it is called: behind the last box lies what its sensors recorded."""


def name_camera(picture: PictureFacts, info: MediaInfo) -> PictureFacts:
    """A refused picture with the reason ``raw-camera`` where the file is one as a camera stores it."""
    camera, advice = _camera(info)
    videos = info.videos
    twins = [v for v in videos if (v.width, v.height) == (videos[0].width, videos[0].height)]
    shape = videos[0].width / videos[0].height
    if len(twins) >= 2 and _STRIP[0] <= shape <= _STRIP[1]:
        camera, advice = camera or "GoPro MAX", advice or f"{_EXPORT} GoPro Player"
        words = "two picture tracks, each half of a cubemap"
    elif len(twins) >= 2 and _SQUARE[0] <= shape <= _SQUARE[1]:
        camera, advice = camera or "dual-fisheye camera", advice or f"{_EXPORT} the maker's program"
        words = "two picture tracks, a fisheye each"
    elif camera and (picture.projection == "fisheye" or info.path.suffix.lower() in _BY_SUFFIX):
        words = "a picture as the lenses see it" if picture.projection == "fisheye" else "not stitched"
    elif camera and picture.reason in ("not-360", "unknown-projection") and _may_be_raw(camera, shape):
        words = "not stitched"
    else:
        return picture
    return replace(picture, reason="raw-camera", words=f"raw {camera} file ({words}): {advice} first")


def _may_be_raw(camera: str, shape: float) -> bool:
    """Whether a picture of this shape that is no sphere may be that of two lenses, corners lit or not."""
    return camera in _ONLY_SPHERES or _TWO_SQUARES[0] <= shape <= _TWO_SQUARES[1]


def _camera(info: MediaInfo) -> tuple[str, str]:
    """Whose camera made the file, and what stitches its pictures; empty where nothing tells."""
    known = _BY_SUFFIX.get(info.path.suffix.lower())
    if known is not None:
        return known
    tags = " ".join(value for key, value in info.tags if any(word in key for word in _SAYING))
    said = " ".join([tags, info.metadata.user_data, *(video.handler for video in info.videos)]).lower()
    if _ends_like_insta360(info.path):
        said += " insta360"
    for name, answer in _BY_NAME:
        if name in said:
            return answer
    return "", ""


def _ends_like_insta360(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - len(_INSTA360_TRAILER)))
        return file.read() == _INSTA360_TRAILER
