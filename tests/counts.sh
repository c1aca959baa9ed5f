#!/bin/sh
# How many cases ran, held against tests/counts.toml, so that a change that makes tests do less is seen.
#
# usage: sh tests/counts.sh check STAGE LOG          what tests/run.sh calls after a stage: fails when a count is lower
#        sh tests/counts.sh update [-r REASON] [STAGE ...]   writes what the last run of the stages counted to the file
#
# Counted are the tests that passed by program, and what tests print as `count: KIND NUMBER`, summed by kind. A count that
# rises is printed and taken over by `update`; one that falls or is gone needs a reason, which stands beside it in the file.
set -u
cd "$(dirname "$0")/.." || exit 1
file=tests/counts.toml
logs=target/test-logs

# counted LOG: its counts as lines "KIND NUMBER".
counted() {
  awk '
    /^ +Running / {
      program = ($2 == "unittests") ? $3 : $2
      sub(/^tests\//, "", program); sub(/\/main\.rs$/, "", program); sub(/\.rs$/, "", program)
      if (program == "src/lib") program = "lib"
      if (program ~ /^src\/bin/) program = "program"
    }
    /^ +Doc-tests / { program = "doc" }
    /^test result:/ { sum["tests." program] += $4 }
    /^count: / && NF == 3 { sum[$2] += $3 }
    END { for (kind in sum) print kind, sum[kind] }' "$1" | LC_ALL=C sort
}

# recorded STAGE: the same of the file, with the reasons.
recorded() {
  awk -v stage="$1" '
    /^\[/ { inside = ($0 == "[" stage "]") }
    inside && /^"/ { split($0, part, "\""); rest = $0; sub(/^"[^"]*" = /, "", rest); print part[2], rest }' "$file"
}

# compare STAGE LOG: lines "fell|rose KIND OLD NEW".
compare() {
  { recorded "$1" | sed 's/^/old /'; counted "$2" | sed 's/^/new /'; } | awk '
    $1 == "old" { old[$2] = $3 + 0 }
    $1 == "new" { new[$2] = $3 + 0 }
    END {
      for (kind in old) if (new[kind] + 0 < old[kind]) print "fell", kind, old[kind], new[kind] + 0
      for (kind in new) if (new[kind] > old[kind] + 0) print "rose", kind, old[kind] + 0, new[kind]
    }' | LC_ALL=C sort
}

check() {
  grep -qx "\[$1\]" "$file" 2>/dev/null || { echo "counts: $file has none of $1 yet (sh tests/counts.sh update $1)"; return 0; }
  changes=$(compare "$1" "$2")
  printf '%s' "$changes" | awk '$1 == "rose" { print "counts: " $2 " rose from " $3 " to " $4 }'
  fell=$(printf '%s' "$changes" | awk '$1 == "fell" { print "counts: " $2 " fell from " $3 " to " $4 }')
  [ -z "$fell" ] && return 0
  printf '%s\n' "$fell"
  echo "counts: fewer cases ran than $file says. If that is meant: sh tests/counts.sh update -r 'REASON' $1"
  return 1
}

# written STAGE LOG REASON: the stage's section. A reason stays as long as its count does.
written() {
  echo "[$1]"
  { recorded "$1" | sed 's/^/old /'; counted "$2" | sed 's/^/new /'; } | awk -v reason="$3" '
    $1 == "old" { kind = $2; old[kind] = $3 + 0; why[kind] = ""; if (match($0, /#.*/)) why[kind] = substr($0, RSTART) }
    $1 == "new" { new[$2] = $3 + 0 }
    END {
      for (kind in new) {
        note = (new[kind] == old[kind]) ? why[kind] : ""
        if ((kind in old) && new[kind] < old[kind]) note = "# " old[kind] " before: " reason
        print "\"" kind "\" = " new[kind] (note == "" ? "" : " " note)
      }
      for (kind in old) if (!(kind in new)) print "\"" kind "\" = 0 # " (old[kind] ? old[kind] " before: " reason : substr(why[kind], 3))
    }' | LC_ALL=C sort
}

update() {
  reason=
  if [ "${1:-}" = -r ]; then reason=${2:-}; shift 2; fi
  [ $# -gt 0 ] || set -- $(sed -n 's/^\[\(.*\)\]$/\1/p' "$file")
  for stage in "$@"; do
    [ -f "$logs/$stage.log" ] || { echo "no log of $stage in $logs: run sh tests/run.sh $stage" >&2; exit 1; }
    if [ -z "$reason" ] && compare "$stage" "$logs/$stage.log" | grep -q '^fell'; then
      compare "$stage" "$logs/$stage.log" | grep '^fell' >&2
      echo "a count of $stage fell: say why with -r REASON" >&2
      exit 1
    fi
  done
  for stage in "$@"; do
    section=$(written "$stage" "$logs/$stage.log" "$reason")
    {
      awk -v stage="$stage" '/^\[/ { inside = ($0 == "[" stage "]") } !inside' "$file"
      printf '%s\n\n' "$section"
    } | cat -s >"$file.new" && mv "$file.new" "$file"
    echo "$stage: $(printf '%s\n' "$section" | grep -c '^"') counts"
  done
}

case ${1:-} in
  check) [ $# -eq 3 ] && check "$2" "$3" ;;
  update) shift && update "$@" ;;
  *) sed -n '4,5s/^# *//p' "$0" >&2; exit 2 ;;
esac
