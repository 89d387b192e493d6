#!/usr/bin/env bash
# A slow landslide: small windows, metres per day, a table of points for a GIS.
# Usage: run.sh OUT [EARLIER LATER [STABLE]]
set -euo pipefail
out=${1:?usage: run.sh OUT [EARLIER LATER [STABLE]]}
mkdir -p "$out"

if [ $# -ge 3 ]; then
  earlier=$2 later=$3 stable=${4:-}
else
  python -c 'import sys; from sensetrack.scene import write_scene; write_scene(sys.argv[1], kind="landslide")' "$out/scene"
  earlier=$out/scene/2020-01-31.tif later=$out/scene/2021-01-30.tif stable=$out/scene/stable.gpkg
fi

sensetrack coregister "$earlier" "$later" -o "$out/later.tif" ${stable:+--stable "$stable"} --overwrite

# A landslide is small: windows of 32 pixels, one every 8. It is slow: 10 pixels of search are plenty.
sensetrack pcc "$earlier" "$out/later.tif" -o "$out/displacement.tif" --window 32 --step 8 --search 10 --overwrite

# Vegetation changes, so matches are weaker than on ice: judge by the neighbours, over more of them.
sensetrack filter "$out/displacement.tif" -o "$out/filtered.tif" --filter ndc:window=7 --filter median-test:window=7 --overwrite

sensetrack velocity "$out/filtered.tif" -o "$out/velocity.tif" --units m/d ${stable:+--stable "$stable"} --overwrite
sensetrack velocity "$out/filtered.tif" -o "$out/points.gpkg" --units m/d ${stable:+--stable "$stable"} --overwrite
sensetrack plot "$out/velocity.tif" -o "$out/speed.png" --overwrite
