"""What comes with yt360 besides code: recipes, the list published in 2020 and search queries.

In a checkout they are the folders ``pipelines/`` and ``manifests/`` at its top. A wheel holds copies of both beside
this module (``setup.py`` puts them there), so the same names work wherever yt360 is installed.
"""

from __future__ import annotations

import difflib
import importlib.resources
import os
import re
import subprocess
from collections.abc import Collection
from pathlib import Path

from yt360.errors import UsageError

COMMIT = "COMMIT"
"""File beside this module in which a build leaves the commit that it was made of."""

_RECIPES = {"run": "pipelines", "train": "pipelines/train", "evaluate": "pipelines/eval"}
"""Command -> folder of the recipes that it takes."""

_SUFFIXES = (".yaml", ".yml")


def top() -> Path:
    """The folder that holds ``pipelines/`` and ``manifests/``: this package in an installation, else the checkout."""
    installed = Path(str(importlib.resources.files(__name__)))
    return installed if (installed / "pipelines").is_dir() else installed.parents[1]


def commit() -> str:
    """The commit of this code, with ``-dirty`` where it was changed since; ``unknown`` where nothing says it.

    A build writes it down beside this module; a checkout asks git.
    """
    here = Path(__file__).resolve().parent
    if (here / COMMIT).is_file():
        return (here / COMMIT).read_text(encoding="utf-8").strip()
    checkout = here.parents[1]
    if not (checkout / ".git").exists():
        return "unknown"
    words = ["git", "-C", str(checkout), "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"]
    try:
        asked = subprocess.run(words, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return asked.stdout.strip() or "unknown"


def path(name: str) -> Path:
    """A file that comes with yt360, e.g. ``manifests/yt360-2020.tsv``. Raises :class:`UsageError` when it is absent.

    >>> path("pipelines/yt360.yaml").name
    'yt360.yaml'
    """
    found = top() / name
    if not found.is_file():
        raise UsageError(f"{found}: expected a file that comes with yt360, found none; install yt360 again")
    return found


def recipes(command: str) -> dict[str, Path]:
    """Name -> file of the recipes for ``run``, ``train`` or ``evaluate``, sorted by name.

    >>> sorted(recipes("run"))
    ['demo', 'yt360']
    """
    return {file.stem: file for file in sorted((top() / _RECIPES[command]).glob("*.yaml"))}


_FOR_EDITORS = "# yaml-language-server:"
"""Beginning of the line of a recipe that tells an editor its schema."""

_SENTENCE_END = re.compile(r"\. (?!\d)")
"""A full stop that ends a sentence, unlike that of "Eq. 6"."""


def summary(recipe: Path) -> str:
    """What a recipe says of itself: its first comment, up to the end of the sentence."""
    words: list[str] = []
    for line in recipe.read_text(encoding="utf-8").splitlines():
        if line.startswith(_FOR_EDITORS):
            continue
        if not line.startswith("#"):
            break
        words.append(line.lstrip("# ").strip())
        if words[-1].endswith((".", ":")):
            break
    return _SENTENCE_END.split(" ".join(words), maxsplit=1)[0].rstrip(".:")


def recipe(command: str, what: str | os.PathLike[str], others: Collection[str] = ()) -> Path:
    """The recipe that ``what`` means to ``run``, ``train`` or ``evaluate``: a file, or the name of a shipped one.

    An existing file wins, so a recipe of one's own may have any name. Raises :class:`UsageError` for anything else;
    ``others`` are names that the command takes besides, for the message.
    """
    given = Path(what)
    known = recipes(command)
    if given.is_file():
        return given
    if str(what) in known:
        return known[str(what)]
    if given.exists() and not given.is_dir():
        raise UsageError(f"{what}: expected a recipe in a file, found a pipe or device; write it into a file")
    name = given.stem if given.suffix in _SUFFIXES else given.name
    near = difflib.get_close_matches(name, [*others, *known], n=1)
    if name in known:
        hint = f"yt360 brings one of that name: `yt360 {command} {name}`"
    elif near:
        hint = f"did you mean {near[0]!r}?"
    else:
        hint = f"expected one of {', '.join([*others, *known])}"
    raise UsageError(f"{what}: found no recipe of this name or path; {hint} (`yt360 recipes {command}` lists them)")
