#!/usr/bin/env bash
# A glacier from two images to velocity.
# Usage: run.sh OUT [EARLIER LATER [STABLE [ICE]]]
set -euo pipefail
out=${1:?usage: run.sh OUT [EARLIER LATER [STABLE [ICE]]]}
mkdir -p "$out"

if [ $# -ge 3 ]; then
  earlier=$2 later=$3 stable=${4:-} ice=${5:-}
else
  python -c 'import sys; from sensetrack.scene import write_scene; write_scene(sys.argv[1], kind="glacier")' "$out/scene"
  earlier=$out/scene/2020-01-31.tif later=$out/scene/2020-02-20.tif
  stable=$out/scene/stable.gpkg ice=$out/scene/glacier.gpkg
fi

# The shift is measured on stable ground, else on what most of the image agrees on.
sensetrack coregister "$earlier" "$later" -o "$out/later.tif" ${stable:+--stable "$stable"} --overwrite

# Once over everything, for the errors from stable ground.
sensetrack pcc "$earlier" "$out/later.tif" -o "$out/displacement.tif" --window 48 --step 12 --overwrite
sensetrack filter "$out/displacement.tif" -o "$out/filtered.tif" --overwrite
sensetrack velocity "$out/filtered.tif" -o "$out/velocity.nc" ${stable:+--stable "$stable"} --overwrite

# Once inside the ice only, without rock in the windows: better at the margins.
if [ -n "$ice" ]; then
  sensetrack pcc "$earlier" "$out/later.tif" -o "$out/ice.tif" --window 48 --step 12 --mask "$ice" --mask-windows --overwrite
fi

sensetrack plot "$out/velocity.nc" -o "$out/speed.png" --overwrite
sensetrack report "$out" -o "$out/report.html" ${stable:+--stable "$stable"} --overwrite
