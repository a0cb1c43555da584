"""What settings of all kinds share: strict models, and YAML files whose errors name the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from yt360.errors import UsageError

_MAX_RECIPE_BYTES = 1 << 20


class Settings(BaseModel):
    """A group of settings: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def read_fields(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; :class:`UsageError` says what was expected and what was found."""
    try:
        if path.stat().st_size > _MAX_RECIPE_BYTES:
            raise UsageError(f"{path}: a recipe is at most 1 MiB")
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot read the recipe ({error.strerror}); name a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not YAML: {error}") from error
    if not isinstance(fields, dict):
        raise UsageError(f"{path}: expected a mapping of keys, found {type(fields).__name__}")
    return fields


def misfit(error: ValidationError, what: str) -> UsageError:
    """``what`` does not fit, key by key: what was expected and what was found."""
    lines = [what]
    for problem in error.errors()[:10]:
        key = ".".join(map(str, problem["loc"])) or "(whole)"
        found = "" if isinstance(problem["input"], dict | BaseModel) else f", found {problem['input']!r:.80}"
        lines.append(f"  {key}: {problem['msg']}{found}")
    return UsageError("\n".join(lines))
