"""The COCO panoptic format: a PNG of segment ids (R + 256 G + 65536 B), and JSON that says what they are.

https://cocodataset.org/#format-data, "Panoptic Segmentation".
"""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360.errors import ItemError, UsageError
from yt360.files import atomic_write, atomic_write_text, parse_json
from yt360.segmentation.maps import Category, PanopticMap, PanopticSegment

_LARGEST_ID = (1 << 24) - 1
_LARGEST_SIDE = 16384
_LARGEST_JSON = 1 << 30
_PNG = b"\x89PNG\r\n\x1a\n"


def encode_ids(ids: NDArray[np.int32]) -> bytes:
    """A map of segment ids ``(H, W)`` as PNG. Equal maps give equal bytes."""
    if ids.min(initial=0) < 0 or ids.max(initial=0) > _LARGEST_ID:
        raise ValueError(f"segment ids must lie in [0, {_LARGEST_ID}], found [{ids.min()}, {ids.max()}]")
    blue_green_red = np.stack([ids >> 16, (ids >> 8) & 255, ids & 255], axis=-1).astype(np.uint8)
    good, data = cv2.imencode(".png", blue_green_red, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not good:
        raise ValueError(f"a map of shape {ids.shape} could not be encoded")
    return bytes(data)


def decode_ids(data: bytes, where: str = "map") -> NDArray[np.int32]:
    """Segment ids ``(H, W)`` of a panoptic PNG of at most 16384 pixels a side. Raises :class:`ItemError`."""
    if len(data) < 26 or data[:8] != _PNG:
        raise ItemError("corrupt-map", f"{where}: expected a PNG of segment ids, found {len(data)} other bytes")
    width, height = struct.unpack_from(">II", data, 16)
    if not (0 < width <= _LARGEST_SIDE and 0 < height <= _LARGEST_SIDE):
        raise ItemError("corrupt-map", f"{where}: a PNG of {width}x{height}; at most {_LARGEST_SIDE} a side")
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.dtype != np.uint8:
        raise ItemError("corrupt-map", f"{where}: expected a whole RGB PNG of segment ids, found one that is not")
    blue, green, red = (picture[..., channel].astype(np.int32) for channel in range(3))
    ids: NDArray[np.int32] = red + (green << 8) + (blue << 16)
    return ids


def segments_info(panoptic: PanopticMap) -> list[dict[str, Any]]:
    """The segments of a map as COCO lists them, with the model's score besides."""
    listed = []
    for segment in panoptic.segments:
        mask = panoptic.ids == segment.id
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        top, left = int(rows[0]), int(columns[0])
        listed.append(
            {
                "id": segment.id,
                "category_id": segment.category_id,
                "isthing": int(segment.isthing),
                "area": segment.area,
                "bbox": [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top],
                "iscrowd": 0,
                "score": round(segment.score, 6),
            }
        )
    return listed


def categories_json(categories: Sequence[Category]) -> list[dict[str, Any]]:
    """Categories as COCO lists them."""
    return [
        {"id": c.id, "name": c.name, "isthing": int(c.isthing), "supercategory": c.supercategory} for c in categories
    ]


def categories_from(value: Any) -> tuple[Category, ...]:
    """The inverse of :func:`categories_json`. Raises :class:`ValueError` or :class:`KeyError`."""
    return tuple(
        Category(int(c["id"]), str(c["name"]), bool(c["isthing"]), str(c.get("supercategory", ""))) for c in value
    )


def panoptic_map(ids: NDArray[np.int32], info: Iterable[Mapping[str, Any]], isthing: Mapping[int, bool]) -> PanopticMap:
    """A map from its ids and COCO's ``segments_info``. Raises :class:`ValueError` or :class:`KeyError`."""
    segments = [
        PanopticSegment(
            id=int(entry["id"]),
            category_id=int(entry["category_id"]),
            isthing=isthing[int(entry["category_id"])],
            score=float(entry.get("score", 1.0)),
            area=int(entry.get("area", 0)),
        )
        for entry in info
    ]
    return PanopticMap(ids, tuple(sorted(segments, key=lambda segment: segment.id)))


class CocoWriter:
    """Writes a folder: ``NAME.png`` for each picture, and ``panoptic.json`` at the end."""

    def __init__(self, folder: Path, categories: Sequence[Category], info: Mapping[str, Any]) -> None:
        self._folder = folder
        self._value: dict[str, Any] = {
            "info": dict(info),
            "licenses": [],
            "images": [],
            "annotations": [],
            "categories": categories_json(categories),
        }

    def add(self, picture: str, png: str, panoptic: PanopticMap) -> None:
        """One picture by its file name, and the name of its PNG below the folder."""
        data = encode_ids(panoptic.ids)
        path = self._folder / png
        atomic_write(path, lambda partial: partial.write_bytes(data))
        number = len(self._value["images"]) + 1
        height, width = panoptic.ids.shape
        self._value["images"].append({"id": number, "file_name": picture, "width": width, "height": height})
        self._value["annotations"].append(
            {"image_id": number, "file_name": png, "segments_info": segments_info(panoptic)}
        )

    def close(self) -> Path:
        """Write the JSON; its path."""
        path = self._folder / "panoptic.json"
        atomic_write_text(path, json.dumps(self._value, ensure_ascii=False) + "\n")
        return path


class CocoFolder:
    """Reads a panoptic JSON and the PNGs it names (in its own folder, or in one of the same name beside it).

    Results as COCO's evaluation takes them hold ``annotations`` alone; ``like`` then says which pictures and categories
    they are of.
    """

    def __init__(self, path: Path, like: CocoFolder | None = None) -> None:
        self.path = path
        if path.stat().st_size > _LARGEST_JSON:
            raise UsageError(f"{path}: expected COCO panoptic JSON of at most {_LARGEST_JSON} bytes")
        try:
            value = parse_json(path.read_text(encoding="utf-8"))
            self.categories: tuple[Category, ...] = (
                like.categories
                if like is not None and "categories" not in value
                else categories_from(value["categories"])
            )
            self.names: dict[Any, str] = (
                like.names
                if like is not None and "images" not in value
                else {image["id"]: str(image["file_name"]) for image in value["images"]}
            )
            self._entries: dict[str, tuple[str, list[Any]]] = {}
            holder: dict[str, Any] = {}
            for entry in value["annotations"]:
                name, number = self.names[entry["image_id"]], entry["image_id"]
                if name in self._entries:
                    same = number == holder[name]
                    raise UsageError(
                        f"{path}: two maps of the picture {number} ({name!r}); expected one"
                        if same
                        else f"{path}: the pictures {holder[name]} and {number} are both called {name!r}, and pictures "
                        "are told apart by their names; put their folders into file_name"
                    )
                holder[name] = number
                self._entries[name] = (str(entry["file_name"]), list(entry["segments_info"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{path}: expected COCO panoptic JSON, found something else ({error!r})") from error
        self._isthing = {category.id: category.isthing for category in self.categories}

    @property
    def pictures(self) -> list[str]:
        """File names of the pictures there are maps of."""
        return list(self._entries)

    def crowds(self, picture: str) -> list[int]:
        """Ids of the segments that stand for an uncounted many (``iscrowd``)."""
        return [int(entry["id"]) for entry in self._entries[picture][1] if entry.get("iscrowd")]

    def read(self, picture: str) -> PanopticMap:
        """The map of a picture. Raises :class:`ItemError` when its PNG is missing or is not what the JSON says."""
        name, info = self._entries[picture]
        plain = PurePosixPath(name)
        if plain.is_absolute() or ".." in plain.parts:
            raise ItemError("corrupt-map", f"{self.path}: names the PNG {name!r}, which leaves the folder")
        beside = self.path.with_suffix("") / plain
        path = beside if beside.is_file() else self.path.parent / plain
        try:
            ids = decode_ids(path.read_bytes(), str(path))
            ((number, times),) = Counter(int(entry["id"]) for entry in info).most_common(1) or [(0, 0)]
            if times > 1:
                raise ItemError(
                    "corrupt-map", f"{self.path}: {times} segments of {picture} have the id {number}; ids must differ"
                )
            found = panoptic_map(ids, info, self._isthing)
            foreign = sorted(set(np.unique(ids).tolist()) - {segment.id for segment in found.segments} - {0})
            if foreign:
                raise ItemError(
                    "corrupt-map",
                    f"{path}: expected segments that {self.path} lists for {picture}, found {len(foreign)} others, "
                    f"first {foreign[0]}; are these the PNGs of this JSON?",
                )
            return found
        except OSError as error:
            raise ItemError("missing-map", f"{path}: expected the map of {picture}, found: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ItemError("corrupt-map", f"{self.path}: the entry of {picture} is not whole ({error!r})") from error
