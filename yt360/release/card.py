"""``README.md`` of a release: the header that hubs read, and the data card, filled from the funnel."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import yaml

from yt360 import __version__
from yt360.dataset.schema import CLIPS, EVENTS, Column
from yt360.release.contents import Contents
from yt360.release.croissant import CITATION
from yt360.release.licences import POLICIES
from yt360.release.schema import LISTED, RELEASED_VIDEOS
from yt360.report.funnel import PAPER
from yt360.stages.verdicts import reason_words

_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_DTYPES = {pa.bool_(): "bool", pa.float64(): "float64", pa.int32(): "int32", pa.int64(): "int64", pa.string(): "string"}


def about(contents: Contents) -> str:
    """The dataset in two sentences, without line breaks."""
    counts = contents.counts()
    clips = sum(int(count["clips"]) for count in counts.values())
    videos = sum(int(count["videos"]) for count in counts.values())
    hours = sum(count["hours"] for count in counts.values())
    holds = "with picture and sound" if contents.wanted.media else "as a list, from which others cut the same clips"
    return (
        f"{clips} clips ({hours:.2f} hours) of {videos} 360° videos with first-order ambisonics (AmbiX), {holds}. "
        f"Each clip has its place in the video, digests, measures, a fingerprint and its licence."
    )


def card(contents: Contents, sizes: Mapping[str, int], members: Mapping[str, str], facts: frozenset[str]) -> str:
    """The page. ``sizes``: bytes of each file by path; ``members``: clip output -> ending.

    ``facts``: names in the clips' ``KEY.json``.
    """
    header = yaml.safe_dump(
        _header(contents, sizes, members, facts),
        sort_keys=False,
        allow_unicode=True,
        width=100,
        default_flow_style=False,
    )
    parts = [f"---\n{header}---\n", f"# {contents.wanted.name}\n", about(contents) + "\n"]
    parts += [*_use(contents), *_content(contents), *_funnel(contents), *_thresholds(contents), *_rights(contents)]
    parts += [
        "## Citation\n",
        f"```bibtex\n{CITATION}\n```\n",
        f"Release {contents.wanted.version}{f' of {contents.date}' if contents.date else ''}, made with yt360 "
        f"{__version__}. `sha256sum -c SHA256SUMS` checks every file.\n",
    ]
    return "\n".join(parts)


def _header(
    contents: Contents, sizes: Mapping[str, int], members: Mapping[str, str], facts: frozenset[str]
) -> dict[str, Any]:
    wanted, counts = contents.wanted, contents.counts()
    clips = sum(int(count["clips"]) for count in counts.values())
    header: dict[str, Any] = {"pretty_name": wanted.name}
    if wanted.media:  # each video has a licence of its own
        header |= {"license": "other", "license_name": "per-video", "license_link": "manifests/videos.parquet"}
    else:
        header |= {"license": wanted.licence}
    header |= {
        "task_categories": ["video-classification", "audio-classification", "image-segmentation", "feature-extraction"],
        "tags": ["360-video", "spatial-audio", "ambisonics", "audio-visual", "self-supervised"],
        "size_categories": [next((words for limit, words in _SIZES if clips < limit), "n>10M")],
    }
    folder, ending = ("shards", "tar") if wanted.media else ("clips", "parquet")
    patterns = [
        {"split": split, "path": f"{folder}/{split}-*.{ending}" if wanted.media else f"{folder}/{split}.{ending}"}
        for split in contents.splits
    ]
    infos = [_info("default", _features(members, facts) if wanted.media else _columns(LISTED), contents, sizes, folder)]
    configs = [{"config_name": "default", "data_files": patterns, "default": True}]
    tables = {"videos": (contents.videos, RELEASED_VIDEOS)}
    tables |= {"events": (contents.events, EVENTS)} if contents.events else {}
    for name, (rows, columns) in tables.items() if not wanted.media else ():  # a hub reads a folder with one reader
        path = f"manifests/{name}.parquet"
        configs.append({"config_name": name, "data_files": [{"split": name, "path": path}]})
        held = {"name": name, "num_bytes": sizes[path], "num_examples": len(rows)}
        total = {"download_size": sizes[path], "dataset_size": sizes[path]}
        infos.append({"config_name": name, "features": _columns(columns), "splits": [held], **total})
    return header | {"dataset_info": infos, "configs": configs}


def _info(
    config: str, features: list[dict[str, Any]], contents: Contents, sizes: Mapping[str, int], folder: str
) -> dict[str, Any]:
    splits: list[dict[str, Any]] = [
        {
            "name": split,
            "num_bytes": sum(
                size for name, size in sizes.items() if re.fullmatch(rf"{folder}/{re.escape(split)}(-\d+)?\.\w+", name)
            ),
            "num_examples": len(contents.of_split(split)),
        }
        for split in contents.splits
    ]
    total = sum(split["num_bytes"] for split in splits)
    return {
        "config_name": config, "features": features, "splits": splits, "download_size": total, "dataset_size": total,
    }  # fmt: skip


def _columns(columns: Sequence[Column]) -> list[dict[str, Any]]:
    return [{"name": column.name, "dtype": _DTYPES[column.type]} for column in columns]


def _features(members: Mapping[str, str], facts: frozenset[str]) -> list[dict[str, Any]]:
    """Features of a sample.

    The sound is bytes: as ``Audio``, ``datasets`` 5.2 needs torchcodec to read a row at all, and then gives the mean of
    the four channels.
    """
    kinds: dict[str, Any] = {
        "video": {"dtype": {"video": {"decode": False}}},
        "json": {"struct": _columns([column for column in CLIPS if column.name in facts])},
    }
    found = [
        {"name": ending, **kinds.get("video" if ending.endswith(".mp4") else output, {"dtype": "binary"})}
        for output, ending in members.items()
        if output != "json" or kinds["json"]["struct"]
    ]
    return [*found, {"name": "__key__", "dtype": "string"}, {"name": "__url__", "dtype": "string"}]


def _use(contents: Contents) -> list[str]:
    name = contents.wanted.name
    lines = ["## Use\n", "```python", "from datasets import load_dataset", ""]
    if contents.wanted.media:
        lines += [
            f'data = load_dataset("{name}", split="{contents.splits[0]}")',
            "import io, soundfile",
            'foa, rate = soundfile.read(io.BytesIO(data[0]["foa.flac"]))  # (samples, 4): W Y Z X',
            "",
            "import yt360",
            f'clip = yt360.open("{name}")[0]  # frames, sound, views that turn picture and sound alike',
            "```\n",
            "Picture and sound come as bytes: decode those. A reader that makes one channel of the FLAC (the `array` "
            "of `datasets.Audio`) gives the mean of W, Y, Z and X: a microphone that is deaf to right and back.\n",
        ]
    else:
        lines += [
            f'clips = load_dataset("{name}")  # one row a clip',
            f'videos = load_dataset("{name}", "videos")  # one row a video that was ever crawled',
            "```\n",
            "This release holds no media. Cut the same clips, and learn how much of the dataset is still the same:\n",
            "```bash",
            f"yt360 rebuild {name} --root my-copy",
            "```\n",
        ]
    return ["\n".join(lines)]


def _content(contents: Contents) -> list[str]:
    rows = [
        [split, f"{count['videos']:,}", f"{count['clips']:,}", f"{count['hours']:.2f}"]
        for split, count in contents.counts().items()
    ]
    ours = ["all", *_totals(contents)]
    paper = ["YouTube-360 (2020)", f"{PAPER['videos']:,}", f"{PAPER['clips']:,}", f"{PAPER['hours']:,.2f}"]
    maps = sorted({str(row.get("panoptic_model")) for row in contents.clips if row.get("panoptic_maps")})
    lines = [
        "## Content\n",
        _table(["split", "videos", "clips", "hours"], [*rows, ours, paper]),
        "Directions (`azimuth_deg`: counter-clockwise from the front, left is positive; `elevation_deg`: up) and "
        "`diffuseness` are those of the sound field of a clip.",
    ]
    if contents.events is not None:
        lines.append(f"`manifests/events.parquet` has {len(contents.events):,} sound events with directions.")
    if maps:
        lines.append(f"Panoptic maps are by {', '.join(map(_plain, maps))}.")
    return ["\n".join(lines) + "\n"]


def _totals(contents: Contents) -> list[str]:
    counts = contents.counts().values()
    videos, clips = (sum(int(count[what]) for count in counts) for what in ("videos", "clips"))
    return [f"{videos:,}", f"{clips:,}", f"{sum(count['hours'] for count in counts):.2f}"]


def _funnel(contents: Contents) -> list[str]:
    rows = []
    for step in contents.steps():
        low, high = step["dropped_share_95"]
        gone = [f"{_plain(reason)} {count}" for reason, count in step["reasons"].items()]
        gone += [f"failed: {_plain(kind)} {count}" for kind, count in step["failures"].items()]
        gone += [f"waiting {step['waiting']}"] if step["waiting"] else []
        share = f"{100 * step['dropped_share']:.1f} % [{100 * low:.1f}, {100 * high:.1f}]" if step["dropped"] else "0"
        rows.append([step["words"], f"{step['kept']:,}", share, ", ".join(gone)])
    reasons = sorted({reason for step in contents.funnel.steps for reason in step.reasons})
    meanings = [f"- `{_plain(reason)}`: {words}" for reason in reasons if (words := reason_words(reason))]
    return [
        "## How it was made\n",
        f"{contents.funnel.listed:,} videos were asked for. Brackets are 95 % Wilson intervals of the share that a "
        "step dropped of what it judged.\n",
        _table(["left after it", "videos", "dropped by it", "why"], rows),
        "\n".join(meanings) + "\n" if meanings else "",
        "`manifests/videos.parquet` has every video with its reason and all measures.\n",
    ]


def _thresholds(contents: Contents) -> list[str]:
    if not contents.thresholds:
        return []
    rows = [
        [row["stage"], row["score"], f"{row['drops']} {row['threshold']:g}", row["words"]]
        for row in contents.thresholds
    ]
    return [
        "### Thresholds\n",
        _table(["stage", "score", "drops", "what it is"], rows),
        "All parameters are in `release.json`.\n",
    ]


def _rights(contents: Contents) -> list[str]:
    wanted = contents.wanted
    rows = [[name, f"{count['videos']:,}", f"{count['clips']:,}"] for name, count in contents.licences().items()]
    lines = [
        "## Licences\n",
        f"The list, the measures and the annotations: `{wanted.licence}`. Every video keeps its own licence, as its "
        "source states it (`license`, `license_name` and `channel` of every row); credit the channel.\n",
        _table(["licence", "videos", "clips"], rows),
        f"Policy `{wanted.policy}`: {POLICIES[wanted.policy].words}.",
    ]
    if contents.left_out:
        lines.append("It left out:\n")
        lines += [
            f"- {_plain(reason)}: {count['videos']:,} videos, {count['clips']:,} clips"
            for reason, count in contents.left_out.items()
        ]
    else:
        lines.append("It left nothing out.")
    stones = len(contents.takedowns)
    lines += [
        "",
        f"### Takedowns\n\n{stones} video{'' if stones == 1 else 's'} {'was' if stones == 1 else 'were'} taken down "
        "(`takedowns.jsonl`); delete your copies of them. `yt360 rebuild` never brings one back.\n",
    ]
    return ["\n".join(lines)]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def _plain(text: str) -> str:
    """Words of a plugin or model: on one line, and no Markdown or HTML."""
    visible = "".join(character if character.isprintable() else " " for character in text)
    return re.sub(r"([<>`*_\[\]|\\])", r"\\\1", " ".join(visible.split()))[:200]
