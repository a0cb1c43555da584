"""The paper's tables: their rows and columns, their numbers, and what fills each cell here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TableColumn:
    """Results of ``task`` whose settings hold ``settings``, their ``measure``."""

    label: str
    task: str
    measure: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TableRow:
    """Results of model ``name``. ``recipe`` in pipelines/eval makes them; ``model``: the training recipe it needs."""

    label: str
    name: str
    recipe: str
    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """``paper``: the published number of (row, column), where there is one."""

    key: str
    title: str
    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]
    paper: Mapping[tuple[int, int], float]


def _numbers(*rows: str) -> dict[tuple[int, int], float]:
    return {
        (number, place): float(value)
        for number, row in enumerate(rows)
        for place, value in enumerate(row.split())
        if value != "-"
    }


def _binary_columns() -> tuple[TableColumn, ...]:
    return tuple(
        TableColumn(f"{label}, {views} view{'s' if views > 1 else ''}", task, "accuracy", {"views": views} | extra)
        for label, task, extra in (("AVC-Bin", "avc-bin", {}), ("AVSA-Bin", "avsa-bin", {"negatives": "yaw"}))
        for views in (1, 4)
    )


def _binary_row(label: str, name: str, *, translators: bool, recipe: str = "", model: str = "") -> TableRow:
    ending = "transf" if translators else "no-transf"
    recipe = recipe or f"table1-{name.removesuffix('-transf')}-{ending}"
    return TableRow(label, name, recipe, model or name, {"translators": translators})


TABLE_1 = Table(
    "table1",
    "Table 1: accuracy of binary AVC and AVSA predictions, %",
    _binary_columns(),
    (
        _binary_row("AVC, no transf.", "avc", translators=False),
        _binary_row("AVC, transf.", "avc-transf", translators=True),
        _binary_row("AVTS, no transf.", "avts", translators=False),
        _binary_row("AVTS, transf.", "avts-transf", translators=True),
        _binary_row("AVSA, no transf.", "avsa", translators=False),
        _binary_row("AVSA, transf.", "avsa", translators=True),
        _binary_row("AVSA intensity, no transf. (ours)", "avsa-intensity", translators=False),
        _binary_row("AVSA intensity, transf. (ours)", "avsa-intensity", translators=True),
    ),
    _numbers(
        "79.82 82.68 59.48 59.25",
        "- 83.87 - 61.20",
        "80.08 82.77 59.78 60.37",
        "- 83.77 - 60.73",
        "86.19 91.67 64.97 68.87",
        "- 89.83 - 69.97",
    ),
)

_INPUTS = (("video", "Video only"), ("sound", "+Audio"), ("context", "+Audio+Context"))
_MEASURES = (("pixel_accuracy", "Pix Acc"), ("miou", "mIoU"), ("miou_samplewise", "mIoU per sample"))


def _segmentation_row(label: str, name: str, **settings: Any) -> TableRow:
    return TableRow(label, name, f"table2-{name}", name, {"encoders": "frozen"} | settings)


TABLE_2 = Table(
    "table2",
    "Table 2: semantic segmentation, % (the paper's mIoU is the published code's, per sample)",
    tuple(
        TableColumn(f"{label}: {shown}", "segmentation", measure, {"input": name})
        for name, label in _INPUTS
        for measure, shown in _MEASURES
    ),
    (
        _segmentation_row("AVC", "avc"),
        _segmentation_row("AVTS", "avts"),
        _segmentation_row("AVSA", "avsa"),
        _segmentation_row("AVSA (no curr.)", "avsa-nocurriculum"),
        _segmentation_row("AVSA (mlp)", "avsa-mlp"),
        TableRow("Kinetics (sup)", "kinetics", "table2-kinetics", "", {"encoders": "frozen"}),
        TableRow("End-to-end", "avsa", "table2-end-to-end", "avsa", {"encoders": "trained"}),
        _segmentation_row("AVSA intensity (ours)", "avsa-intensity"),
    ),
    _numbers(
        "71.16 - 32.85 71.07 - 32.69 - - -",
        "73.24 - 34.88 72.97 - 34.88 - - -",
        "73.44 - 35.11 73.11 - 34.63 73.85 - 35.83",
        "71.95 - 33.66 71.49 - 33.23 72.06 - 34.30",
        "73.10 - 35.02 73.21 - 34.83 72.68 - 34.35",
        "75.47 - 36.91 - - - - - -",
        "77.37 - 41.05 77.93 - 42.00 79.65 - 43.21",
    ),
)

TABLE_3 = Table(
    "table3",
    "Table 3: action recognition, %",
    tuple(
        TableColumn(f"{label}: {shown}", "action", measure, {"dataset": dataset})
        for dataset, label in (("ucf101", "UCF"), ("hmdb51", "HMDB"))
        for measure, shown in (("clip_1", "Clip@1"), ("video_1", "Video@1"))
    ),
    (
        TableRow("Scratch", "scratch", "table3-scratch", ""),
        TableRow("Kinetics Sup.", "kinetics", "table3-kinetics", ""),
        TableRow("AVC", "avc", "table3-avc", "avc"),
        TableRow("AVTS", "avts", "table3-avts", "avts"),
        TableRow("AVSA", "avsa", "table3-avsa", "avsa"),
    ),
    _numbers(
        "54.85 59.95 27.40 31.10",
        "78.50 83.43 46.45 51.90",
        "64.63 69.68 31.33 34.58",
        "65.65 70.34 32.29 35.89",
        "68.52 73.80 32.96 37.66",
    ),
)

_MODELS = ("avc", "avts", "avsa", "avsa-nocurriculum", "avsa-mlp", "avsa-intensity")

BEYOND = Table(
    "beyond",
    "Beyond the paper: localisation (median error in degrees), retrieval (R@1, %), probes on frozen features (%)",
    (
        TableColumn("Source error °", "localise", "source_error_deg"),
        TableColumn("Yaw error °", "localise", "yaw_error_deg"),
        TableColumn("Video→sound R@1", "retrieval", "video-to-sound recall@1"),
        TableColumn("Sound→video R@1", "retrieval", "sound-to-video recall@1"),
        TableColumn("Linear probe", "probe", "accuracy", {"modality": "video"}),
        TableColumn("k-NN", "knn", "accuracy", {"modality": "video"}),
        TableColumn("AVSA-Bin by angle", "avsa-bin", "accuracy", {"negatives": "angles"}),
    ),
    tuple(TableRow(name.upper().replace("-", " ", 1), name, "beyond", name) for name in _MODELS),
    {},
)

TABLES = (TABLE_1, TABLE_2, TABLE_3, BEYOND)
