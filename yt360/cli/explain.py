"""`yt360 explain ITEM`: everything that happened to one video or clip, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from yt360.cli.common import catalog_of, json_option, open_root, print_json, root_option
from yt360.cli.completion import complete_items
from yt360.cli.groups import ItemCommand
from yt360.cli.plain_text import clean, painted
from yt360.cli.talk import doing, talk_options
from yt360.report.history import explain
from yt360.stages.verdicts import failure_words, reason_words

_STAGE_WIDTH = len("frame_of_reference")
_INDENT = " " * (_STAGE_WIDTH + 4)
_LONGEST_WORD = 60
"""Characters without a space: more are data packed for a program."""


@click.command("explain", cls=ItemCommand, short_help="Everything that happened to one video or clip.")
@click.argument("item", shell_complete=complete_items)
@root_option
@json_option
@talk_options
def explain_command(item: str, root: str, as_json: bool) -> int:
    """Everything that happened to ITEM (a video, a clip or a shard), and why."""
    with doing("reading the records"):
        told = explain(catalog_of(open_root(root)), item)
    if as_json:
        print_json(told)
        return 0
    click.echo(f"{clean(told['item'])}: {painted(told['verdict'])}")
    for event in told["history"]:
        for line in _lines(event):
            click.echo(line)
    if told["clips"]:
        click.echo(f"  clips: {', '.join(map(clean, told['clips']))}")
    return 0


def _lines(event: Mapping[str, Any]) -> Iterator[str]:
    """One step for people: the verdict, why, the numbers that decided with their thresholds, what else was measured."""
    words = f": {event['reason']}" if event["reason"] else ""
    when = f"{event['started'][:19].replace('T', ' ')}, {event['seconds']:.2f} s"
    yield f"  {event['stage']:>{_STAGE_WIDTH}}  {painted(event['status'])}{words}  ({when})"
    meaning = reason_words(event["reason"]) or ". ".join(filter(None, failure_words(event["reason"], event["stage"])))
    if event["reason"] and meaning:
        yield f"{_INDENT}{meaning}"
    if event["detail"]:
        yield f"{_INDENT}{clean(event['detail'], 1000)}"
    if event["summary"] and not (event["detail"] and event["detail"] in event["summary"]):
        yield f"{_INDENT}{clean(event['summary'], 1000)}"
    if event["log"] and event["status"] == "failed":
        yield f"{_INDENT}log: {clean(event['log'])}"
    for score in event["scores"]:
        yield f"{_INDENT}{_score_words(score)}"
    for name, value in event["measures"].items():
        if isinstance(value, str | int | float | bool) and not _is_noise(value):
            yield f"{_INDENT}{name} = {clean(str(value), 120)}{_side(name, value)}"
    for name, uri in event["outputs"].items():
        yield f"{_INDENT}{name}: {clean(uri, 1000)}"


def _score_words(score: Mapping[str, Any]) -> str:
    """A score, the threshold in force, and whether it is a probability."""
    side = "above" if score["drops_above"] else "below"
    words = f"{score['name']} = {score['value']:.3g}, dropped {side} {score['threshold']:.3g}"
    return words if score.get("probability") is None else f"{words} (a probability)"


def _is_noise(value: object) -> bool:
    """Nothing, or data packed for a program: what a person cannot read. --json has it."""
    return isinstance(value, str) and (not value.strip() or (len(value) > _LONGEST_WORD and " " not in value))


def _side(name: str, value: object) -> str:
    """In which direction an angle goes: azimuths count to the left, elevations up."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not value:
        return ""
    if name.endswith("azimuth_deg") or name == "sound_turned_deg":
        return " (left)" if value > 0 else " (right)"
    if name.endswith("elevation_deg"):
        return " (up)" if value > 0 else " (down)"
    return ""
