"""The maps of one clip in one file: a zip of COCO panoptic PNGs and their ``panoptic.json``, nothing compressed twice.

``0000.png`` is the map at time 0, ``NNNN.png`` the one at N / rate. Unzipped, the folder is what
COCO's own tools read. Equal maps give equal bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from yt360.errors import ItemError
from yt360.files import parse_json
from yt360.segmentation import coco
from yt360.segmentation.maps import Category, PanopticMap

INDEX = "panoptic.json"

_EPOCH = (1980, 1, 1, 0, 0, 0)
_LARGEST_INDEX = 1 << 26
_LARGEST_PNG = 1 << 27
_MOST_MAPS = 10_000

# What reading a damaged zip or its JSON can raise (RuntimeError: zipfile says so of an encrypted member).
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OSError,
)


def clip_maps_bytes(
    clip: str, maps: Sequence[PanopticMap], rate_hz: float, categories: Sequence[Category], info: Mapping[str, Any]
) -> bytes:
    """The file of a clip's maps; map n is at n / ``rate_hz`` seconds. ``info`` says which model made them, and how."""
    if not maps or len(maps) > _MOST_MAPS:
        raise ValueError(f"expected 1 to {_MOST_MAPS} maps, found {len(maps)}")
    names = [f"{number:04d}.png" for number in range(len(maps))]
    value = {
        "info": {**info, "clip": clip, "rate_hz": rate_hz},
        "licenses": [],
        "images": [
            {
                "id": number,
                "file_name": f"{clip}.video.mp4",
                "time_s": round(number / rate_hz, 6),
                "width": panoptic.ids.shape[1],
                "height": panoptic.ids.shape[0],
            }
            for number, panoptic in enumerate(maps)
        ],
        "annotations": [
            {"image_id": number, "file_name": name, "segments_info": coco.segments_info(panoptic)}
            for number, (name, panoptic) in enumerate(zip(names, maps, strict=True))
        ],
        "categories": coco.categories_json(categories),
    }
    return _zipped(value, {name: coco.encode_ids(panoptic.ids) for name, panoptic in zip(names, maps, strict=True)})


def no_maps_bytes() -> bytes:
    """What stands for the maps of a clip that has none where others have some: a zip of an index without maps."""
    info = {"description": "there are no panoptic maps of this clip"}
    return _zipped({"info": info, "licenses": [], "images": [], "annotations": [], "categories": []}, {})


def _zipped(index: Mapping[str, Any], pictures: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        text = json.dumps(index, sort_keys=True, ensure_ascii=False) + "\n"
        # Stored where there is next to nothing: versions of zlib compress differently.
        archive.writestr(_entry(INDEX, zipfile.ZIP_DEFLATED if pictures else zipfile.ZIP_STORED), text)
        for name, data in pictures.items():
            archive.writestr(_entry(name, zipfile.ZIP_STORED), data)
    return buffer.getvalue()


def _entry(name: str, method: int) -> zipfile.ZipInfo:
    """A header that says nothing of when, where or by whom it was made."""
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = method
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry


class ClipMaps:
    """Reads the file of a clip's maps. Raises :class:`ItemError` (``corrupt-map``) when it is not one.

    The file that stands for no maps (:func:`no_maps_bytes`) has the length 0 and the rate 0.
    """

    def __init__(self, data: bytes, where: str = "maps") -> None:
        self._where = where
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
            value = parse_json(self._member(INDEX, _LARGEST_INDEX))
            self.info: dict[str, Any] = dict(value["info"])
            self._entries = [(str(e["file_name"]), list(e["segments_info"])) for e in value["annotations"]]
            self.rate_hz = float(self.info["rate_hz"]) if self._entries else 0.0
            self.categories = coco.categories_from(value["categories"])
        except _DAMAGE as e:
            raise ItemError("corrupt-map", f"{where}: expected a zip of panoptic maps, found: {e!r}") from e
        if self._entries and (len(self._entries) > _MOST_MAPS or not 0 < self.rate_hz < 1000):
            raise ItemError("corrupt-map", f"{where}: {len(self._entries)} maps at {self.rate_hz} a second cannot be")
        self._isthing = {category.id: category.isthing for category in self.categories}

    def __len__(self) -> int:
        return len(self._entries)

    def read(self, number: int) -> PanopticMap:
        """Map ``number``, at ``number / rate_hz`` seconds into the clip."""
        self._require_maps()
        name, info = self._entries[number]
        where = f"{self._where}: {name}"
        try:
            ids = coco.decode_ids(self._member(name, _LARGEST_PNG), where)
            return coco.panoptic_map(ids, info, self._isthing)
        except _DAMAGE as error:
            raise ItemError("corrupt-map", f"{where}: {error!r}") from error

    def nearest(self, time_s: float) -> int:
        """Number of the map nearest to a time in the clip. Raises :class:`ItemError` (``no-maps``) where none is."""
        self._require_maps()
        return min(max(round(time_s * self.rate_hz), 0), len(self) - 1)

    def _require_maps(self) -> None:
        if not self._entries:
            raise ItemError("no-maps", f"{self._where}: there are no panoptic maps of this clip")

    def _member(self, name: str, limit: int) -> bytes:
        entry = self._archive.getinfo(name)
        if entry.file_size > limit:
            raise ValueError(f"{name} states {entry.file_size} bytes, at most {limit}")
        return self._archive.read(entry)
