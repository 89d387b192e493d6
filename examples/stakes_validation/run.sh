#!/usr/bin/env bash
# A series beside points that were surveyed: stakes with GNSS.
# Usage: run.sh OUT [SERIES POINTS]   SERIES: series.nc of a project, POINTS: CSV with name,x,y,date,east,north
set -euo pipefail
out=${1:?usage: run.sh OUT [SERIES POINTS]}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out"

if [ $# -ge 3 ]; then
  series=$2 points=$3
else
  "$here/../glacier_sentinel2/run.sh" "$out"
  series=$out/monitoring/results/series.nc points=$out/points.csv
  python "$here/make_points.py" "$out/scenes" "$points"
fi

sensetrack stakes "$series" "$points" -o "$out/comparison.csv" --overwrite
