"""`yt360 maps …`: panoptic maps of a folder of pictures, weights as safetensors, maps measured and exported."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from yt360.cli.common import json_option, print_json, root_option, table
from yt360.cli.groups import CommandGroup
from yt360.cli.plain_text import clean
from yt360.errors import ItemError, UsageError
from yt360.hashing import safe_id

_SUBFOLDER = "__"


@click.group("maps", cls=CommandGroup, short_help="Make, convert, evaluate and export panoptic maps.")
def maps_group() -> None:
    """Make, convert, evaluate and export panoptic maps.

    A dataset's own maps are made by the stage `segment`.
    """


@maps_group.command("images", short_help="Panoptic maps of a folder of ordinary pictures.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--model", required=True, help="panoptic-fpn-r101, panoptic-fpn-r50, world-fpn, detectron2, "
              "or transformers:NAME-OR-FOLDER.")  # fmt: skip
@click.option("--weights", default="", help="A file or an address.  [default: the published ones]")
@click.option("--sha256", default="", help="What the SHA-256 of the weights begins with.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the maps.")
@click.option(
    "--batch",
    type=click.IntRange(1, 256),
    default=4,
    show_default=True,
    help="Pictures in the works at a time; changes no map.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--bfloat16", is_flag=True, help="Convolutions in bfloat16: sooner, maps differ slightly.")
@click.option("--channels-last", is_flag=True, help="Pictures in memory as a GPU likes them.")
@click.option("--sphere", type=click.Choice(["no", "equirectangular", "views"]), default="no", show_default=True,
              help="The pictures are whole spheres (2:1); how to show them to the model.")  # fmt: skip
def images_command(
    folder: Path,
    model: str,
    weights: str,
    sha256: str,
    out: Path,
    batch: int,
    device: str,
    bfloat16: bool,
    channels_last: bool,
    sphere: str,
) -> int:
    """Run a model over the pictures in FOLDER and write COCO panoptic PNGs and one panoptic.json.

    Exit code 1: some pictures could not be read (they are named; the others are done).
    """
    from yt360.segmentation.backends import load_model
    from yt360.segmentation.batching import Batcher
    from yt360.segmentation.coco import CocoWriter
    from yt360.segmentation.maps import PanopticMap
    from yt360.segmentation.on_sphere import segment_spheres
    from yt360.segmentation.pictures import list_pictures, read_picture
    from yt360.segmentation.settings import PanopticModelSettings, SphereSettings

    paths = list_pictures(folder)
    settings = PanopticModelSettings(
        model=model, weights=weights, sha256=sha256, device=device, bfloat16=bfloat16, channels_last=channels_last
    )
    loaded = load_model(settings)
    click.echo(f"{loaded.name}: weights {clean(loaded.weights)}, licence: {loaded.licence}", err=True)
    broken: list[str] = []

    def pictures() -> Iterator[tuple[Path, NDArray[np.uint8]]]:
        for path in paths:
            try:
                picture = read_picture(path)
                if sphere != "no" and picture.shape[1] != 2 * picture.shape[0]:
                    raise ItemError("not-a-sphere", f"{path}: expected twice as wide as high, found {picture.shape}")
            except ItemError as error:
                broken.append(str(error))
                continue
            yield path, picture

    def predict(pairs: list[tuple[Path, NDArray[np.uint8]]]) -> list[tuple[Path, PanopticMap]]:
        each = [picture for _, picture in pairs]
        if sphere == "no":
            maps = loaded.predict(each)
        else:
            maps = segment_spheres(
                loaded, each, SphereSettings(way="views" if sphere == "views" else "equirectangular")
            )
        return [(path, panoptic) for (path, _), panoptic in zip(pairs, maps, strict=True)]

    out.mkdir(parents=True, exist_ok=True)
    about = {"model": loaded.name, "weights": loaded.weights, "licence": loaded.licence, "sphere": sphere}
    writer = CocoWriter(out, loaded.categories, about)
    taken: set[str] = set()
    done = 0
    with tqdm(total=len(paths), unit="picture", desc="segment", disable=None, file=sys.stderr) as bar:
        for path, panoptic in Batcher(predict, batch).run(pictures()):
            name = path.relative_to(folder).as_posix()
            writer.add(name, _png_name(name, taken), panoptic)
            done += 1
            bar.update(done + len(broken) - bar.n)
    written = writer.close()
    for problem in broken:
        click.echo(f"left out: {clean(problem)}", err=True)
    click.echo(f"{done} of {len(paths)} pictures, {written}")
    return 1 if broken else 0


def _png_name(picture: str, taken: set[str]) -> str:
    """A name beside the others: `a/b.jpg` and `a/b.png` must not meet."""
    stem = picture.rpartition(".")[0].replace("/", _SUBFOLDER)
    name, number = f"{stem}.png", 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}.png"
    taken.add(name)
    return name


@maps_group.command("convert", short_help="Weights of a Panoptic FPN as safetensors.")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--model", default="panoptic-fpn-r101", show_default=True, help="What the checkpoint must be.")
def convert_command(checkpoint: Path, target: Path, model: str) -> int:
    """Read detectron2's CHECKPOINT (a pickle; only arrays are let through) and write TARGET.safetensors."""
    from yt360.segmentation.backends import require_torch
    from yt360.segmentation.settings import FPN

    if model not in FPN:
        raise UsageError(f"--model {model}: expected {' or '.join(FPN)}")
    if target.suffix != ".safetensors":
        raise UsageError(f"{target}: expected a name that ends in .safetensors")
    require_torch()
    from yt360.segmentation.checkpoint import convert
    from yt360.segmentation.fpn.config import R50, R101

    convert(checkpoint, target, R101 if model == "panoptic-fpn-r101" else R50)
    click.echo(f"wrote {target} ({target.stat().st_size / 1e6:.0f} MB)")
    return 0


@maps_group.command("evaluate", short_help="PQ, SQ, RQ and mIoU of panoptic maps beside their truth.")
@click.argument("truth", type=click.Path(path_type=Path))
@click.argument("found", type=click.Path(path_type=Path))
@json_option
def evaluate_command(truth: Path, found: Path, as_json: bool) -> int:
    """Compare FOUND with TRUTH: COCO panoptic JSON files, their PNGs beside them (or in a folder of the same name).

    FOUND may hold annotations alone, as results for COCO's own evaluation do.

    "sphere" counts pixels by the solid angle they stand for: for equirectangular pictures.
    """
    from yt360.segmentation.coco import CocoFolder
    from yt360.segmentation.evaluation import PanopticEvaluation

    folders: list[CocoFolder] = []
    for path in (truth, found):
        if not path.is_file():
            raise UsageError(f"{path}: expected a COCO panoptic JSON file, found no file")
        folders.append(CocoFolder(path, folders[0] if folders else None))
    true, other = folders
    if {(c.id, c.isthing) for c in true.categories} != {(c.id, c.isthing) for c in other.categories}:
        raise UsageError(
            f"{found}: its categories are not those of {truth}: maps of other categories cannot be compared"
        )
    missing = [name for name in true.pictures if name not in set(other.pictures)]
    if missing:
        raise UsageError(f"{found}: {len(missing)} of {len(true.pictures)} pictures are missing, first {missing[0]!r}")
    ways = {"pixels": PanopticEvaluation(true.categories), "sphere": PanopticEvaluation(true.categories, True)}
    for name in true.pictures:
        crowds = frozenset(true.crowds(name))
        right, map_found = true.read(name), other.read(name)
        for way in ways.values():
            try:
                way.add(right, map_found, crowds)
            except ValueError as error:
                raise ItemError("wrong-size", f"{found}: {name}: {error}") from error
    values: dict[str, Any] = {name: way.to_json() for name, way in ways.items()}
    if as_json:
        print_json({"pictures": len(true.pictures), **values})
        return 0
    rows = [
        [name, part or "all"]
        + [f"{value[f'{measure}_{part}' if part else measure]:.1f}" for measure in ("pq", "sq", "rq")]
        for name, value in values.items()
        for part in ("", "things", "stuff")
    ]
    click.echo(table(rows, ["counted by", "categories", "PQ", "SQ", "RQ"]))
    click.echo("  ".join(f"mIoU by {name} {value['miou']:.1f}" for name, value in values.items()))
    return 0


@maps_group.command("export", short_help="Maps as things-%04d.png and stuff-%04d.png.")
@root_option
@click.option("--out", required=True, type=click.Path(path_type=Path), help="One folder a clip: VIDEO-START/.")
def export_command(root: str, out: Path) -> int:
    """Write the maps in ROOT's shards in the layout that the published code of the paper reads.

    Exit code 1: some clips have no maps.
    """
    from yt360.dataset.dataset import open_dataset
    from yt360.segmentation.export import export_clip

    data = open_dataset(root)
    clips = maps = 0
    for clip in data:
        found = clip.maps
        if found is not None:
            # A manifest may be anybody's: its names lead nowhere.
            maps += export_clip(found, out / safe_id(f"{clip.video}-{int(clip.start_s or 0)}"))
            clips += 1
    click.echo(f"{maps} maps of {clips} clips in {out}; {len(data) - clips} clips have no maps")
    return 0 if clips == len(data) else 1
