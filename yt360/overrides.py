"""``--set KEY=VALUE``: single values of a recipe changed on the command line."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import BaseModel

from yt360.errors import UsageError
from yt360.redaction import hide
from yt360.settings import current_path, nearest, parse_yaml, yaml_problem

_LOG = logging.getLogger("yt360.settings")

_KEY = re.compile(r"[^.\[\]]+(?:\.[^.\[\]]+|\[[^.\[\]]+\])*")

_Slot = tuple[Any, Any]
"""A mapping or a list, and a key or an index in it."""


def override(
    kind: type[BaseModel], fields: dict[str, Any], assignments: Sequence[str], *, open_sections: Sequence[str] = ()
) -> dict[str, Any]:
    """``fields`` of ``kind``, all keys given, changed in place by ``key.key=value`` assignments (values are YAML).

    An element of a list is named by its number or by its ``name`` or ``task``: ``phases.0.batch=6``,
    ``phases[0].batch=6`` and ``phases.avc.batch=6`` are the same. Without either, all elements that have the key are
    changed: ``phases.batch=6``. ``open_sections`` take keys that are not there yet. Old names are still read.

    Raises :class:`UsageError`, which names the keys that there are.
    """
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        if not separator or not _KEY.fullmatch(key):
            raise UsageError(
                f"--set {hide(assignment)!r}: expected KEY=VALUE, for example --set {next(iter(fields))}=…"
            )
        given = re.findall(r"[^.\[\]]+", key)
        path = current_path(kind, given)
        for old, new in zip(given, path, strict=True):
            if old != new:
                _LOG.warning("--set: %s is now called %r; the old name still works", old, new)
        try:
            value = parse_yaml(text)
        except (yaml.YAMLError, RecursionError) as error:
            raise UsageError(f"--set {key}: the value is not YAML: {yaml_problem(error)}") from error
        _assign(fields, path, value, open_sections)
    return fields


def _assign(fields: dict[str, Any], path: Sequence[str], value: Any, open_sections: Sequence[str]) -> None:
    open_nodes = [fields[name] for name in open_sections]
    nodes: list[Any] = [fields]
    for place, name in enumerate(path):
        slots = [slot for node in nodes for slot in _slots(node, name, any(node is one for one in open_nodes))]
        if not slots:
            where = ".".join(path[:place]) or "the recipe"
            known = sorted({each for node in nodes for each in _names(node)})
            hint = nearest(name, known) if known else f"{where} is a single value"
            raise UsageError(f"--set {'.'.join(path)[:200]}: {where[:200]} has no {name[:200]!r}; {hint}")
        if place == len(path) - 1:
            for container, key in slots:
                container[key] = value
            return
        nodes = []
        for container, key in slots:
            if container.get(key, 0) is None if isinstance(container, dict) else False:
                container[key] = {}  # a section that is not given: what is allowed in it is checked with the recipe
                open_nodes.append(container[key])
            nodes.append(container[key])


def _slots(node: Any, name: str, is_open: bool) -> list[_Slot]:
    """Where ``name`` stands in a node: one place, or one in each element of a list."""
    if isinstance(node, dict):
        return [(node, name)] if name in node or is_open else []
    if not isinstance(node, list):
        return []
    if name.isdecimal() and len(name) < 10:
        return [(node, int(name))] if int(name) < len(node) else []
    named = [(node, number) for number, each in enumerate(node) if name in _labels(each)]
    return named or [slot for each in node if isinstance(each, dict) for slot in _slots(each, name, False)]


def _names(node: Any) -> list[str]:
    """What :func:`_slots` finds something for."""
    if isinstance(node, dict):
        return list(node)
    if not isinstance(node, list):
        return []
    inner = [name for each in node if isinstance(each, dict) for name in (*each, *_labels(each))]
    return [*map(str, range(len(node))), *inner]


def _labels(element: Any) -> list[str]:
    return [str(element[key]) for key in ("name", "task") if isinstance(element, dict) and key in element]
