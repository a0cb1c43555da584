"""Every reason of a drop is one sentence with at most three numbers: in its template, and as it is composed."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import yt360
from yt360.engine.items import Filtered
from yt360.media import channel_order
from yt360.media.ambisonic import validity
from yt360.media.ambisonic.hypotheses import HYPOTHESES
from yt360.media.ambisonic.thresholds import AmbisonicThresholds
from yt360.media.containers.spatial import SoundMetadata
from yt360.media.probe import AudioStream
from yt360.media.projection.decision import PictureDecision
from yt360.media.projection.hypotheses import hypotheses
from yt360.media.projection.words import picture_words
from yt360.stages import duplicates

PACKAGE = Path(yt360.__file__).parent
MOST = 3
MAKERS = {
    "Filtered": 1,
    "StillVerdict": 1,
    "FrameOfReference": 1,
    "verdict": 1,
    "AmbisonicVerdict": 1,
    "Undecodable": 2,
}
"""Calls that state a reason, and which argument holds its words."""

NAMES = {
    "item.id", "name", "clean_text(url)", "copy['video']", "how", "camera", "advice", "stream.layout", "context.name",
    "decision.best.name", "verdict.convention", "metadata.named", "group.refused", "kinds", "_WHERE[kind]", "chosen",
    "measures['convention_taken']", "measures['picture_taken'] or 'no way to read it'", "plan.doubt",
}  # fmt: skip
"""Fields that are names, not numbers."""


def numbers_in(words: str) -> list[str]:
    """The numbers in a sentence; SN3D, W1 and the like are words."""
    return re.findall(r"(?<![\w.])\d+(?:[.,]\d+)*", words)


def test_numbers_are_counted_as_a_reader_counts_them() -> None:
    assert numbers_in("W Y Z X with SN3D weights, 3.5 of 1,000 s (12 %)") == ["3.5", "1,000", "12"]


def _fields(node: ast.expr | None, function: ast.AST, within: frozenset[str] = frozenset()) -> int:
    """The most numbers that an expression can put into a sentence, names of its function looked up."""
    if isinstance(node, ast.JoinedStr):
        return sum(_fields(part, function, within) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        inner = _fields(node.value, function, within)
        is_name = ast.unparse(node.value) in NAMES or isinstance(node.value, ast.IfExp | ast.Call | ast.Name)
        return inner if inner or (is_name and node.format_spec is None and not _counts(node.value)) else 1
    if isinstance(node, ast.Constant):
        return len(numbers_in(node.value)) if isinstance(node.value, str) else 0
    if isinstance(node, ast.BinOp):
        return _fields(node.left, function, within) + _fields(node.right, function, within)
    if isinstance(node, ast.IfExp):
        return max(_fields(node.body, function, within), _fields(node.orelse, function, within))
    if isinstance(node, ast.Name) and node.id not in within:
        inside = within | {node.id}
        return max(
            (
                _fields(each.value, function, inside)
                for each in ast.walk(function)
                if isinstance(each, ast.Assign)
                and any(isinstance(target, ast.Name) and target.id == node.id for target in each.targets)
            ),
            default=0,
        )
    return 0


def _counts(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("len", "round", "abs", "_percent")


def _templates() -> Iterator[tuple[str, ast.expr, ast.AST]]:
    """Where it stands, the words, and the function around them."""
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if not any(f"{maker}(" in source for maker in MAKERS):
            continue
        for function in ast.walk(ast.parse(source)):
            if not isinstance(function, ast.FunctionDef):
                continue
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in MAKERS:
                    at = MAKERS[call.func.id]
                    if len(call.args) > at:
                        place = f"{path.relative_to(PACKAGE)}:{call.lineno}"
                        yield place, call.args[at], function


TEMPLATES = list(_templates())


def test_the_templates_of_all_stages_that_drop_are_found() -> None:
    files = {place.partition(":")[0] for place, _, _ in TEMPLATES}
    assert {f"stages/{name}.py" for name in ("validate", "voiceover", "stills", "chunk", "duplicates")} <= files
    assert len(TEMPLATES) >= 35


@pytest.mark.parametrize(("place", "words", "function"), TEMPLATES, ids=[place for place, _, _ in TEMPLATES])
def test_a_template_has_at_most_three_numbers(place: str, words: ast.expr, function: ast.AST) -> None:
    assert _fields(words, function) <= MOST, f"{place}: {ast.unparse(words)}"


def test_a_template_with_four_numbers_would_be_found() -> None:
    function = ast.parse(
        "def f(item, a, b):\n"
        "    span = f'from {a:.2f} to {b:.2f} s'\n"
        "    return Filtered('x', f'{item.id}: {span}; {len(b)} of 7')\n"
    ).body[0]
    call = next(
        node for node in ast.walk(function) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Filtered"
    )
    assert _fields(call.args[1], function) == 4


@pytest.mark.parametrize("declared", [True, False])
def test_what_four_channels_are_has_at_most_three_numbers_behind_any_prefix(
    declared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``the first four of 16 channels:`` and the like stand before the words on a sound that was not declared."""
    monkeypatch.setattr(validity, "shipped_model", lambda: type("Any", (), {"knows": staticmethod(lambda _: True)})())
    measures = {
        "clipped": 0.0, "not_finite": 0, "level_db": [-20.0] * 4, "correlation": [0.0] * 6, "silent_share": 0.0,
        "features": {"any": 1.0}, "seconds": 20.0,
    }  # fmt: skip
    seen = set()
    for one, other in itertools.permutations(HYPOTHESES, 2):
        for share in (0.34, 0.6, 0.95, 0.999):
            found = dict.fromkeys(HYPOTHESES, 0.0) | {one: share, other: 1 - share}
            monkeypatch.setattr(validity, "posterior", lambda *_, found=found, **__: found)
            verdict = validity.judge_ambisonics(measures, declared=declared, thresholds=AmbisonicThresholds())
            seen.add(verdict.verdict)
            assert len(numbers_in(verdict.reason)) < MOST, verdict.reason
    assert {"valid", "uncertain", "invalid"} <= seen


def test_declared_ambisonics_that_is_doubted_is_not_held_against_itself() -> None:
    found = dict.fromkeys(HYPOTHESES, 0.0) | {"ambix": 0.5, "n3d": 0.1, "feeds": 0.4}
    verdict, _, words = validity._decide(found, True, False, AmbisonicThresholds())
    assert verdict == "uncertain"
    assert words == "declared ambisonics (60 %), but it may be loudspeaker feeds (40 %)"


@pytest.mark.parametrize("channels", range(1, 28))
def test_a_doubt_about_channels_leaves_room_for_two_numbers(channels: int) -> None:
    stream = AudioStream(0, "pcm", 48_000, channels, "5.1" if channels == 6 else f"{channels} channels", None, 0.0, 1.0)
    plan = channel_order.plan_channels(stream, SoundMetadata(), [-20.0] * channels)
    assert len(numbers_in(plan.doubt)) <= 1
    assert len(numbers_in(plan.problem)) <= MOST


def test_two_likeliest_pictures_have_a_number_each() -> None:
    measures = {"edges": 2.0, "top": 2.0, "bottom": -2.0, "likeness_top_bottom": 0.9, "side_bars": 0.1}
    every = hypotheses()
    for one, other in itertools.permutations(every, 2):
        shares = dict.fromkeys(every, 0.0) | {one: 0.6, other: 0.4}
        for kind in ("unknown", "other"):
            words = picture_words(PictureDecision(kind, every[one], 0.6, shares), measures)
            assert len(numbers_in(words)) <= 2, words


def test_a_copy_is_named_with_at_most_three_numbers() -> None:
    copy = {"video": "original", "covered": 0.98, "offset_s": 12.5, "speed": 1.04, "mirrored": True}
    outcome = duplicates._outcome("g", copy, [])
    assert isinstance(outcome, Filtered)
    assert len(numbers_in(outcome.detail)) == MOST
    assert "with left and right exchanged" in outcome.detail
