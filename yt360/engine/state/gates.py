"""Which stages an item must have passed before another one sees it.

What a stage names in ``after``, and every stage before it in the recipe whose items are of the same kind, unless that
one only adds something (``decides = False``): an item that a filter dropped goes no further, wherever in the recipe
the filter stands.
"""

from __future__ import annotations

from collections.abc import Mapping

from yt360.engine.stage import Stage


class Gates:
    """Of the stages of a recipe, given in order.

    ``kinds``: stage -> word for what its items are. ``before``: stage -> stages that its items must have passed, but
    for those that another one implies.
    """

    def __init__(self, stages: Mapping[str, Stage]) -> None:
        self.kinds: dict[str, str] = {}
        self.before: dict[str, tuple[str, ...]] = {}
        self._implied: dict[str, frozenset[str]] = {}
        self._deciding: list[str] = []
        for name, stage in stages.items():
            named = tuple(each for each in stage.after if each in self.before)
            self.kinds[name] = stage.item_kind or (name if stage.own_plan or not named else self.kinds[named[0]])
            self.before[name] = (*named, *(self.missing(self.kinds[name], named) if named else ()))
            self._implied[name] = self._passed(self.before[name]) | {name}
            if stage.decides:
                self._deciding.append(name)

    def missing(self, kind: str, named: tuple[str, ...], before: str | None = None) -> tuple[str, ...]:
        """Stages of a kind, of those before one stage (or so far), that having passed ``named`` does not imply."""
        found: list[str] = []
        order = list(self.before)
        upto = set(order if before is None else order[: order.index(before)])
        for name in reversed(self._deciding):
            if name in upto and self.kinds[name] == kind and name not in self._passed((*named, *found)):
                found.append(name)
        return tuple(found)

    def _passed(self, names: tuple[str, ...]) -> frozenset[str]:
        return frozenset[str]().union(*(self._implied[name] for name in names))
