#!/usr/bin/env bash
# Usage: ray.sh RECIPE ROOT [ADDRESS]   on the head node, or anywhere with the address of the cluster
# A cluster started by hand, with a token that all nodes and this script know (Ray 2.60 asks for one wherever it lies):
#   ray get-auth-token --generate                          once; copy ~/.ray/auth_token to every machine
#   RAY_AUTH_MODE=token ray start --head --port=6379       on the head
#   RAY_AUTH_MODE=token ray start --address=HEAD:6379      on each other node
# Elsewhere than ~/.ray/auth_token: RAY_AUTH_TOKEN_PATH=FILE. A cluster without one: RAY_AUTH_MODE=disabled everywhere.
set -euo pipefail
recipe=${1:?a recipe: a file, or a name such as yt360}
root=${2:?the root: a shared folder or s3://bucket/prefix}
exec yt360 run "$recipe" --root "$root" --engine ray --address "${3:-auto}"
