"""Recipes: which stages run, in which order, with which parameters.

A recipe is a YAML file::

    name: demo
    stages:
      crawl: {source: media/}
      validate: {thresholds: {max_rho_db: 3.5}}
      chunk: {}

Parameters are checked against each stage's models before anything runs: an unknown name or a wrong
type is an error that says what was expected. ``--set stage.param=value`` overrides one of them; a
threshold may be named with or without ``thresholds.``. Names of earlier versions are read, with a warning that
names the new one.

A stage of another package is named by its entry point, or by its class::

      blur: {use: "mypackage.blur:Blur", radius: 3}

``package`` beside ``use`` says what to install for it; a run writes both into the root's recipe.
"""

from __future__ import annotations

import inspect
import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from yt360.engine.stage import Stage
from yt360.errors import UsageError
from yt360.files import parse_json
from yt360.plugins import Plugin, announced, load_plugin, package_of
from yt360.redaction import hide, shown
from yt360.settings import (
    Settings,
    current_path,
    found_in,
    nearest,
    parse_yaml,
    suggestion,
    with_current_names,
    yaml_problem,
)

log = logging.getLogger("yt360.recipe")

_MAX_RECIPE_BYTES = 1 << 20
_STAGE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
"""Names of stages become folders, commands and keys of recipes."""

_RESERVED = ("use", "package", "thresholds")
"""Keys of a stage in a recipe that are no parameters."""


@dataclass(frozen=True)
class Registry:
    """The stages there are: name to ``module:Class``, in pipeline order.

    ``group`` is the entry-point group under which other packages announce theirs; they are no part of the default
    recipe, and do not take the place of a stage of the same name.
    """

    stages: Mapping[str, str]
    group: str = ""

    def announced(self) -> dict[str, Plugin]:
        """The stages of other packages that are installed here."""
        found = announced(self.group) if self.group else {}
        return {name: plugin for name, plugin in found.items() if name not in self.stages}

    def known(self) -> list[str]:
        """All names that a recipe may use without saying where the class is."""
        return [*self.stages, *self.announced()]

    def find(self, name: str) -> Plugin | None:
        """Where the stage of a name is."""
        return Plugin(self.stages[name]) if name in self.stages else self.announced().get(name)

    def load(self, name: str) -> type[Stage]:
        """The class of a known stage. Raises :class:`UsageError` for a name that is unknown."""
        plugin = self.find(name)
        if plugin is None:
            raise UsageError(f"unknown stage {name!r}; {nearest(name, self.known())}")
        return load_stage(name, plugin)


@dataclass(frozen=True)
class Recipe:
    """A checked recipe. ``plugins`` are those of its stages that are not yt360's own."""

    name: str
    stages: tuple[Stage, ...]
    plugins: Mapping[str, Plugin] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The recipe with every parameter spelled out."""
        return {
            "name": self.name,
            "stages": {
                stage.name: self._whence(stage.name)
                | stage.params.model_dump(mode="json")
                | {"thresholds": stage.thresholds.model_dump(mode="json")}
                for stage in self.stages
            },
        }

    def _whence(self, name: str) -> dict[str, Any]:
        plugin = self.plugins.get(name)
        if plugin is None:
            return {}
        return {"use": plugin.path} | ({"package": plugin.package} if plugin.package else {})


def load(path: Path, registry: Registry, settings: Iterable[str] = ()) -> Recipe:
    """Read a recipe file and apply ``stage.param=value`` settings."""
    try:
        if path.stat().st_size > _MAX_RECIPE_BYTES:
            raise UsageError(
                f"{path}: expected a recipe of at most {_MAX_RECIPE_BYTES} bytes, found {path.stat().st_size}"
            )
        value = parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: expected a recipe file that can be read, found: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: expected YAML, found: {yaml_problem(error)}") from error
    return build(value, registry, settings, where=str(path))


def default(registry: Registry, settings: Iterable[str] = (), *, where: str = "the default recipe") -> Recipe:
    """All stages with their default parameters."""
    return build({"name": "default", "stages": {name: {} for name in registry.stages}}, registry, settings, where=where)


def of_root(saved: Path, registry: Registry, settings: Iterable[str] = (), *, also: Iterable[str] = ()) -> Recipe:
    """The recipe that a root was last run with, or the default one. Stages in ``also`` that it lacks come last.

    Nobody wrote that file by hand, so old names in it are worth no warning: the next run writes today's.
    """
    if not os.path.lexists(saved):
        return default(registry, settings)
    try:
        value = parse_json(saved.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{saved}: expected the recipe of this root (JSON), found: {error}; delete it or run a recipe"
        ) from error
    if isinstance(value, dict) and isinstance(value.get("stages"), dict):
        value["stages"] |= {name: {} for name in also if name not in value["stages"]}
    return build(value, registry, settings, where=str(saved), say=log.debug)


def build(
    value: Any,
    registry: Registry,
    settings: Iterable[str],
    *,
    where: str,
    say: Callable[[str], object] = log.warning,
) -> Recipe:
    """Check a recipe given as plain data; ``where`` names it in messages, ``say`` gets a sentence for each old name."""
    settings = list(settings)
    if not isinstance(value, Mapping) or not isinstance(value.get("stages"), Mapping):
        raise UsageError(f"{where}: expected a mapping with the key 'stages', found {shown(value)}")
    for key in value:
        if key not in ("name", "stages"):
            raise UsageError(f"{where}: unknown key {key!r}; {nearest(str(key), ('name', 'stages'))}")
    chosen: dict[str, dict[str, Any]] = {}
    plugins: dict[str, Plugin] = {}
    kinds: dict[str, type[Stage]] = {}
    for name, parameters in value["stages"].items():
        if parameters is not None and not isinstance(parameters, Mapping):
            raise UsageError(f"{where}: stages.{name}: expected a mapping of parameters, found {shown(parameters)}")
        chosen[name] = {str(key): entry for key, entry in (parameters or {}).items()}
        plugin = _whereabouts(str(name), chosen[name], registry, where)
        if plugin.path != registry.stages.get(name):
            plugins[name] = plugin
        try:
            kind = kinds[name] = load_stage(str(name), plugin)
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from error
        chosen[name] = _current(kind, chosen[name], where, say)
    for setting in settings:
        _apply(setting, chosen, kinds, where)
    if settings:  # their values may be whole sections
        chosen = {name: _current(kind, chosen[name], "--set", log.warning) for name, kind in kinds.items()}
    stages = tuple(_stage(kind, chosen[name], where) for name, kind in kinds.items())
    _require_order(stages, where)
    return Recipe(str(value.get("name", "unnamed")), stages, plugins)


def _whereabouts(name: str, parameters: dict[str, Any], registry: Registry, where: str) -> Plugin:
    """Where a stage's class is; ``use`` and ``package`` are taken out of its parameters."""
    use, package = parameters.pop("use", None), parameters.pop("package", "")
    for key, text in (("use", use), ("package", package)):
        if text is not None and not isinstance(text, str):
            raise UsageError(f"{where}: stages.{name}.{key}: expected text, found {shown(text)}")
    if use is not None:
        return Plugin(use, package or package_of(use))
    found = registry.find(name)
    if found is None:
        raise UsageError(
            f"{where}: unknown stage {name!r}; {nearest(name, registry.known())}. "
            "A stage of your own needs `use: module:Class`"
        )
    return found


def _apply(setting: str, chosen: dict[str, dict[str, Any]], kinds: Mapping[str, type[Stage]], where: str) -> None:
    target, equals, text = setting.partition("=")
    name, dot, parameter = target.strip().partition(".")
    if not (equals and dot and parameter):
        raise UsageError(f"--set {hide(setting)}: expected stage.param=value")
    if name not in kinds:
        raise UsageError(f"--set {hide(setting)}: {where} has no stage {name!r}; {nearest(name, kinds)}")
    try:
        value = parse_yaml(text) if text.strip() else text
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(
            f"--set {target.strip()}: expected a YAML value after '=', found: {yaml_problem(error)}"
        ) from error
    place = chosen[name]
    *path, last = _path_in(kinds[name], parameter.split("."), setting)
    _require_known(kinds[name], (*path, last), target.strip())
    for step in path:
        inner = place.get(step)
        place[step] = dict(inner) if isinstance(inner, Mapping) else {}
        place = place[step]
    place[last] = value


def _require_known(kind: type[Stage], path: Sequence[str], target: str) -> None:
    """The first name of a setting is one of the stage's; what stands behind it is for the settings to check."""
    in_thresholds = path[0] == "thresholds"
    name = path[1] if in_thresholds and len(path) > 1 else path[0]
    fields = [] if in_thresholds else list(kind.params_type.model_fields)
    known = [*fields, *kind.thresholds_type.model_fields]
    if name not in known and name != "thresholds":
        raise UsageError(
            f"--set {target}: stage {kind.name!r} has no parameter {name!r}; {nearest(name, known)} "
            f"(`yt360 params {kind.name}` lists all)"
        )


def _path_in(kind: type[Stage], path: list[str], setting: str) -> list[str]:
    """Where in a stage's section of a recipe a setting goes; warns of names of earlier versions."""
    of_thresholds = path[0] == "thresholds"
    written = path[1:] if of_thresholds else path
    threshold = current_path(kind.thresholds_type, written)
    parameter = current_path(kind.params_type, written)
    if of_thresholds or (
        threshold
        and threshold[0] in kind.thresholds_type.model_fields
        and parameter[0] not in kind.params_type.model_fields
    ):
        found = ["thresholds", *threshold]
    else:
        found = parameter
    if written and found[-len(written) :] != written:
        now = ".".join(found[-len(written) :])
        log.warning("--set %s: %s is now called %r; the old name still works", setting, ".".join(written), now)
    return found


def _current(kind: type[Stage], parameters: dict[str, Any], where: str, say: Callable[[str], object]) -> dict[str, Any]:
    """A stage's section of a recipe with today's names."""
    section = f"stages.{kind.name}"
    own = {key: value for key, value in parameters.items() if key != "thresholds"}
    found: dict[str, Any] = with_current_names(kind.params_type, own, where, section, say)
    if "thresholds" in parameters:
        limits = parameters["thresholds"]
        found["thresholds"] = with_current_names(kind.thresholds_type, limits, where, f"{section}.thresholds", say)
    return found


def _stage(kind: type[Stage], parameters: dict[str, Any], where: str) -> Stage:
    name = kind.name
    own = {key: value for key, value in parameters.items() if key != "thresholds"}
    thresholds = parameters.get("thresholds") or {}
    try:
        params = kind.params_type.model_validate(own)
    except ValidationError as error:
        raise UsageError(_explain(error, where, name, kind.params_type)) from error
    try:
        limits = kind.thresholds_type.model_validate(thresholds)
    except ValidationError as error:
        raise UsageError(_explain(error, where, name, kind.thresholds_type, "thresholds")) from error
    return kind(params, limits)


def load_stage(name: str, plugin: Plugin) -> type[Stage]:
    """The class of a stage. Raises :class:`UsageError` when it is none, or calls itself by another name."""
    what = f"stage {name!r}"
    kind = load_plugin(what, plugin)
    if not (inspect.isclass(kind) and issubclass(kind, Stage)):
        raise UsageError(f"{what}: expected a subclass of yt360.engine.stage.Stage at {plugin.path}, found {kind!r}")
    own = getattr(kind, "name", None)
    if own != name or not _STAGE_NAME.fullmatch(name):
        raise UsageError(
            f"{what}: {plugin.path} has name = {own!r}; a recipe names a stage as its class does, "
            "in lower-case letters, digits, '-' and '_'"
        )
    for reserved in set(_RESERVED).intersection(kind.params_type.model_fields):
        raise UsageError(f"{what}: its parameter {reserved!r} is a key of recipes; call it something else")
    return kind


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


def _explain(error: ValidationError, where: str, stage: str, kind: type[Settings], inside: str = "") -> str:
    """What is wrong with a stage's section (or ``inside``, a part of it), one line a key."""
    lines = []
    for problem in error.errors():
        *section, name = (str(part) for part in problem["loc"]) if problem["loc"] else ("",)
        place = ".".join(part for part in ("stages", stage, inside, *section) if part)
        if problem["type"] == "extra_forbidden":
            hint = suggestion(kind, section, name, () if section or inside else ("thresholds",))
            lines.append(f"{where}: {place}: unknown key {name!r}; {hint} (`yt360 params {stage}` lists all)")
        else:
            place = f"{place}.{name}" if name else place
            lines.append(f"{where}: {place}: {problem['msg']}{found_in(problem)}")
    return "\n".join(lines)
