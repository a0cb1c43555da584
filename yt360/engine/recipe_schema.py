"""The JSON schema of pipeline recipes, for editors: completion, units and ranges while one types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from yt360.engine.stage import Stage
from yt360.settings_reference import DIALECT, merged_schema

_ELSEWHERE = {
    "use": {"type": "string", "description": "Where the class of a stage of your own is: package.module:Class."},
    "package": {"type": "string", "description": "What to install for it."},
}


def recipe_schema(kinds: Mapping[str, type[Stage]]) -> dict[str, Any]:
    """The schema of recipes made of these stages, and of others that say where they are (``use``)."""
    sections = {name: kind.params_type for name, kind in kinds.items()}
    sections |= {f"{name}.thresholds": kind.thresholds_type for name, kind in kinds.items()}
    named, defs = merged_schema(sections)
    stages = {}
    for name in kinds:
        params = _inlined(named[name], defs)
        limits = _inlined(named[f"{name}.thresholds"], defs)
        properties = params.get("properties", {})
        if limits.get("properties"):
            properties = {**properties, "thresholds": limits}
        stages[name] = {
            "description": params.get("description", ""),
            "type": ["object", "null"],
            "properties": {**properties, **_ELSEWHERE},
            "additionalProperties": False,
        }
    others = {"type": "object", "required": ["use"], "properties": _ELSEWHERE}
    return {
        "$schema": DIALECT,
        "title": "yt360 pipeline recipe",
        "type": "object",
        "required": ["stages"],
        "properties": {
            "name": {"type": "string", "description": "What the run is called."},
            "stages": {
                "description": "The stages to run, in order, each with the parameters that differ from the defaults.",
                "type": "object",
                "properties": stages,
                "additionalProperties": others,
            },
        },
        "additionalProperties": False,
        "$defs": _used(defs, stages),
    }


def _used(defs: Mapping[str, Any], by: Any) -> dict[str, Any]:
    """The definitions that a schema refers to, and those that they refer to."""
    found: dict[str, Any] = {}
    while missing := [name for name in defs if name not in found and f'"#/$defs/{name}"' in json.dumps([by, found])]:
        found |= {name: defs[name] for name in missing}
    return found


def _inlined(schema: dict[str, Any], defs: Mapping[str, Any]) -> dict[str, Any]:
    """The section itself, where the schema only refers to it."""
    reference = schema.get("$ref", "")
    return dict(defs[reference.rpartition("/")[2]]) if reference else schema
