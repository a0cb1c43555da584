#!/usr/bin/env bash
# Usage: ray.sh RECIPE ROOT [ADDRESS]   on the head node, or anywhere with the address of the cluster
set -euo pipefail
recipe=${1:?a recipe, e.g. pipelines/yt360.yaml}
root=${2:?the root: a shared folder or s3://bucket/prefix}
exec yt360 run "$recipe" --root "$root" --engine ray --address "${3:-auto}"
