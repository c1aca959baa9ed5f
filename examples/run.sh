#!/bin/sh
# The demonstration, from a bare machine with Rust and git: finds sentences nearest in meaning among 10,000 glosses of WordNet.
# usage: sh examples/run.sh [ARGUMENTS OF THE EXAMPLE]
#
# Any GPU will do. Where none answers, Mesa's software Vulkan driver is installed from the system's own packages.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/drivers/system.sh
example=text_search

ensure_cargo && ensure_linker || exit 1
# lavapipe prints an error without it, and uses it for nothing here.
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-${TMPDIR:-/tmp}}"

say "building (a few minutes the first time)"
cargo build --quiet --locked --example "$example" || exit 1

errors=$(mktemp) && trap 'rm -f "$errors"' EXIT
demonstration() { cargo run --quiet --locked --example "$example" -- "$@" 2>"$errors"; }

demonstration "$@"
status=$?
if [ $status -ne 0 ] && [ "$(uname -s)" = Linux ] && grep -q 'no GPU adapter' "$errors"; then
  say "no GPU adapter answered: trying Mesa's software Vulkan driver, on the CPU"
  if ! install_software_vulkan; then
    cat "$errors" >&2
    exit 1
  fi
  demonstration "$@"
  status=$?
fi
cat "$errors" >&2
exit $status
