"""The real segment stage with a model that sees colours, and one that has no weights."""

from __future__ import annotations

from tests.segmentation.spheres import ColourModel
from tests.stages.fakes import FAKES
from yt360.engine.recipe import Registry
from yt360.engine.stage import Context, Failed, Item, Outcome
from yt360.stages.segment import Segment


class ColourSegment(Segment):
    def setup(self) -> None:
        self._model = ColourModel()

    def prepare_host(self) -> None:
        """There are no weights."""


class BlindSegment(ColourSegment):
    """Makes no maps of the second clip of a video."""

    def process(self, item: Item, context: Context) -> Outcome:
        if item.id.endswith("-00010"):
            return Failed("no-model", f"{item.id}: not this one")
        return super().process(item, context)


def with_segment(path: str = "tests.stages.segment_fakes:ColourSegment") -> Registry:
    """Crawl and chunk are fakes, the rest is real."""
    names = ("crawl", "chunk", "segment", "split", "shard")
    return Registry(stages={name: path if name == "segment" else FAKES.stages[name] for name in names})
