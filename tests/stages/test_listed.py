"""Tables from crawl to split: exactly the segments and sides they name come out."""

from __future__ import annotations

import shutil
from pathlib import Path

from yt360.engine import pipeline
from yt360.engine.recipe import Recipe
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.stages.chunk import Chunk
from yt360.stages.chunk_settings import ChunkParams
from yt360.stages.crawl import Crawl, CrawlParams
from yt360.stages.split import Split
from yt360.stages.validate import Validate
from yt360.synth import VideoSpec, render_video


def test_published_and_later_tables_rebuild_their_own_clips(tmp_path: Path) -> None:
    truth = render_video(VideoSpec(2, 0, "", 13.0, 128, 256, 8.0), tmp_path / "world")
    (made,) = truth.files
    ending = Path(made).suffix
    for name in ("aaaaaaaaaaa", "bbbbbbbbbbb"):
        shutil.copy(tmp_path / "world" / "media" / made, tmp_path / f"{name}{ending}")
    # The form of the list of 2020 (starts of 10 s), and that of a later one; the third clip begins after the end.
    (tmp_path / "one.tsv").write_text(f"video\tsplit\tstarts\naaaaaaaaaaa{ending}\ttest\t0,2,50\n")
    rows = f"id,start,end,split\nbbbbbbbbbbb{ending},1.5,4,train\nbbbbbbbbbbb{ending},3,9,train\n"
    (tmp_path / "two.csv").write_text(rows)
    sources = (str(tmp_path / "one.tsv"), str(tmp_path / "two.csv"))
    stages = (
        Crawl(CrawlParams(source=sources)),
        Validate(),
        Chunk(ChunkParams(height=64, width=128, fps=8, preset="ultrafast")),
        Split(),
    )
    root = Root(tmp_path / "root")
    root.create()
    result = pipeline.run(Recipe("test", stages), root, pipeline.Options(workers=1, min_free_bytes=0))
    assert not result.failed
    catalog = DatasetState(root, stages)
    clips = [
        (clip.parent.item, clip.meta["start_s"], clip.meta["duration_s"])
        for clip in catalog.children_after("chunk", ("split",))
    ]
    assert clips == [("aaaaaaaaaaa", 0, 10), ("aaaaaaaaaaa", 2, 10), ("bbbbbbbbbbb", 1.5, 2.5), ("bbbbbbbbbbb", 3, 6)]
    sides = {name: record.measures["split"] for name, record in catalog.passing("split").items()}
    assert sides == {"aaaaaaaaaaa": "test", "bbbbbbbbbbb": "train"}
