"""Panoptic maps for the player: the ids of a clip's segments as pictures, and what each of them is."""

from __future__ import annotations

from typing import Any

from yt360.report.maps import OPACITY, category_colour
from yt360.segmentation import ClipMaps
from yt360.segmentation.coco import encode_ids


def map_name(number: int) -> str:
    """Name of the picture of map ``number``.

    >>> map_name(3)
    'maps/0003.png'
    """
    return f"maps/{number:04d}.png"


def map_layer(maps: ClipMaps) -> dict[str, Any]:
    """What ``maps.json`` holds: rate, model, categories with their colours, and the segments of each map.

    Map n is at n / ``rate_hz`` seconds. Raises :class:`yt360.errors.ItemError` where a map is damaged.
    """
    shown: list[dict[str, Any]] = [
        {
            "picture": map_name(number),
            "segments": [
                {
                    "id": segment.id,
                    "category_id": segment.category_id,
                    "isthing": segment.isthing,
                    "score": round(segment.score, 4),
                    "area": segment.area,
                }
                for segment in maps.read(number).segments
            ],
        }
        for number in range(len(maps))
    ]
    used = {segment["category_id"] for each in shown for segment in each["segments"]}
    named = {category.id: category for category in maps.categories}
    categories = [
        {
            "id": number,
            "name": named[number].name if number in named else f"category {number}",
            "isthing": named[number].isthing if number in named else False,
            "colour": category_colour(number),
        }
        for number in sorted(used)
    ]
    model = str(maps.info.get("model", "an unnamed model"))
    return {"rate_hz": maps.rate_hz, "model": model, "opacity": OPACITY, "categories": categories, "maps": shown}


def map_picture(maps: ClipMaps, number: int) -> bytes:
    """Map ``number`` as PNG: a pixel's segment is R + 256 G + 65536 B, 0 for none (the panoptic format of COCO)."""
    return encode_ids(maps.read(number).ids)
