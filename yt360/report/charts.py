"""Small charts as SVG text, for pages that load nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import numpy as np
from numpy.typing import ArrayLike

_WIDTH, _HEIGHT, _FOOT = 340, 110, 18
_BINS = 40


def histogram(values: ArrayLike, span: tuple[float, float], threshold: float, drops_above: bool, label: str) -> str:
    """A distribution over ``span`` with its threshold; counts on a square-root scale, so that the few are seen."""
    bars = _bars(values, span, lambda middle: "drop" if (middle >= threshold) == drops_above else "keep")
    place = float(np.clip((threshold - span[0]) / (span[1] - span[0]), 0, 1)) * _WIDTH
    anchor, shift = ("end", -4) if place > _WIDTH / 2 else ("start", 4)
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT + _FOOT}" role="img" '
        f'aria-label="{escape(label, quote=True)}">'
        f'{bars}<line class="limit" x1="{place:.1f}" x2="{place:.1f}" y1="0" y2="{_HEIGHT}"/>'
        f'<text x="{place + shift:.1f}" y="11" text-anchor="{anchor}">{threshold:.3g}</text>'
        f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}"/>'
        f'<text x="0" y="{_HEIGHT + 14}">{span[0]:g}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 14}" text-anchor="end">{span[1]:g}</text></svg>'
    )


def distribution(values: ArrayLike, span: tuple[float, float], ticks: Sequence[tuple[float, str]], label: str) -> str:
    """A distribution over ``span`` (falling, where its first end is the larger) with words under the axis."""
    low, high = sorted(span)
    turned = span[0] > span[1]
    found = np.asarray(values, float)
    bars = _bars(low + high - found if turned else found, (low, high), lambda _: "plain", turned=turned)
    words = []
    for value, word in ticks:
        share = (value - span[0]) / (span[1] - span[0])
        anchor = "start" if share < 0.05 else "end" if share > 0.95 else "middle"
        words.append(f'<text x="{share * _WIDTH:.1f}" y="{_HEIGHT + 14}" text-anchor="{anchor}">{escape(word)}</text>')
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT + _FOOT}" role="img" '
        f'aria-label="{escape(label, quote=True)}">{bars}'
        f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}"/>{"".join(words)}</svg>'
    )


def _bars(values: ArrayLike, span: tuple[float, float], kind: Callable[[float], str], *, turned: bool = False) -> str:
    """Counts as bars; ``kind`` gives the class of a bar from the middle of its values."""
    found = np.clip(np.asarray(values, float), *span)
    counts, edges = np.histogram(found[np.isfinite(found)], bins=_BINS, range=span)
    top = max(1.0, float(np.sqrt(counts.max(initial=0))))
    step = _WIDTH / _BINS
    bars = []
    for number, count in enumerate(counts):
        middle = float(edges[number] + edges[number + 1]) / 2
        height = np.sqrt(count) / top * (_HEIGHT - 8)
        shown = span[0] + span[1] - middle if turned else middle
        bars.append(
            f'<rect class="{kind(middle)}" x="{number * step + 0.5:.1f}" y="{_HEIGHT - height:.1f}" '
            f'width="{step - 1:.1f}" height="{height:.1f}"><title>{count} at {shown:.3g}</title></rect>'
        )
    return "".join(bars)


def waveform(peaks: ArrayLike, marks: Sequence[tuple[float, float, float]], label: str) -> str:
    """The course of a sound: ``peaks`` in [0, 1]; ``marks`` are (start, end, weight) as parts of its length."""
    values = np.clip(np.nan_to_num(np.asarray(peaks, float)), 0, 1)
    height, half = 56, 28.0
    step = _WIDTH / max(1, values.size)
    upper = " ".join(f"{k * step:.1f},{half - 26 * value:.1f}" for k, value in enumerate(values))
    lower = " ".join(f"{k * step:.1f},{half + 26 * value:.1f}" for k, value in reversed(list(enumerate(values))))
    shades = "".join(
        f'<rect class="mark" x="{begin * _WIDTH:.1f}" y="0" width="{max(0.5, (end - begin) * _WIDTH):.1f}" '
        f'height="{height}" opacity="{0.55 * min(1.0, max(0.0, weight)):.2f}"/>'
        for begin, end, weight in marks
        if weight > 0.05
    )
    return (
        f'<svg class="wave" viewBox="0 0 {_WIDTH} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label, quote=True)}">{shades}<polygon points="{upper} {lower}"/></svg>'
    )


def precision_recall(points: Sequence[tuple[float, float]], today: tuple[float, float] | None, label: str) -> str:
    """A curve of (recall, precision), and where today's threshold stands."""
    size, margin = 220, 26
    inner = size - 2 * margin

    def at(recall: float, precision: float) -> tuple[float, float]:
        return margin + recall * inner, size - margin - precision * inner

    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in points))
    dot = ""
    if today is not None:
        x, y = at(*today)
        dot = f'<circle class="today" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>today\'s threshold</title></circle>'
    left, top = at(0, 1)
    right, bottom = at(1, 0)
    return (
        f'<svg class="curve" viewBox="0 0 {size} {size}" role="img" aria-label="{escape(label, quote=True)}">'
        f'<rect class="frame" x="{left}" y="{top}" width="{inner}" height="{inner}"/>'
        f'<polyline points="{line}"/>{dot}'
        f'<text x="{left}" y="{bottom + 16}">recall 0</text>'
        f'<text x="{right}" y="{bottom + 16}" text-anchor="end">1</text>'
        f'<text x="{left - 4}" y="{bottom}" text-anchor="end">0</text>'
        f'<text x="{left - 4}" y="{top + 4}" text-anchor="end">1</text>'
        f'<text x="{left}" y="{top - 8}">precision</text></svg>'
    )
