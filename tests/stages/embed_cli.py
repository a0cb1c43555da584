"""`python -m tests.stages.embed_cli …` is `yt360 …` for roots that the fakes have built: what jobs of SLURM call."""

from __future__ import annotations

from tests.stages.fakes import WITH_EMBED
from yt360.cli import common, slurm
from yt360.cli.main import main

for module in (common, slurm):
    module.REGISTRY = WITH_EMBED  # type: ignore[attr-defined]

if __name__ == "__main__":
    main()
