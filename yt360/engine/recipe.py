"""Recipes: which stages run, in which order, with which parameters.

A recipe is a YAML file::

    name: demo
    stages:
      crawl: {source: videos/}
      validate: {thresholds: {max_rho_db: 3.5}}
      chunk: {}

Parameters are checked against each stage's models before anything runs: an unknown name or a wrong
type is an error that says what was expected. ``--set stage.param=value`` overrides one of them; a
threshold may be named with or without ``thresholds.``.
"""

from __future__ import annotations

import difflib
import importlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from yt360.engine.stage import Stage
from yt360.errors import UsageError

_MAX_RECIPE_BYTES = 1 << 20


@dataclass(frozen=True)
class Registry:
    """The stages there are: name to ``module:Class``, in pipeline order."""

    stages: Mapping[str, str]

    def load(self, name: str) -> type[Stage]:
        module, _, attribute = self.stages[name].partition(":")
        kind: type[Stage] = getattr(importlib.import_module(module), attribute)
        return kind


@dataclass(frozen=True)
class Recipe:
    """A checked recipe."""

    name: str
    stages: tuple[Stage, ...]

    def to_json(self) -> dict[str, Any]:
        """The recipe with every parameter spelled out."""
        return {
            "name": self.name,
            "stages": {
                stage.name: stage.params.model_dump(mode="json")
                | {"thresholds": stage.thresholds.model_dump(mode="json")}
                for stage in self.stages
            },
        }


def load(path: Path, registry: Registry, settings: Iterable[str] = ()) -> Recipe:
    """Read a recipe file and apply ``stage.param=value`` settings."""
    try:
        if path.stat().st_size > _MAX_RECIPE_BYTES:
            raise UsageError(
                f"{path}: expected a recipe of at most {_MAX_RECIPE_BYTES} bytes, found {path.stat().st_size}"
            )
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: expected a recipe file that can be read, found: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: expected YAML, found: {error}") from error
    return build(value, registry, settings, where=str(path))


def default(registry: Registry, settings: Iterable[str] = (), *, where: str = "the default recipe") -> Recipe:
    """All stages with their default parameters."""
    return build({"name": "default", "stages": {name: {} for name in registry.stages}}, registry, settings, where=where)


def of_root(saved: Path, registry: Registry, settings: Iterable[str] = ()) -> Recipe:
    """The recipe that a root was last run with, or the default one."""
    if not saved.is_file():
        return default(registry, settings)
    try:
        value = json.loads(saved.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(
            f"{saved}: expected the recipe of this root (JSON), found: {error}; delete it or run a recipe"
        ) from error
    return build(value, registry, settings, where=str(saved))


def build(value: Any, registry: Registry, settings: Iterable[str], *, where: str) -> Recipe:
    """Check a recipe given as plain data; ``where`` names it in messages."""
    if not isinstance(value, Mapping) or not isinstance(value.get("stages"), Mapping):
        raise UsageError(f"{where}: expected a mapping with the key 'stages', found {_shown(value)}")
    for key in value:
        if key not in ("name", "stages"):
            raise UsageError(f"{where}: unknown key {key!r}; {_nearest(str(key), ('name', 'stages'))}")
    chosen: dict[str, dict[str, Any]] = {}
    for name, parameters in value["stages"].items():
        _require_stage(str(name), registry, where)
        if parameters is not None and not isinstance(parameters, Mapping):
            raise UsageError(f"{where}: stages.{name}: expected a mapping of parameters, found {_shown(parameters)}")
        chosen[name] = {str(key): entry for key, entry in (parameters or {}).items()}
    for setting in settings:
        _apply(setting, chosen, registry, where)
    stages = tuple(_stage(name, chosen[name], registry, where) for name in chosen)
    _require_order(stages, where)
    return Recipe(str(value.get("name", "unnamed")), stages)


def _require_stage(name: str, registry: Registry, where: str) -> None:
    if name not in registry.stages:
        raise UsageError(f"{where}: unknown stage {name!r}; {_nearest(name, registry.stages)}")


def _apply(setting: str, chosen: dict[str, dict[str, Any]], registry: Registry, where: str) -> None:
    target, equals, text = setting.partition("=")
    name, dot, parameter = target.strip().partition(".")
    if not (equals and dot and parameter):
        raise UsageError(f"--set {setting}: expected stage.param=value")
    _require_stage(name, registry, f"--set {setting}")
    if name not in chosen:
        raise UsageError(f"--set {setting}: {where} has no stage {name!r}; it has {', '.join(chosen)}")
    try:
        value = yaml.safe_load(text) if text.strip() else text
    except yaml.YAMLError as error:
        raise UsageError(f"--set {setting}: expected a YAML value after '=', found: {error}") from error
    kind = registry.load(name)
    if parameter in kind.thresholds_type.model_fields and parameter not in kind.params_type.model_fields:
        parameter = f"thresholds.{parameter}"
    place = chosen[name]
    *path, last = parameter.split(".")
    for step in path:
        inner = place.get(step)
        place[step] = dict(inner) if isinstance(inner, Mapping) else {}
        place = place[step]
    place[last] = value


def _stage(name: str, parameters: dict[str, Any], registry: Registry, where: str) -> Stage:
    kind = registry.load(name)
    own = {key: value for key, value in parameters.items() if key != "thresholds"}
    thresholds = parameters.get("thresholds") or {}
    try:
        params = kind.params_type.model_validate(own)
    except ValidationError as error:
        raise UsageError(
            _explain(error, f"{where}: stages.{name}", [*kind.params_type.model_fields, "thresholds"])
        ) from error
    try:
        limits = kind.thresholds_type.model_validate(thresholds)
    except ValidationError as error:
        message = _explain(error, f"{where}: stages.{name}.thresholds", kind.thresholds_type.model_fields)
        raise UsageError(message) from error
    return kind(params, limits)


def _require_order(stages: tuple[Stage, ...], where: str) -> None:
    names = [stage.name for stage in stages]
    for place, stage in enumerate(stages):
        late = [name for name in stage.after if name in names[place:]]
        if late:
            raise UsageError(f"{where}: stage {stage.name!r} needs {late[0]!r} before it; put it there")
        wanted = {spelled.split(".")[0] for spelled in stage.inputs.values() if not spelled.endswith("?")}
        missing = sorted(wanted - set(names[:place]))
        if missing:
            raise UsageError(f"{where}: stage {stage.name!r} reads what {missing[0]!r} makes; add that stage before it")


def _explain(error: ValidationError, where: str, names: Iterable[str]) -> str:
    lines = []
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(f"{where}: unknown key {place!r}; {_nearest(place, names)}")
        else:
            lines.append(f"{where}.{place}: {problem['msg']}, found {_shown(problem['input'])}")
    return "\n".join(lines)


def _nearest(name: str, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(sorted(known))}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
