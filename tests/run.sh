#!/bin/sh
# Every check of the repository. usage: sh tests/run.sh [STAGE ...]      (sh tests/run.sh --list names the stages)
#
# Installs what is missing (tests/drivers/install.sh), checks format, lints and docs, builds once, then runs the tests on
# every driver, two stages at a time: lavapipe runs the whole product of variants and shapes, the others a pairwise covering
# subset (tests/README.md says what each is there to find). A driver that cannot be had is counted as skipped. What ran is
# counted and may not become less (tests/counts.sh). Full logs: target/test-logs/STAGE.log.
#
# Environment: NEARFIELD_DRIVERS (where the drivers lie, default .cache/drivers), NEARFIELD_STAGE_LIMIT (seconds, default 2700),
# NEARFIELD_LANES (stages at a time, default 2).
# Lists of names and of assignments are split at their spaces throughout.
# shellcheck disable=SC2086
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/drivers/system.sh

drivers=${NEARFIELD_DRIVERS:-.cache/drivers}
limit=${NEARFIELD_STAGE_LIMIT:-2700}
lanes=${NEARFIELD_LANES:-2}
logs=target/test-logs

# STAGE  ENV FILE  TEST SET  MORE ENVIRONMENT. The longest come first, so that the lanes end together. Shaders run without
# bounds checks by default, so each driver runs both ways: with them only the tests that run every kernel (`kernels`), or of
# those the sweep over all shapes (`sweep`, `shapes` with the units beside). But on lavapipe itself the two ways share the combinations of the sweep
# (NEARFIELD_TEST_PART). On SwiftShader the tests without checks are two stages, of which one has all of indexes (`first`, `indexes`), so
# that no kernel of theirs is compiled in both. `host` needs no driver.
bare=subgroup,f16,coop,timestamp,baseline
# lavapipe 26 runs the matrices of f32 that Metal has, but does not list them.
f32=8x8x8:f32:f32
stages="
lavapipe             lavapipe     full
swiftshader-indexes  swiftshader  indexes
swiftshader          swiftshader  first     NEARFIELD_TEST_PART=0/2
metal                -            metal     NEARFIELD_TEST_METAL=strict
swiftshader-checked  swiftshader  shapes    NEARFIELD_TEST_PART=1/2 NEARFIELD_CHECKED=1
metal-fast-math      -            metal     NEARFIELD_TEST_METAL=fast
host                 -            host
lavapipe-checked     lavapipe     kernels   NEARFIELD_CHECKED=1
lavapipe26           lavapipe26   pairwise  NEARFIELD_TEST_PART=0/2 NEARFIELD_FORCE_COOP=$f32
subgroup4            lavapipe     searches  NEARFIELD_TEST_PART=0/2 LP_NATIVE_VECTOR_WIDTH=128
subgroup16           lavapipe     kernels   NEARFIELD_TEST_PART=0/2 LP_NATIVE_VECTOR_WIDTH=512
baseline             lavapipe     pairwise  NEARFIELD_TEST_PART=0/2 NEARFIELD_DISABLE=$bare
lavapipe26-checked   lavapipe26   kernels   NEARFIELD_TEST_PART=1/2 NEARFIELD_FORCE_COOP=$f32 NEARFIELD_CHECKED=1
subgroup4-checked    lavapipe     sweep     NEARFIELD_TEST_PART=1/2 LP_NATIVE_VECTOR_WIDTH=128 NEARFIELD_CHECKED=1
subgroup16-checked   lavapipe     sweep     NEARFIELD_TEST_PART=1/2 LP_NATIVE_VECTOR_WIDTH=512 NEARFIELD_CHECKED=1
baseline-checked     lavapipe     sweep     NEARFIELD_TEST_PART=1/2 NEARFIELD_DISABLE=$bare NEARFIELD_CHECKED=1
dx12                 lavapipe     dxc       NEARFIELD_TEST_DX12=1
"
# Of the tests of indexes, of inverted lists, of clusters and of the program those that a driver can make fail: they run each kernel in
# every form. Histories, files, threads, streams, training and what is refused are the host's work, which is the same on every
# driver and is tested on lavapipe. Drivers that compile or compute slowly have the lists of fewer shapes.
searches="bits:: codes::every edges:: exclude:: filters::every matrix:: rabitq::answers rabitq::rows radii::"
# Searches that are cut by memory, bindings, parts and chunks: the longest of their program.
cuts="limits:: parts:: prepared:: scans:: streamed::"
slow_cuts="limits:: scans:: streamed::every streamed::scanned"
slow_lists="ivf::answers::every ivf::answers::no_answer ivf::answers::a_row ivf::originals::every ivf::pq::every ivf::proof::nothing
  ivf::shapes::lists_around ivf::shapes::queries ivf::shapes::equal ivf::sq::every ivf::sq::all_lists ivf::sq::no_answer
  refine::answers::equal"
# On Metal's code, where each kernel is compiled by clang: every type, metric and code once.
metal_lists="ivf::answers::every ivf::answers::no_answer ivf::originals::every ivf::pq::every ivf::sq::every refine::answers::equal"
lists="$slow_lists ivf::answers:: ivf::filters::filters ivf::originals::ranges ivf::originals::codes ivf::shapes:: ivf::sq::ranges
  ivf::ways::both refine::answers::"
clusters="lloyd:: metrics:: scores::"
program="devices:: range:: search::"
# Elsewhere there is one driver, the system's own.
[ "$(uname -s)" = Linux ] || stages="
host                 -            host
native               -            full
native-checked       -            kernels   NEARFIELD_CHECKED=1
native-baseline      -            pairwise  NEARFIELD_DISABLE=$bare
"
lints="fmt clippy doc msrv"
driver_stages=$(printf '%s' "$stages" | awk 'NF { print $1 }')

if [ "${1:-}" = --list ]; then
  printf '%s\n' $lints "$driver_stages" native
  exit 0
fi
for name in "$@"; do
  printf '%s\n' $lints "$driver_stages" native | grep -qx -e "$name" || { say "no stage $name; see sh tests/run.sh --list"; exit 2; }
done
wanted() { [ -z "$selection" ] || case " $selection " in *" $1 "*) true ;; *) false ;; esac; }
selection=$*

# A test must not depend on what the caller had set for his own runs.
for name in $(env | sed -n 's/^\(NEARFIELD_[A-Z0-9_]*\)=.*/\1/p') LP_NATIVE_VECTOR_WIDTH; do
  case $name in NEARFIELD_DRIVERS | NEARFIELD_STAGE_LIMIT | NEARFIELD_LANES | NEARFIELD_CLANG | NEARFIELD_DXC) ;; *) unset "$name" ;; esac
done
# Where RUST_BACKTRACE is set wgpu takes a backtrace at every lock, which is up to a fifth of the time and read by nobody; panics
# still have theirs.
export RUST_LIB_BACKTRACE=0
# lavapipe prints an error without it, and uses it for nothing here.
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-${TMPDIR:-/tmp}}"

# What cargo keeps to build a part of a crate again takes a tenth of the time of building it, which one who does not build it again does
# not have to wait for.
target=${CARGO_TARGET_DIR:-target}
[ -d "$target/debug/incremental" ] || export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"

mkdir -p "$logs"
# A line of a stage: what passed, failed and was skipped. Stages of several lanes write to it.
results=$logs/results
: >"$results"
failures() { awk '{ sum += $2 } END { print sum + 0 }' "$results"; }

# report STAGE STATUS SECONDS: one line from the stage's log, its skips by reason, how its counts changed, and the end of
# the log when it failed.
report() {
  counts=$(awk '
    /^test result:/ { for (i = 1; i < NF; i++) { if ($(i + 1) ~ /^passed/) p += $i; if ($(i + 1) ~ /^failed/) f += $i; if ($(i + 1) ~ /^ignored/) s += $i } }
    /^ *skipped: / { s += /\([0-9]+\) *$/ ? substr($NF, 2) : 1 }
    END { print p + 0, f + 0, s + 0 }' "$logs/$1.log")
  set -- "$1" "$2" "$3" $counts
  p=$4 f=$5 s=$6
  # A lint prints no counts: it is one check. A test program that crashed or did not build prints none either.
  if [ "$2" -eq 0 ] && [ $((p + f + s)) -eq 0 ]; then
    if grep -q '^test result:' "$logs/$1.log"; then
      echo "skipped: there is no test to run here (1)" >>"$logs/$1.log"
      s=1
    else
      p=1
    fi
  fi
  if [ "$2" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
  echo "$p $f $s" >>"$results"
  printf '%-20s %6d passed %4d failed %6d skipped %6d s, of processors %5d s\n' "$1" "$p" "$f" "$s" "$3" "$(cpu_seconds "$1")"
  awk '/^ *skipped: / { sub(/^ *skipped: /, ""); n = 1
      if (match($0, /\([0-9]+\) *$/)) { n = substr($0, RSTART + 1) + 0; $0 = substr($0, 1, RSTART - 1) }
      sub(/ +$/, ""); sum[$0] += n }
    END { for (reason in sum) printf "    skipped: %s (%d)\n", reason, sum[reason] }' "$logs/$1.log" | sort
  sed -n 's/^counts: /    counts: /p' "$logs/$1.log"
  if [ "$2" -ne 0 ]; then
    [ "$2" -ne 124 ] || echo "    stopped after $limit s"
    # The first failure explains more than the last line.
    sed -n '/^failures:$/,/^test result:/p' "$logs/$1.log" | head -n 200 | sed 's/^/    | /'
    tail -n 40 "$logs/$1.log" | sed 's/^/    | /'
    echo "    log: $logs/$1.log"
  fi
}

# cpu_seconds STAGE: what its processes took, from the second line of `times`, which does not depend on what else runs.
cpu_seconds() {
  awk 'NR == 2 { for (i = 1; i <= NF; i++) { split($i, part, "m"); sum += part[1] * 60 + part[2] } } END { printf "%d", sum }' "$logs/$1.times"
}

# stage NAME COMMAND...
stage() {
  name=$1
  shift
  begin=$(date +%s)
  ("$@" >"$logs/$name.log" 2>&1; status=$?; times >"$logs/$name.times"; exit $status)
  status=$?
  # What failed has other things to tell than that it ran less.
  if [ "$status" -eq 0 ] && grep -q '^test result:' "$logs/$name.log"; then
    sh tests/counts.sh check "$name" "$logs/$name.log" >"$logs/$name.counts" || status=1
    cat "$logs/$name.counts" >>"$logs/$name.log"
  fi
  # In one piece, since another lane may print, too.
  said=$(report "$name" "$status" $(($(date +%s) - begin)))
  printf '%s\n' "$said"
}

skip_stage() {
  echo "skipped: $2 (1)" >"$logs/$1.log"
  : >"$logs/$1.times"
  report "$1" 0 0
}

limited() {
  if have timeout; then timeout -k 10 "$limit" "$@"; else "$@"; fi
}

# test_programs device|host: the test programs that need a device, or those that say of themselves that they do not.
test_programs() {
  for file in tests/*.rs tests/*/main.rs; do
    [ -f "$file" ] || continue
    if grep -q '^//! Runs without a GPU' "$file"; then kind=host; else kind=device; fi
    name=${file#tests/}
    name=${name%/main.rs}
    [ "$kind" != "$1" ] || printf -- '--test %s ' "${name%.rs}"
  done
}

# In a shell of its own: what it exports is of this stage alone.
run_tests() ( # ENV FILE, TEST SET, MORE ENVIRONMENT...
  env_file=$1 set=$2
  shift 2
  more=$*
  # shellcheck disable=SC1090
  [ "$env_file" = - ] || . "$env_file"
  if [ "$set" = full ]; then export NEARFIELD_TEST_SET=full; else export NEARFIELD_TEST_SET=pairwise; fi
  status=0
  # programs SELECTION [WORDS...]: runs test programs, and of those the tests with one of the words in their names.
  programs() {
    selected=$1
    shift
    limited env $more cargo test --locked --all-features --no-fail-fast $selected -- --show-output "$@" || status=$?
  }
  # those that need a device and have no word list
  others=$(test_programs device | sed 's/--test \(cli\|clustering\|index\|package\) //g')
  case $set in
    host) programs "$(test_programs host)" ;;
    metal)
      export NEARFIELD_TEST_METAL_CACHE="$PWD/target/metal"
      # which chooses its own arithmetic, test by test
      [ "$more" != NEARFIELD_TEST_METAL=strict ] || programs "--workspace --test runtime"
      programs "--test exact" bound:: scales:: invariance::
      # with naga's checks and without them, each half of the combinations
      more="$more NEARFIELD_TEST_PART=0/2"
      programs "--test exact" sweep::
      more="$* NEARFIELD_TEST_PART=1/2 NEARFIELD_CHECKED=1"
      programs "--test exact" sweep::
      more=$*
      programs "--test demo"
      # what fast math may break is arithmetic, not where rows lie
      [ "$more" != NEARFIELD_TEST_METAL=strict ] || programs "--test index" $searches scans:: streamed::every $metal_lists
      [ "$more" != NEARFIELD_TEST_METAL=fast ] || programs "--test index" radii:: ivf::answers::every ivf::pq::every ivf::originals::every
      ;;
    full)
      # the product of variants and shapes is in these; of indexes and of the program each type, metric and code is enough
      programs "--lib --bins $others"
      programs "--test index" radii::
      export NEARFIELD_TEST_SET=pairwise
      programs "--test cli --test clustering --test package"
      programs "--test index" --skip radii::
      programs --doc
      ;;
    pairwise)
      programs "--lib $others"
      programs "--test clustering" $clusters
      programs "--test cli" $program
      programs "--test index" $searches $cuts $lists
      ;;
    kernels | searches)
      programs "--lib --test device_functions"
      programs "--test exact" sweep:: bound:: scales::
      # where subgroups are of another size, what the searches of indexes do with them
      [ "$set" = kernels ] || programs "--test index" $searches refine::answers::equal ivf::shapes::
      ;;
    dxc) programs "--test device_functions --test exact --test index" ;;
    first)
      # those of the stages of a search compile what the sweep and the searches of indexes compile again
      programs "--lib" --skip exact::tests:: --skip invlists::tests:: --skip on_device_tests::of_
      programs "$others"
      programs "--test clustering" $clusters
      programs "--test cli" $program
      ;;
    indexes) programs "--test index" $searches $slow_cuts $slow_lists ;;
    sweep) programs "--test exact" sweep:: ;;
    shapes)
      # those of the stages of a search run with checks on lavapipe
      programs "--lib" --skip exact::tests:: --skip invlists::tests::
      programs "--test exact" sweep::
      ;;
  esac
  exit $status
)

# The minimum supported version is checked where rustup has it; tests/architecture.rs holds the dependencies to it anyway.
msrv() {
  version=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  toolchain=$(have rustup && rustup toolchain list 2>/dev/null | sed -n "s/^\(${version}[.-][^ ]*\).*/\1/p" | head -n 1)
  if [ -n "$toolchain" ]; then
    stage msrv cargo "+$toolchain" check --locked --all-features --target-dir target/msrv
  else
    skip_stage msrv "no Rust $version beside $(rustc --version | cut -d ' ' -f 2)"
  fi
}

rust_tool() { # fmt or clippy
  cargo "$1" --version >/dev/null 2>&1 && return 0
  have rustup && rustup component add "$2" >/dev/null 2>&1
}

ensure_cargo && ensure_linker || exit 1
begin_all=$(date +%s)

if wanted fmt; then
  if rust_tool fmt rustfmt; then stage fmt cargo fmt --all --check; else skip_stage fmt "no rustfmt"; fi
fi
if wanted clippy; then
  if rust_tool clippy clippy; then
    stage clippy cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
  else
    skip_stage clippy "no clippy"
  fi
fi
if wanted doc; then RUSTDOCFLAGS="-D warnings" stage doc cargo doc --locked --no-deps --lib --all-features; fi
if wanted msrv; then msrv; fi

needs_drivers=false
for name in $driver_stages; do if wanted "$name"; then needs_drivers=true; fi; done
if $needs_drivers; then
  sh tests/drivers/install.sh "$drivers" || exit 1
  drivers=$(cd "$drivers" 2>/dev/null && pwd)
  # Optional, from tests/drivers/dxc.sh.
  # shellcheck disable=SC1091
  if [ -f "$drivers/dxc.env" ]; then . "$drivers/dxc.env"; fi
  # tests/architecture holds the dependencies of every platform to our compiler, where it finds them downloaded.
  cargo fetch --locked >/dev/null 2>&1 || say "cargo fetch failed: going on with what is downloaded"
  # What does not build fails here, once, and not on every driver.
  before=$(failures)
  stage build cargo test --locked --all-features --workspace --no-run
  [ "$(failures)" -eq "$before" ] || selection=none
fi

# Each lane takes the next stage that no other has taken. Drivers that compile or check on one core leave the other to a
# second lane.
lane() {
  while read -r name file set more; do
    if [ -z "$name" ] || ! wanted "$name" || ! mkdir "$claims/$name" 2>/dev/null; then continue; fi
    if [ "$set" = metal ] && ! clang_installed; then
      skip_stage "$name" "no clang 15 or newer to compile MSL"
      continue
    fi
    env_file=-
    if [ "$file" != - ]; then
      env_file=$drivers/$file.env
      if [ ! -f "$env_file" ]; then
        skip_stage "$name" "driver $file is not installed"
        continue
      fi
    fi
    if [ "$set" = dxc ] && [ -z "${NEARFIELD_DXC:-}" ]; then
      skip_stage "$name" "no DXC (tests/drivers/dxc.sh)"
      continue
    fi
    stage "$name" run_tests "$env_file" "$set" $more </dev/null
  done <<END
$stages
END
}

# The system's own choice of adapter, on request.
if [ -n "$selection" ] && wanted native && [ "$(uname -s)" = Linux ]; then stages="native - full
$stages"; fi
claims=$logs/claims
rm -rf "$claims" && mkdir "$claims" || exit 1
for _ in $(seq "$lanes"); do lane & done
wait

printf 'total time: %d s\n' $(($(date +%s) - begin_all))
awk '{ p += $1; f += $2; s += $3 } END { printf "%d passed, %d failed, %d skipped\n", p, f, s }' "$results"
[ "$(failures)" -eq 0 ]
