#!/usr/bin/env bash
# One place from two sensors, PRISMA and COSMO-SkyMed: pairs within each sensor, one series.
# Usage: run.sh OUT [SCENES]   SCENES: a folder of real ones; without it, scenes are made up
set -euo pipefail
out=${1:?usage: run.sh OUT [SCENES]}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out"
out=$(cd "$out" && pwd)

if [ $# -ge 2 ]; then
  ln -sfn "$(cd "$2" && pwd)" "$out/scenes"
  echo name > "$out/scenes.csv" # products say themselves which sensor they are of
elif [ ! -e "$out/scenes" ]; then
python - "$out" <<'PY'
import sys
from pathlib import Path

from sensetrack.scene import write_series

out = Path(sys.argv[1])
lines = ["name,sensor"]
for sensor, later in (("prisma", 0), ("cosmo-skymed", 5)):
    paths = write_series(out / "scenes", days=range(later, later + 100, 20), name=f"{sensor}_")
    lines += [f"{path.stem},{sensor}" for path in paths.images]
(out / "scenes.csv").write_text("\n".join(lines) + "\n")
PY
fi
cp -n "$here/project.yaml" "$out/"

sensetrack run "$out/project.yaml" --plan
sensetrack run "$out/project.yaml"
