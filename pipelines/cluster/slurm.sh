#!/usr/bin/env bash
# Usage: slurm.sh RECIPE ROOT [PARTITION]
# Submits the first stage's arrays; a small job after each stage submits the next. Leaving this script is harmless:
#   yt360 status --root ROOT --missing     the array expression of each stage that is still to do
#   yt360 explain ITEM --root ROOT         what happened to an item, with the log of a failure
set -euo pipefail
recipe=${1:?a recipe: a file, or a name such as yt360}
root=${2:?the root: a shared folder or s3://bucket/prefix}
exec yt360 run "$recipe" --root "$root" --engine slurm --tasks 2000 --window 1000 ${3:+"--sbatch=--partition=$3"}
