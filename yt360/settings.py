"""Settings of recipes: checked, described and given a range where they are declared; old names are still read.

Every stage, filter, training and evaluation section is a :class:`Settings`. Help texts, the reference page and the
JSON schemas for editors are all made from the declarations (:mod:`yt360.settings_reference`).
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from yt360.errors import UsageError
from yt360.redaction import shown

log = logging.getLogger("yt360.settings")

_MAX_RECIPE_BYTES = 1 << 20
_DEEPEST = 200
"""Brackets of a YAML text that are open at once."""
_MOST_BY_ALIASES, _COUNTLESS = 10_000, 10**15
"""Values that a YAML text may stand for beside those that are written in it."""


class Settings(BaseModel):
    """Base of all settings: immutable, every value checked, unknown names refused.

    ``aliases`` maps names of earlier versions to today's; files that use them are still read
    (:func:`with_current_names`). A field that takes part in keys of finished work keeps its old name there by
    ``Field(serialization_alias="old_name")``: see :meth:`keyed`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    aliases: ClassVar[Mapping[str, str]] = {}

    def keyed(self, **choice: Any) -> dict[str, Any]:
        """JSON values under the names that keys and records use, which stay when a setting is renamed.

        ``choice`` is pydantic's ``include`` or ``exclude``.
        """
        fields: dict[str, Any] = self.model_dump(mode="json", by_alias=True, **choice)
        return fields


def unit(name: str) -> dict[str, Any]:
    """``json_schema_extra`` of a field whose unit does not follow from its name (``unit("gray levels")``)."""
    return {"unit": name}


def read_fields(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; :class:`UsageError` says what was expected and what was found."""
    import yaml  # here: who looks into a file does not wait for it

    try:
        if path.stat().st_size > _MAX_RECIPE_BYTES:
            raise UsageError(f"{path}: a recipe is at most 1 MiB")
        fields = parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot read the recipe ({error.strerror}); name a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: not YAML: {yaml_problem(error)}") from error
    if not isinstance(fields, dict):
        raise UsageError(f"{path}: expected a mapping of keys, found {type(fields).__name__}")
    return fields


def parse_yaml(text: str) -> Any:
    """The value of a YAML text. Raises :class:`yaml.YAMLError`, and :class:`RecursionError` at once for what is nested
    deeper than anybody writes.

    PyYAML goes through all open brackets at each token: a file of 100 kB would take half a minute to be refused.
    """
    import yaml  # here: who looks into a file does not wait for it

    depth = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth = depth + 1 if bracket[0] in "[{" else max(0, depth - 1)
        if depth > _DEEPEST:
            raise RecursionError
    try:
        value = yaml.safe_load(text)
    except (ValueError, LookupError, TypeError, AttributeError) as error:  # a date of month 13, `!!bool x`, 5000 digits
        raise yaml.constructor.ConstructorError(problem="a value that is none of its kind") from error
    if "*" in text and _stands_for(value) > len(text) + _MOST_BY_ALIASES:
        raise yaml.constructor.ConstructorError(problem="aliases that stand for more values than anybody writes")
    return value


def _stands_for(value: Any) -> int:
    """How many values a value is when all aliases are written out, up to ``_COUNTLESS``: also where one holds itself.

    Each list and mapping is counted once: a small file may stand for 10^100 of them.
    """
    counts: dict[int, int] = {}
    waiting = [value]
    while waiting:
        node = waiting[-1]
        inner = [*node.values()] if isinstance(node, dict) else node if isinstance(node, list) else ()
        if id(node) not in counts:
            counts[id(node)] = _COUNTLESS  # until its inner ones are counted: met before that, it holds itself
            waiting += [each for each in inner if isinstance(each, dict | list) and id(each) not in counts]
            continue
        waiting.pop()
        total = 1 + sum(counts[id(each)] if isinstance(each, dict | list) else 1 for each in inner)
        counts[id(node)] = min(total, _COUNTLESS)
    return counts[id(value)]


class SecretError(ValueError):
    """A secret stands where only its name may: the message about it must not repeat it."""


def found_in(problem: Mapping[str, Any]) -> str:
    """``, found …`` for one of the errors of a :class:`pydantic.ValidationError`; empty where it says nothing."""
    cause = (problem.get("ctx") or {}).get("error")
    if isinstance(cause, SecretError) or isinstance(problem["input"], dict | BaseModel):
        return ""
    return f", found {shown(problem['input'], name='.'.join(map(str, problem['loc'])))}"


def yaml_problem(error: Exception) -> str:
    """What is wrong with a YAML text, and where, without a piece of that text (it may be a secret)."""
    if isinstance(error, RecursionError):
        return "lists or mappings nested too deep"
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
    return f"{problem or type(error).__name__}{place}"


def misfit(error: ValidationError, what: str, kind: type[BaseModel] | None = None) -> UsageError:
    """``what`` does not fit, key by key: what was expected and what was found; ``kind`` helps with unknown keys."""
    lines = [what]
    for problem in error.errors()[:10]:
        key = ".".join(map(str, problem["loc"])) or "(whole)"
        if problem["type"] == "extra_forbidden" and kind is not None:
            *section, name = problem["loc"]
            lines.append(f"  {key}: unknown key {str(name)!r}; {suggestion(kind, section, str(name))}")
            continue
        found = found_in(problem)
        lines.append(f"  {key}: {problem['msg']}{found}")
    return UsageError("\n".join(lines))


def with_current_names(
    kind: type[BaseModel],
    value: Any,
    file: str,
    path: str = "",
    say: Callable[[str], object] = log.warning,
) -> Any:
    """A copy of what a file says of ``kind`` with today's names; ``say`` gets one sentence for each old one.

    ``file`` and ``path`` (dotted, inside the file) say in messages where the value stands. Raises
    :class:`UsageError` where a setting is given under both names.
    """
    renames: dict[str, str] = {}
    found = _renamed((kind,), value, path, file, renames)
    for old, new in renames.items():
        say(f"{file}: {old} is now called {new!r}; the old name still works")
    return found


def current_path(kind: type[BaseModel], path: Sequence[str]) -> list[str]:
    """A dotted path into ``kind``, as ``--set`` gives it, with today's names; indices of lists stay as they are."""
    kinds: tuple[type[BaseModel], ...] = (kind,)
    found = []
    for name in path:
        if not name.isdigit():
            name = _current(kinds, name)
            kinds = _kinds_of(kinds, name)
        found.append(name)
    return found


def fields_at(kind: type[BaseModel], path: Sequence[object]) -> list[str]:
    """The names that the section of ``kind`` at a dotted path has; indices and tags of unions are passed over."""
    kinds: tuple[type[BaseModel], ...] = (kind,)
    for name in path:
        kinds = _kinds_of(kinds, name) or kinds
    return [name for each in kinds for name in each.model_fields]


def suggestion(kind: type[BaseModel], path: Sequence[object], name: str, others: Sequence[str] = ()) -> str:
    """A hint for an unknown name in the section of ``kind`` at ``path``: looks one section deeper as well.

    ``others`` are more names that the section may have.
    """
    known = [*fields_at(kind, path), *others]
    deeper = {
        inner: f"{section}.{inner}"
        for section in known
        for inner in fields_at(kind, [*path, section])
        if inner not in known
    }
    close = difflib.get_close_matches(name, [*known, *deeper], n=1)
    return f"did you mean {deeper.get(close[0], close[0])!r}?" if close else nearest(name, known)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for an unknown name: the one that was probably meant, or all that there are."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(sorted(known))}"


def _renamed(kinds: tuple[type[BaseModel], ...], value: Any, path: str, file: str, renames: dict[str, str]) -> Any:
    if isinstance(value, list | tuple):
        return [_renamed(kinds, each, f"{path}.{index}", file, renames) for index, each in enumerate(value)]
    if not kinds or not isinstance(value, Mapping):
        return value
    kinds = tuple(kind for kind in kinds if _may_be(kind, value))
    found = {}
    for name, inner in value.items():
        new = _current(kinds, name)
        place = f"{path}.{name}".lstrip(".")
        if new != name:
            if new in value:
                raise UsageError(
                    f"{file}: {place} is the old name of {new!r}, which is given as well; keep one of them"
                )
            renames[place] = new
        found[new] = _renamed(_kinds_of(kinds, new), inner, place, file, renames)
    return found


def _current(kinds: Sequence[type[BaseModel]], name: Any) -> Any:
    for kind in kinds:
        aliases: Mapping[str, str] = getattr(kind, "aliases", {})
        if name in aliases and name not in kind.model_fields:
            return aliases[name]
    return name


def _kinds_of(kinds: Sequence[type[BaseModel]], name: Any) -> tuple[type[BaseModel], ...]:
    """The settings classes that the field ``name`` of any of ``kinds`` may hold."""
    annotations = [kind.model_fields[name].annotation for kind in kinds if name in kind.model_fields]
    return tuple(found for annotation in annotations for found in models_in(annotation))


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The settings classes inside an annotation: itself, or those of its union, list or tuple."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def _may_be(kind: type[BaseModel], value: Mapping[str, Any]) -> bool:
    """Whether no field that can have one value only (``task: "knn"``) has another."""
    return all(
        value[name] in get_args(field.annotation)
        for name, field in kind.model_fields.items()
        if name in value and get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1
    )
