"""`yt360 segment-evaluate` measures panoptic maps; `yt360 segment-export` writes them as the published code reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from yt360.cli.common import json_option, local_root, print_json, root_option, table
from yt360.errors import ItemError, UsageError


@click.command("segment-evaluate", short_help="PQ, SQ, RQ and mIoU of panoptic maps beside their truth.")
@click.argument("truth", type=click.Path(path_type=Path))
@click.argument("found", type=click.Path(path_type=Path))
@json_option
def evaluate_command(truth: Path, found: Path, as_json: bool) -> int:
    """Compare FOUND with TRUTH: COCO panoptic JSON files, their PNGs beside them (or in a folder of the same name).

    "sphere" counts pixels by the solid angle they stand for: for equirectangular pictures.
    """
    from yt360.segmentation.coco import CocoFolder
    from yt360.segmentation.evaluation import PanopticEvaluation

    folders = []
    for path in (truth, found):
        if not path.is_file():
            raise UsageError(f"{path}: expected a COCO panoptic JSON file, found no file")
        folders.append(CocoFolder(path))
    true, other = folders
    if [(c.id, c.isthing) for c in true.categories] != [(c.id, c.isthing) for c in other.categories]:
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


@click.command("segment-export", short_help="Maps as things-%04d.png and stuff-%04d.png.")
@root_option
@click.option("--out", required=True, type=click.Path(path_type=Path), help="One folder a clip: VIDEO-START/.")
def export_command(root: str, out: Path) -> int:
    """Write the maps in ROOT's shards in the layout that the published code of the paper reads.

    Exit code 1: some clips have no maps.
    """
    from yt360.report.clips import clip_table, read_clip_maps
    from yt360.segmentation.export import export_clip

    folder = local_root(root, "segment-export")
    rows = clip_table(folder).to_dict("records")
    clips = maps = 0
    for row in rows:
        found = read_clip_maps(folder, {str(key): value for key, value in row.items()})
        if found is not None:
            maps += export_clip(found, out / f"{row['video']}-{int(row['start_s'])}")
            clips += 1
    click.echo(f"{maps} maps of {clips} clips in {out}; {len(rows) - clips} clips have no maps")
    return 0 if clips == len(rows) else 1
