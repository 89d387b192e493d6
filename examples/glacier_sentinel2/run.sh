#!/usr/bin/env bash
# A glacier from a season of Sentinel-2 scenes, to a time series.
# Usage: run.sh OUT [SCENES]   SCENES: a folder of real ones; without it, scenes are made up
set -euo pipefail
out=${1:?usage: run.sh OUT [SCENES]}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out"
out=$(cd "$out" && pwd)

if [ $# -ge 2 ]; then
  ln -sfn "$(cd "$2" && pwd)" "$out/scenes"
elif [ ! -e "$out/scenes" ]; then
  python - "$out/scenes" <<'PY'
import sys
from sensetrack.scene import write_series
write_series(sys.argv[1], kind="glacier", days=range(0, 120, 12))
PY
fi
cp -n "$here/project.yaml" "$out/"

sensetrack run "$out/project.yaml" --plan
sensetrack run "$out/project.yaml"
