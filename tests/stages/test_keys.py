from __future__ import annotations

import pytest

from yt360.engine.stage import Blob, Item
from yt360.stages import REGISTRY

RECORDED = {
    "crawl": ("d06e523daad991b0933f661ac5ea5f02f170cf64", "a22cbfd1a6f7d67d65014b57b47a96408c8f58b5"),
    "validate": ("f937a1ec028353440c19f2ea823d6df3457e7778", "30262492be0a5c84ae2c3650380373ace4827682"),
    "stills": ("81c85392fc3995407004be6fdfcbe8aa776fd05f", "fb1ed968119b2220a8b83d4a7c2d88d3c1ec26d2"),
    "voiceover": ("5a9c88034810f53f98071add63a591d254f2e456", "fdb2e06356734f97d036871a0165b40ba2a4dbf2"),
    "fingerprint": ("cba785fe1e75a0b8e0184edcacda7c71e8b6cda7", "a22cbfd1a6f7d67d65014b57b47a96408c8f58b5"),
    "duplicates": ("a3769e0f768f3da4cfaec89298ffa9261a7bf4ad", "a22cbfd1a6f7d67d65014b57b47a96408c8f58b5"),
    "chunk": ("f68f6df947594a99d3828fb3dd90d0e6c20b27e5", "a22cbfd1a6f7d67d65014b57b47a96408c8f58b5"),
    "segment": ("1f28704a8d75580b8c06d955d52613a41484bf2c", "a22cbfd1a6f7d67d65014b57b47a96408c8f58b5"),
    "split": ("1f69d1be7b50070a7307e1a4acaed69fa226cb9e", "a22cbfd1a6f7d67d65014b57b47a96408c8f58b5"),
    "shard": ("59bc99309317fd567a6964b074cb2e8f1f8e498b", "a22cbfd1a6f7d67d65014b57b47a96408c8f58b5"),
}
"""Key and decision key of one item under default settings, as the first release recorded them."""


@pytest.mark.parametrize("name", REGISTRY.stages)
def test_a_root_of_the_first_release_is_neither_redone_nor_re_decided(name: str) -> None:
    """A change here redoes every finished item of every root: raise the stage's version on purpose instead."""
    stage = REGISTRY.load(name)()
    crawled = Item("a", "a", meta={"source": "youtube"})
    item = crawled if name == "crawl" else Item("a", "a", inputs={"video": Blob("x", "d" * 4, 1)})
    assert (stage.key(item), stage.decision_key()) == RECORDED[name]
