"""Keys of items as versions before wrote them: a change here does everything in every root again."""

from __future__ import annotations

import pytest

from tests.documented_settings import declared, documented
from yt360.engine.stage import Blob, Item
from yt360.stages import REGISTRY


def _blob(name: str) -> Blob:
    return Blob(f"data/{name}", f"{name}-digest", 3)


_V, _S, _F = _blob("v"), _blob("s"), _blob("f")
_COPY = {"video": "a", "covered": 0.9, "offset_s": 1.5, "speed": 1.0, "votes": 12, "picture": None, "mirrored": False}
_KEYS = [
    ("crawl", Item("a", "a", meta={"source": "file", "video": [10, "x"]}), "45738689f0e6b20a7f7437d525759475ee9e62f6"),
    ("crawl", Item("b", "b", meta={"source": "url"}), "0993a8e0961f4961a19ba697b88ad3bf47a627e0"),
    ("crawl", Item("c", "c", meta={"source": "youtube", "video": "dQw4w9WgXcQ"}),
     "4fbd9f2314925c77b4902adb035e65d9ff3a50b3"),
    ("crawl", Item("d", "d", meta={"source": "store", "video": [1, "é"]}), "41c78cc330d585b9319eafc5b0cf7cd635d1de2d"),
    ("validate", Item("a", "a", {"video": _V, "sound": _S}), "420e52616b8c296f6e205c776ce09898008f11d0"),
    ("stills", Item("a", "a", {"video": _V, "facts": _F}), "9d6d6e714da86fdcfbaca74c92d7817b43c9d884"),
    ("voiceover", Item("a", "a", {"video": _V, "facts": _F}), "2f6a6d09d85cd633a73b8d08042474ae88e5ed14"),
    ("frame_of_reference", Item("a", "a", {"video": _V, "facts": _F}), "c71f6bfe2cc56bfc4c7cb415622bac1cd01aca06"),
    ("fingerprint", Item("a", "a", {"video": _V, "facts": _F}), "0edf60aced18fff406983fd69302d8214b260e2a"),
    ("duplicates", Item("a", "a", meta={"group": "a"}), "0bb6c092c9422761f2d3dc4fc51744f8b629c59f"),
    ("duplicates", Item("b", "b", meta={"group": "a", "copy_of": _COPY}), "3f1063ec4113df2a910a95867de7d619e4c0e70f"),
    ("chunk", Item("a", "a", {"video": _V, "facts": _F}), "215724009c5f42cc1907836e0a6598f3c5f9b6a0"),
    ("chunk", Item("a", "a", {"video": _V, "facts": _F}, {"segments": [[0, 10], [20.5, 30]]}),
     "eb4e4c5740d789f069e1a6bc6bb56946fde2d686"),
    ("chunk", Item("a", "a", {"video": _V, "facts": _F}, {"repair": {"yaw_deg": 60.0, "lag_s": 0.0}}),
     "450a621f6eb11bd019c801825040d4ee42b49646"),
    ("segment", Item("a-00000", "a", {"video": _V}), "8f8772f993ead3a788aac2d7956d92489b3516d3"),
    ("annotate", Item("a-00000", "a", {"foa": _F}), "35dab48e3348e0049b4da6ce7ec329fe33c54b05"),
    ("split", Item("a", "a", meta={"side": "train", "by": "draw"}), "1205c1485b521b8f52b1985a20f584c1d634beb8"),
    ("shard", Item("train-000000", "train-000000", {"a-00000.video": _V, "a-00000.foa": _F}, {"clips": ["a-00000"]}),
     "c59eedcc3af85798ccfd5e4f2011759d2171778a"),
    ("embed", Item("a-00000", "a", {"video": _V, "foa": _F}), "e213500922bcd9c5f2658f163e24270070d08079"),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "item", "key"), _KEYS, ids=[f"{stage}-{item.id}" for stage, item, _ in _KEYS])
def test_key_is_the_one_that_roots_hold(stage: str, item: Item, key: str) -> None:
    assert REGISTRY.load(stage)().key(item) == key


@pytest.mark.parametrize("stage", REGISTRY.stages)
def test_every_setting_of_a_stage_has_the_default_and_the_limits_that_the_reference_says(stage: str) -> None:
    assert declared(stage) == documented(stage)
