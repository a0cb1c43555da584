"""``croissant.json``: the release described in Croissant 1.0 (https://docs.mlcommons.org/croissant), by JSON-LD.

The record sets are ``split``, ``clips-SPLIT``, ``videos`` and, where media are in the release, ``members-video``,
``members-foa`` …: the members of the shards as bytes, with the clip that they are of. They are not declared as audio: a
reader that decodes that (mlcroissant does, by librosa) would mix the four channels down to one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from yt360.dataset.schema import EVENTS, Column
from yt360.release.contents import Contents
from yt360.release.licences import POLICIES
from yt360.release.schema import LISTED, RELEASED_VIDEOS

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the specification gives."""

_TYPES = {
    pa.string(): "sc:Text",
    pa.int32(): "sc:Integer",
    pa.int64(): "sc:Integer",
    pa.float64(): "sc:Float",
    pa.bool_(): "sc:Boolean",
}
_ENCODINGS = {"mp4": "video/mp4", "flac": "audio/flac", "json": "application/json", "zip": "application/zip"}
_PARQUET, _TAR = "application/x-parquet", "application/x-tar"
_DIGITS = "[0-9]" * 5
_SPLIT_TYPES = {
    "train": "cr:TrainingSplit",
    "validation": "cr:ValidationSplit",
    "test": "cr:TestSplit",
}


def croissant(contents: Contents, files: Mapping[str, str], members: Mapping[str, str], about: str) -> dict[str, Any]:
    """The description. ``files``: path in the release -> SHA-256; ``members``: clip output -> ending of its members.

    ``about``: the dataset in a few sentences.
    """
    wanted = contents.wanted
    tables = [
        name
        for name in files
        if name.endswith(".parquet") and name.startswith(("clips/", "manifests/videos", "manifests/events"))
    ]
    shards = [name for name in files if name.startswith("shards/") and name.endswith(".tar")]
    distribution = [_file(name, files[name], _PARQUET) for name in tables]
    distribution += [_file(name, files[name], _TAR) for name in shards]
    distribution += [_members(output, ending, shards) for output, ending in members.items() if shards]
    record_sets = [_splits(contents), *_clips(contents)]
    record_sets.append(_table("videos", "Every video that was crawled", "manifests/videos.parquet", RELEASED_VIDEOS))
    if contents.events is not None:
        record_sets.append(_table("events", "Sound events with directions", "manifests/events.parquet", EVENTS, 2))
    if shards:
        record_sets += [_member_records(output, ending) for output, ending in members.items()]
    described: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": wanted.name,
        "description": about,
        "version": wanted.version,
        "license": f"https://spdx.org/licenses/{_spdx(wanted.licence)}",
        "citeAs": CITATION,
        "creator": {"@type": "sc:Organization", "name": "The publisher of this release, with yt360"},
        "url": wanted.url or "https://arxiv.org/abs/2011.01819",
        "keywords": ["360 video", "ambisonics", "spatial audio", "self-supervised learning"],
        "isLiveDataset": False,
        "rai:dataCollection": "Crawled from public pages and filtered by yt360; README.md has every count.",
        "rai:dataReleaseMaintenancePlan": "Videos that are taken down stand in takedowns.jsonl of the next version.",
        "rai:personalSensitiveInformation": "Public videos may show people; titles and channels are in its tables.",
        "usageInfo": POLICIES[wanted.policy].words,
        "distribution": distribution,
        "recordSet": record_sets,
    }
    if contents.date:
        described["datePublished"] = contents.date
    return described


CITATION = (
    "@inproceedings{morgado2020learning, title={Learning Representations from Audio-Visual Spatial Alignment}, "
    "author={Morgado, Pedro and Li, Yi and Vasconcelos, Nuno}, booktitle={Advances in Neural Information Processing "
    "Systems}, year={2020}}"
)


def _spdx(licence: str) -> str:
    """SPDX's spelling of an identifier in lower case.

    >>> _spdx("cc-by-4.0")
    'CC-BY-4.0'
    """
    return licence.upper()


def _file(name: str, digest: str, encoding: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "encodingFormat": encoding,
        "sha256": digest,
    }


def _members(output: str, ending: str, shards: Sequence[str]) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"files-{output}",
        "name": f"files-{output}",
        "containedIn": [{"@id": name} for name in shards],
        "encodingFormat": _ENCODINGS[ending.rpartition(".")[2]],
        # Names of clips end in their beginning, so that `foa.flac` is not `view0.foa.flac`.
        "includes": [f"*-{_DIGITS}.{ending}", f"*-{_DIGITS}_[0-9][0-9][0-9].{ending}"],
    }


def _splits(contents: Contents) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "split",
        "name": "split",
        "dataType": "cr:Split",
        "key": {"@id": "split/name"},
        "field": [
            {"@type": "cr:Field", "@id": "split/name", "name": "name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": "split/url", "name": "url", "dataType": "sc:URL"},
        ],
        "data": [
            {"split/name": name, "split/url": f"cr:{_SPLIT_TYPES.get(name, 'cr:Split').partition(':')[2]}"}
            for name in contents.splits
        ],
    }


def _clips(contents: Contents) -> list[dict[str, Any]]:
    """A record set for each split, all with the same fields."""
    return [
        _table(f"clips-{split}", f"The clips of {split}", f"clips/{split}.parquet", LISTED) for split in contents.splits
    ]


def _table(name: str, words: str, path: str, columns: Sequence[Column], key: int = 1) -> dict[str, Any]:
    """A record set of a Parquet file, the first ``key`` columns of which name a row."""
    names = [{"@id": f"{name}/{column.name}"} for column in columns[:key]]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": words,
        "key": names[0] if key == 1 else names,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column.name}",
                "name": column.name,
                "description": column.description,
                "dataType": _TYPES[column.type],
                "source": {"fileObject": {"@id": path}, "extract": {"column": column.name}},
            }
            for column in columns
        ],
    }


def _member_records(output: str, ending: str) -> dict[str, Any]:
    """One kind of members of the shards: the clip (what stands before the first dot of the name) and the bytes."""
    name, source = f"members-{output}", {"@id": f"files-{output}"}
    clip = {
        "@type": "cr:Field",
        "@id": f"{name}/clip",
        "name": "clip",
        "description": "the clip",
        "dataType": "sc:Text",
        "source": {
            "fileSet": source,
            "extract": {"fileProperty": "filename"},
            "transform": {"regex": r"^([^.]+)\..*$"},
        },
    }
    content = {
        "@type": "cr:Field",
        "@id": f"{name}/content",
        "name": "content",
        "description": f"bytes of CLIP.{ending}",
        "dataType": "sc:Text",
        "source": {"fileSet": source, "extract": {"fileProperty": "content"}},
    }
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"CLIP.{ending} of every clip",
        "key": {"@id": f"{name}/clip"},
        "field": [clip, content],
    }
