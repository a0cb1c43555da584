"""What there is to set, for help texts, the reference page and editors: made from the declarations of settings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import models_json_schema

from yt360.settings import models_in

_UNITS = {
    "_mb_s": "MB/s",
    "_kb_s": "kB/s",
    "_deg_s": "°/s",
    "_per_hour": "per hour",
    "_days": "days",
    "_deg": "°",
    "_hz": "Hz",
    "_db": "dB",
    "_mb": "MB",
    "_gb": "GB",
    "_s": "s",
}
"""What the end of a name says of the unit; longer ends first."""

_WORDS = {"string": "text", "integer": "integer", "number": "number", "boolean": "true, false", "null": "null"}

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class Setting:
    """One setting as texts. ``name`` is dotted; an element of a list is ``N``, with its kind where there are several.

    ``values`` says which values are allowed; ``unit`` is empty where there is none.
    """

    name: str
    default: str
    values: str
    unit: str
    description: str

    @property
    def summary(self) -> str:
        """The first sentence of the description, without its full stop."""
        return self.description.split(". ")[0].rstrip(".")


def settings_of(kind: type[BaseModel]) -> list[Setting]:
    """Every setting of a section and of the sections in it, in order of declaration."""
    schema = kind.model_json_schema()
    return list(_settings(kind, schema, schema.get("$defs", {}), "", None))


def merged_schema(kinds: Mapping[str, type[BaseModel]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """JSON schemas of several sections: of each by the given name, and the definitions that they share."""
    models = [(kind, "validation") for kind in dict.fromkeys(kinds.values())]
    found, top = models_json_schema(models, ref_template="#/$defs/{model}")  # type: ignore[arg-type]
    return (
        {name: clean(found[kind, "validation"]) for name, kind in kinds.items()},
        {name: clean(value) for name, value in top.get("$defs", {}).items()},
    )


def clean(schema: Any) -> Any:
    """A schema without what an editor has no use for: titles made of names, and defaults of whole sections."""
    if isinstance(schema, list):
        return [clean(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    section = "$ref" in schema
    return {
        # Below "properties" the keys are names of settings, and one may be called "title".
        key: {name: clean(each) for name, each in value.items()} if key in ("properties", "$defs") else clean(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "default" and section)
    }


def _settings(
    kind: type[BaseModel], schema: Mapping[str, Any], defs: Mapping[str, Any], prefix: str, values: BaseModel | None
) -> Iterator[Setting]:
    """``values`` holds the defaults of a section where its parent gives it other ones than its own."""
    for name, field in kind.model_fields.items():
        value = getattr(values, name) if values is not None else _default(field)
        inner = list(models_in(field.annotation))
        if _tag_of(field):
            continue
        if not inner:
            fragment = schema["properties"][name]
            text = "required" if values is None and field.is_required() else shown(value)
            yield Setting(prefix + name, text, _values(fragment, defs), _unit(name, field), field.description or "")
        for each in inner:
            place, given = name, value if isinstance(value, each) else None
            if field.annotation is not each and type(None) not in get_args(field.annotation):
                place = f"{name}.N" if len(inner) == 1 else f"{name}.N({_tag(each)})"
                given = None
            yield from _settings(each, defs[each.__name__], defs, f"{prefix}{place}.", given)


def _default(field: FieldInfo) -> Any:
    return None if field.is_required() else field.get_default(call_default_factory=True)


def _tag(kind: type[BaseModel]) -> str:
    """What tells this kind from the others of a list: the one value of its first field that can have one only."""
    return next(filter(None, map(_tag_of, kind.model_fields.values())), kind.__name__)


def _tag_of(field: FieldInfo) -> str:
    values = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return str(values[0]) if len(values) == 1 else ""


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def shown(value: Any) -> str:
    """A value as a recipe would have it, in JSON's spelling of YAML."""
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(shown(each) for each in value)}]"
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _unit(name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "unit" in extra:
        return str(extra["unit"])
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")


def _values(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    """Which values a fragment of a schema allows, in words."""
    if "$ref" in schema:
        return _values(defs[schema["$ref"].rpartition("/")[2]], defs)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_values(each, defs) for each in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return ", ".join(map(str, schema.get("enum", [schema.get("const")])))
    kind = schema.get("type", "")
    if kind == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(_values(each, defs) for each in schema['prefixItems'])}]"
        return f"list of {_values(schema.get('items', {}), defs)}"
    if kind == "object":
        return "mapping"
    if schema.get("format") == "path":
        return "path"
    return _range(schema) or _WORDS.get(kind, "anything")


def _range(schema: Mapping[str, Any]) -> str:
    """``[0, 1)``, ``> 0``, ``integer >= 1, multiple of 2``; empty where everything is allowed."""
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    from_, to = (low if above is None else above), (high if below is None else below)
    found = ""
    if from_ is not None and to is not None:
        found = f"{'[' if above is None else '('}{_number(from_)}, {_number(to)}{']' if below is None else ')'}"
    elif from_ is not None:
        found = f"{'>=' if above is None else '>'} {_number(from_)}"
    elif to is not None:
        found = f"{'<=' if below is None else '<'} {_number(to)}"
    if "multipleOf" in schema:
        found = f"{found}, multiple of {_number(schema['multipleOf'])}".lstrip(", ")
    return f"integer {found}" if found and schema.get("type") == "integer" else found
