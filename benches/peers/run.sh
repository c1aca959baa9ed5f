#!/bin/sh
# Runs the peers whose Python modules are here, on the same rows. usage: sh benches/peers/run.sh OUT.csv [ARGUMENT ...]
#
# Arguments go to every peer: --rows, --dim, --cases, --seconds (benches/peers/data.py says what they are). OUT.csv is added
# to where it exists, so that runs with several dimensions make one record. Environment: PYTHON, the interpreter that has
# the modules (default python3).
set -u
[ $# -ge 1 ] || { echo "usage: sh benches/peers/run.sh OUT.csv [ARGUMENT ...]" >&2; exit 2; }
case $1 in -*) echo "the first argument is the file to write, not $1" >&2; exit 2 ;; esac
out=$1
shift
here=$(dirname "$0")
python=${PYTHON:-python3}
command -v "$python" >/dev/null || { echo "error: no $python; PYTHON names another interpreter" >&2; exit 1; }
"$python" -c 'import numpy' 2>/dev/null || { echo "error: $python has no numpy, which every peer needs" >&2; exit 1; }

lines=$(mktemp) || exit 1
trap 'rm -f "$lines"' EXIT
ran=0 skipped=0 failed=0
while read -r script modules; do
  missing=
  for module in $modules; do
    "$python" -c "import $module" </dev/null >/dev/null 2>&1 || missing="$missing $module"
  done
  if [ -n "$missing" ]; then
    echo "skipped: $script: $python cannot import$missing" >&2
    skipped=$((skipped + 1))
  elif "$python" "$here/$script" "$@" </dev/null >"$lines"; then
    ran=$((ran + 1))
    # the header once, whatever was written before
    [ -s "$out" ] || sed -n 1p "$lines" >"$out" || exit 1
    sed 1d "$lines" | tee -a "$out"
  else
    echo "failed: $script" >&2
    failed=$((failed + 1))
  fi
done <<END
cuvs_gpu.py cuvs cupy
pytorch.py torch
faiss_cpu.py faiss
hnswlib_graph.py hnswlib
usearch_both.py usearch
END
echo "$ran peers in $out, $skipped skipped, $failed failed" >&2
[ "$ran" -gt 0 ] && [ "$failed" -eq 0 ]
