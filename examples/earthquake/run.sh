#!/usr/bin/env bash
# An earthquake: displacements below a pixel, so large windows, and no stable ground to subtract.
# Usage: run.sh OUT [BEFORE AFTER]
set -euo pipefail
out=${1:?usage: run.sh OUT [BEFORE AFTER]}
mkdir -p "$out"

if [ $# -ge 3 ]; then
  before=$2 after=$3
else
  python -c 'import sys; from sensetrack.scene import write_scene; write_scene(sys.argv[1], kind="earthquake")' "$out/scene"
  before=$out/scene/2020-01-31.tif after=$out/scene/2020-02-10.tif
fi

# Everything moves, so the shift that most of the image agrees on is subtracted, which may be that of one side. It is
# subtracted from both sides alike: the step across the fault stays right, the rest is known up to that constant.
sensetrack coregister "$before" "$after" -o "$out/after.tif" --overwrite

# The forward-backward check is kept tight, since nothing moves far.
sensetrack pcc "$before" "$out/after.tif" -o "$out/displacement.tif" \
  --window 64 --step 8 --search 8 --forward-backward 0.3 --overwrite
sensetrack filter "$out/displacement.tif" -o "$out/filtered.tif" --filter median-test:window=7 --overwrite
sensetrack plot "$out/filtered.tif" -o "$out/components.png" --layer components --limits -0.5 0.5 --overwrite

python "$(dirname "$0")/step.py" "$out/filtered.tif"
