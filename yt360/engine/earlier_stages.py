"""Stages that a root holds something of and its recipe has no more: dropped from it, or of a package that is gone."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import ClassVar

from yt360.engine.recipe import Registry
from yt360.engine.stage import Stage
from yt360.engine.storage import Root
from yt360.errors import UsageError

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


class UnknownStage(Stage):
    """Stands for a stage whose class is not to be had: its records and folders of outputs are all that is known."""

    decides: ClassVar[bool] = False


def earlier_stages(root: Root, names: Collection[str], registry: Registry) -> tuple[list[Stage], list[UnknownStage]]:
    """Those with a ledger or outputs in a root and none of ``names``: of known ones the stage with its default
    parameters, in pipeline order, and stand-ins for the others.
    """
    held = {path.name for place in (root.ledger, root.data) if place.is_dir() for path in place.iterdir()}
    left = {name for name in held - set(names) if _NAME.fullmatch(name)}
    known: dict[str, Stage] = {}
    for name in registry.known() if left else ():
        if name in left:
            try:
                known[name] = registry.load(name)()
            except UsageError:  # its package is there and cannot be loaded
                continue
    return list(known.values()), [stand_in(name) for name in sorted(left - set(known))]


def stand_in(name: str) -> UnknownStage:
    """For a stage of this name."""
    made: type[UnknownStage] = type("Unknown", (UnknownStage,), {"name": name, "item_kind": f"unknown {name}"})
    return made()
