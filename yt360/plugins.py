"""Stages and sources that other packages bring: found by entry point, loaded as ``module:attribute``.

A package announces what it brings under an entry-point group (``yt360.stages``, ``yt360.sources``); a recipe may also
name a class that nobody announced. Either way it is the path ``module:attribute`` that is kept, and by which worker
processes find it.
"""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import dataclass
from typing import Any

from yt360.errors import UsageError

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class Plugin:
    """Something of another package: ``path`` is ``module:attribute``, ``package`` what pip installs it by, if known."""

    path: str
    package: str = ""


def announced(group: str) -> dict[str, Plugin]:
    """Name -> plug-in of an entry-point group, sorted by name; of two with one name the first by package counts."""
    import importlib.metadata  # here: it brings a twentieth of a second of others, and most commands ask for no plug-in

    found: dict[str, Plugin] = {}
    points = importlib.metadata.entry_points(group=group)
    for point in sorted(points, key=lambda each: (each.name, each.dist.name if each.dist else "")):
        package = f"{point.dist.name}=={point.dist.version}" if point.dist else ""
        found.setdefault(point.name, Plugin(point.value.replace(" ", ""), package))
    return found


def package_of(path: str) -> str:
    """The distribution (``name==version``) that a ``module:attribute`` belongs to; empty where nothing says so."""
    import importlib.metadata

    top = path.partition(":")[0].partition(".")[0]
    names = importlib.metadata.packages_distributions().get(top, [])
    return f"{names[0]}=={importlib.metadata.version(names[0])}" if len(set(names)) == 1 else ""


def load_plugin(what: str, plugin: Plugin) -> Any:
    """The object that a plug-in's path names; ``what`` (``stage 'blur'``) begins the message.

    Raises :class:`UsageError` when it cannot be imported, whatever its import raises.
    """
    if not _PATH.fullmatch(plugin.path):
        raise UsageError(f"{what}: expected `use: module:Class`, found {plugin.path!r}")
    module, _, attribute = plugin.path.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(error.name + ".")):
            raise UsageError(f"{what}: {plugin.path} cannot be imported: {error}") from error
        install = (
            f"pip install {plugin.package!r}" if plugin.package else f"install the package that has {error.name!r}"
        )
        raise UsageError(
            f"{what} is {plugin.path}, and there is no module {error.name!r} for {sys.executable}; "
            f"{install}, or put its folder on PYTHONPATH"
        ) from error
    except AttributeError as error:
        raise UsageError(f"{what}: expected {attribute!r} in module {module}, found none; see its `use`") from error
    except Exception as error:
        raise UsageError(f"{what}: {plugin.path} cannot be imported: {type(error).__name__}: {error}") from error
    return found
