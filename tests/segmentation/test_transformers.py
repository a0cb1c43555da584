"""transformers' models behind the same interface, tiny, with random weights, from a local folder, offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from yt360.errors import UsageError
from yt360.segmentation.backends import load_model
from yt360.segmentation.categories import COCO
from yt360.segmentation.settings import PanopticModelSettings

transformers = pytest.importorskip("transformers")

SIZE = 64


def labels(count: int) -> dict[str, Any]:
    return {"id2label": {k: f"kind {k}" for k in range(count)}, "label2id": {f"kind {k}": k for k in range(count)}}


def swin() -> Any:
    return transformers.SwinConfig(
        image_size=SIZE, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip


def eomt(folder: Path, count: int) -> None:
    config = transformers.EomtConfig(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=2, intermediate_size=64, image_size=SIZE, patch_size=8,
        num_blocks=1, num_queries=10, num_upscale_blocks=1, **labels(count),
    )  # fmt: skip
    transformers.EomtForUniversalSegmentation(config).save_pretrained(folder)
    size = {"shortest_edge": SIZE, "longest_edge": SIZE}
    transformers.EomtImageProcessor(size=size, do_pad=True).save_pretrained(folder)


def mask2former(folder: Path, count: int) -> None:
    config = transformers.Mask2FormerConfig(
        backbone_config=swin(), feature_size=32, mask_feature_size=32, hidden_dim=32, encoder_feedforward_dim=32,
        encoder_layers=1, decoder_layers=2, num_attention_heads=2, dim_feedforward=32, num_queries=10, **labels(count),
    )  # fmt: skip
    transformers.Mask2FormerForUniversalSegmentation(config).save_pretrained(folder)
    size = {"shortest_edge": SIZE, "longest_edge": 2 * SIZE}
    transformers.Mask2FormerImageProcessor(size=size).save_pretrained(folder)


def oneformer(folder: Path, count: int) -> None:
    config = transformers.OneFormerConfig(
        backbone_config=swin(), hidden_dim=32, conv_dim=32, mask_dim=32, encoder_feedforward_dim=32,
        encoder_layers=1, decoder_layers=2, num_attention_heads=2, dim_feedforward=32, num_queries=10,
        text_encoder_width=32, text_encoder_num_layers=1, text_encoder_vocab_size=600, query_dec_layers=1,
        **labels(count),
    )  # fmt: skip
    config.is_training = False
    transformers.OneFormerForUniversalSegmentation(config).save_pretrained(folder)
    # A tokenizer that spells the task's words letter by letter.
    letters = [chr(code) for code in range(33, 127)]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "kinds.json").write_text(
        json.dumps({str(k): {"name": f"kind {k}", "isthing": int(k < 80)} for k in range(count)})
    )
    pictures = transformers.OneFormerImageProcessor(
        repo_path=str(folder), class_info_file="kinds.json", num_text=4,
        size={"shortest_edge": SIZE, "longest_edge": 2 * SIZE},
    )  # fmt: skip
    tokenizer = transformers.CLIPTokenizer(vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"))
    transformers.OneFormerProcessor(image_processor=pictures, tokenizer=tokenizer).save_pretrained(folder)


MAKERS = {"eomt": eomt, "mask2former": mask2former, "oneformer": oneformer}


@pytest.mark.parametrize("kind", sorted(MAKERS))
@pytest.mark.parametrize("count", [133, 5])
def test_random_model_gives_whole_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, count: int) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    torch.manual_seed(0)
    MAKERS[kind](tmp_path, count)
    model = load_model(PanopticModelSettings(model=f"transformers:{tmp_path}", device="cpu"))
    assert model.licence == "see the model's own page"
    assert (model.categories == COCO) == (count == 133)
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (48, 96, 3), dtype=np.uint8), rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)]
    maps = model.predict(pictures)
    known = {category.id: category.isthing for category in model.categories}
    for picture, panoptic in zip(pictures, maps, strict=True):
        assert panoptic.ids.shape == picture.shape[:2]
        for segment in panoptic.segments:
            assert known[segment.category_id] == segment.isthing
            assert segment.area == (panoptic.ids == segment.id).sum() > 0


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_stuff_found_twice_with_a_thing_between_is_one_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Four queries in stripes: sky, person, sky, dog. The two skies are one segment, the dog stays a dog."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    MAKERS[kind](tmp_path, 133)
    model = load_model(PanopticModelSettings(model=f"transformers:{tmp_path}", device="cpu"))
    index = {category.name: place for place, category in enumerate(COCO)}
    found = [index[name] for name in ("sky-other-merged", "person", "sky-other-merged", "dog")]
    classes = torch.full((1, 10, 134), -10.0)
    classes[0, :, 133] = 10.0  # nothing
    masks = torch.full((1, 10, SIZE, SIZE), -10.0)
    for query, label in enumerate(found):
        classes[0, query, label], classes[0, query, 133] = 20.0, -10.0
        masks[0, query, 16 * query : 16 * query + 16] = 10.0
    output = type("Output", (), {"class_queries_logits": classes, "masks_queries_logits": masks})
    monkeypatch.setattr(model, "_model", lambda **inputs: output())
    (panoptic,) = model.predict([np.zeros((SIZE, SIZE, 3), np.uint8)])
    names = {category.id: category.name for category in COCO}
    stripes = [names.get(int(panoptic.category_map()[16 * k + 8, 32])) for k in range(4)]
    assert stripes == ["sky-other-merged", "person", "sky-other-merged", "dog"]
    assert [s.area for s in panoptic.segments] == [(panoptic.ids == s.id).sum() for s in panoptic.segments]
    assert sorted(names[s.category_id] for s in panoptic.segments) == ["dog", "person", "sky-other-merged"]
    assert len({s.id for s in panoptic.segments}) == 3


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_map_of_a_picture_does_not_depend_on_the_others_of_its_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    torch.manual_seed(0)
    MAKERS[kind](tmp_path, 133)
    model = load_model(PanopticModelSettings(model=f"transformers:{tmp_path}", device="cpu"))
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, size, dtype=np.uint8) for size in ((48, 96, 3), (64, 64, 3), (48, 96, 3))]
    for picture, together in zip(pictures, model.predict(pictures), strict=True):
        (alone,) = model.predict([picture])
        np.testing.assert_array_equal(alone.ids, together.ids)
        assert alone.segments == together.segments  # scores to the last bit


def test_what_a_processor_found_becomes_coco_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids from 0 on with -1 for nothing (EoMT), or from 1 on with 0 (the others); labels count in COCO's order."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    eomt(tmp_path, 133)
    model = load_model(PanopticModelSettings(model=f"transformers:{tmp_path}", device="cpu"))
    found = model._map(  # type: ignore[attr-defined]
        {
            "segmentation": torch.tensor([[-1, 0], [1, 1], [1, 0]]),
            "segments_info": [
                {"id": 0, "label_id": 2, "score": 0.9},
                {"id": 1, "label_id": 119, "score": 0.7},
                {"id": 7, "label_id": 0, "score": 0.6},
            ],
        },
        (3, 2),
    )
    np.testing.assert_array_equal(found.ids, [[0, 1], [2, 2], [2, 1]])
    assert [(s.category_id, s.isthing, s.area) for s in found.segments] == [(3, True, 2), (187, False, 3)]
    empty = model._map({"segmentation": None, "segments_info": []}, (3, 2))  # type: ignore[attr-defined]
    assert (empty.ids.shape, empty.segments) == ((3, 2), ())


@pytest.mark.parametrize("content", [None, {}, {"config.json": "{}"}, {"config.json": '{"model_type": "bert"}'}])
def test_what_is_no_such_model_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: dict[str, Any] | None
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = tmp_path / "model"
    if content is not None:
        folder.mkdir()
        for name, text in content.items():
            (folder / name).write_text(text)
    with pytest.raises(UsageError, match=r"expected (the name of a model|one of eomt)"):
        load_model(PanopticModelSettings(model=f"transformers:{folder}", device="cpu"))


def test_unknown_models_and_absent_backends_say_what_there_is() -> None:
    with pytest.raises(UsageError, match="unknown panoptic model 'resnet'; expected panoptic-fpn-r101"):
        load_model(PanopticModelSettings(model="resnet"))
    with pytest.raises(UsageError, match="panoptic-fpn-r101 is the same model without it"):
        load_model(PanopticModelSettings(model="detectron2"))
    with pytest.raises(UsageError, match="device 'cuda:99'"):
        load_model(PanopticModelSettings(model="world-fpn", device="cuda:99"))
