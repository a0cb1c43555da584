"""`python -m tests.engine.toy_cli …` is `yt360 …` with the toys as its stages."""

from __future__ import annotations

from tests.engine.toys import REGISTRY
from yt360.cli import common, remove, run, slurm
from yt360.cli.main import main
from yt360.engine.state.dataset_state import DatasetState


def nothing(catalog: DatasetState, *, judged: bool = True) -> None:
    """Toys have no manifests."""


for module in (common, remove, run, slurm):
    module.REGISTRY = REGISTRY  # type: ignore[attr-defined]
for other in (remove, run, slurm):
    other.publish = nothing  # type: ignore[attr-defined]

if __name__ == "__main__":
    main()
