"""What filters measured over the time of a video, each beside its threshold: the lanes of the time line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from yt360.engine.state.dataset_state import DatasetState
from yt360.errors import ItemError, UsageError
from yt360.files import parse_json
from yt360.filters.stills.limits import LIMITS

_LARGEST_BYTES = 64 << 20
_MOST_POINTS = 2000
"""Of one lane; a video of an hour has as many steps as a page has no pixels for."""

_OVERLAID = {
    "omni": ("added to W", "probability that speech or music was added to W alone"),
    "front": ("added in front", "probability that speech or music was added exactly in front"),
    "bed": ("added as stereo", "probability that a stereo mix was added"),
}


def timelines(catalog: DatasetState, video: str) -> list[dict[str, Any]]:
    """The lanes of a video, as JSON values. Times are seconds on the video's clock.

    Each has ``stage``, ``name``, ``words``, ``unit``, ``span`` (what to draw), ``threshold`` (or ``null``),
    ``drops_above``, ``step_s`` (how long a value stands) and ``time_s`` and ``values``, which are equally long. A
    threshold is that of the whole video: a moment beyond it is evidence, no verdict.
    """
    return [lane for make in (_motion, _overlays) for lane in make(catalog, video)]


def _motion(catalog: DatasetState, video: str) -> Iterator[dict[str, Any]]:
    columns = _output(catalog, "stills", video)
    if columns is None:
        return
    times, moved = _numbers(columns.get("time_s")), _numbers(columns.get("residual"))
    known = [time_s for time_s in times if time_s is not None]
    steps = [after - before for before, after in pairwise(known) if after > before]
    limit = LIMITS.moving_share
    yield _lane(
        "stills", "motion", "share of the sphere that moves from one sample to the next", times, moved,
        step_s=min(steps, default=0.5), threshold=limit, drops_above=False,
        span=(0.0, max(4 * limit, max((value for value in moved if value is not None), default=0.0))),
    )  # fmt: skip


def _overlays(catalog: DatasetState, video: str) -> Iterator[dict[str, Any]]:
    timeline = _output(catalog, "voiceover", video)
    if timeline is None:
        return
    start_s, step_s, window_s = (_number(timeline.get(name), usual) for name, usual in (
        ("start_s", 0.0), ("segment_s", 2.0), ("window_s", 0.5)))  # fmt: skip
    thresholds = catalog.stages["voiceover"].thresholds
    for kind, (name, words) in _OVERLAID.items():
        values = _numbers(_within(timeline, "scores").get(kind))
        yield _lane(
            "voiceover", name, words, _times(start_s, step_s, values), values,
            step_s=step_s, threshold=float(getattr(thresholds, kind)), span=(0.0, 1.0),
        )  # fmt: skip
    levels = _numbers(_within(timeline, "windows").get("level_db"))
    yield _lane(
        "voiceover", "level", "level of the sound field, 200 Hz to 7 kHz", _times(start_s, window_s, levels), levels,
        step_s=window_s, unit="dBFS", span=(-80.0, 0.0),
    )  # fmt: skip


def _output(catalog: DatasetState, stage: str, video: str) -> Mapping[str, Any] | None:
    """The ``timeline`` that a stage left of a video; ``None`` where there is none, or it cannot be read."""
    record = catalog.records(stage).get(video) if stage in catalog.stages else None
    if record is None or "timeline" not in record.outputs:
        return None
    try:
        path = catalog.root.local(record.outputs["timeline"].uri)
        if path.stat().st_size > _LARGEST_BYTES:
            return None
        value = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, ItemError, UsageError):
        return None
    return value if isinstance(value, dict) else None


def _lane(
    stage: str,
    name: str,
    words: str,
    times: Sequence[float | None],
    values: Sequence[float | None],
    *,
    step_s: float,
    span: tuple[float, float],
    threshold: float | None = None,
    drops_above: bool = True,
    unit: str = "",
) -> dict[str, Any]:
    stride = max(1, math.ceil(len(values) / _MOST_POINTS))
    return {
        "stage": stage,
        "name": name,
        "words": words,
        "unit": unit,
        "span": list(span),
        "threshold": threshold,
        "drops_above": drops_above,
        "step_s": step_s * stride,
        "time_s": list(times[: len(values)])[::stride],
        "values": list(values[: len(times)])[::stride],
    }


def _times(start_s: float, step_s: float, values: Sequence[Any]) -> list[float | None]:
    return [round(start_s + k * step_s, 3) for k in range(len(values))]


def _number(value: Any, usual: float) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else usual


def _numbers(values: Any) -> list[float | None]:
    """Numbers of a list; what is none is ``None``."""
    found = [_number(value, math.nan) for value in values] if isinstance(values, list) else []
    return [None if math.isnan(value) else value for value in found]


def _within(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}
