"""The stages of the pipeline, one file each. This module only names them, so importing it is cheap."""

from yt360.engine.recipe import Registry

REGISTRY = Registry(
    stages={
        "crawl": "yt360.stages.crawl:Crawl",
        "validate": "yt360.stages.validate:Validate",
        "stills": "yt360.stages.stills:Stills",
        "voiceover": "yt360.stages.voiceover:Voiceover",
        "frame_of_reference": "yt360.stages.frame_of_reference:FrameOfReference",
        "fingerprint": "yt360.stages.fingerprint:Fingerprint",
        "duplicates": "yt360.stages.duplicates:Duplicates",
        "chunk": "yt360.stages.chunk:Chunk",
        "segment": "yt360.stages.segment:Segment",
        "annotate": "yt360.stages.annotate:Annotate",
        "split": "yt360.stages.split:Split",
        "shard": "yt360.stages.shard:Shard",
        "embed": "yt360.stages.embed:Embed",
    },
    group="yt360.stages",
)
"""Stage names in pipeline order, and where their classes are; other packages announce theirs as ``yt360.stages``."""
