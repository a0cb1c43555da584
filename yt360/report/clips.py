"""Which clips of a dataset a report shows."""

from __future__ import annotations

import pandas as pd


def spread(table: pd.DataFrame, count: int) -> list[str]:
    """Ids of up to ``count`` clips from as many different videos as there are, in a fixed order."""
    ordered = table.sort_values("clip")
    turn = ordered.groupby("video").cumcount()
    return [str(name) for name in ordered.assign(turn=turn).sort_values(["turn", "clip"]).head(count)["clip"]]
