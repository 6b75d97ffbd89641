#!/usr/bin/env bash
# What brood does, in a minute: run by ./x demo after the build.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=build/release
say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

# What an example shows: the sentences at its head.
about() { sed -n '/^\/\//!q; /^\/\/ \(Order\|Varies\):/q; s|^// ||p' "examples/$1.cpp" | paste -sd ' '; }
for example in 10_two_loops 24_pool 29_crash; do
  say "examples/$example.cpp: $(about $example)"
  "$bin/examples/$example"
done

# A real directory of this machine, with thousands of files and small enough that all copies together stay below the limit:
# `brood copy --compare` makes one copy to warm up and, in each round, one without a pool and one with each pool of 1, 2, ...
# workers.
limit_mb=300
rounds=2
workers=$(($(nproc) < 4 ? $(nproc) : 4))
copies=$((1 + rounds * (1 + workers)))
# copied_mb FOLDER: what a copy of it takes, in whole blocks.
copied_mb() { du -smx "$1" 2>/dev/null | cut -f1; }
source= most=0
for candidate in /usr/include /usr/include/* /usr/share /usr/share/* /usr/lib/python3* /usr/lib/*-linux-gnu/perl* /usr/lib; do
  [ -d "$candidate" ] && [ ! -L "$candidate" ] || continue
  files=$(find "$candidate" -xdev -type f 2>/dev/null | wc -l)
  [ "$files" -gt "$most" ] && [ $(($(copied_mb "$candidate") * copies)) -le $limit_mb ] && source=$candidate most=$files
done
[ -n "$source" ] || { echo "No directory was found of which $copies copies stay below $limit_mb MB." >&2; exit 1; }
folder=${TMPDIR:-/tmp}
free_mb=$(df -Pm "$folder" | awk 'NR == 2 {print $4}')
[ "$free_mb" -ge $limit_mb ] || { echo "$folder has $free_mb MB free, and the demo needs up to $limit_mb: please make room, or name another folder in TMPDIR." >&2; exit 1; }

work=$(mktemp -d "$folder/brood-demo.XXXXXX")
# The folder goes with this program, whatever ends it: a process outside of its group waits at a pipe until nobody holds the
# other end any more, which the copier does too.
exec {lifeline}> >(exec setsid sh -c 'cat >/dev/null; rm -rf "$1"' sh "$work")
copier=
trap '[ -z "$copier" ] || { kill "$copier" && wait "$copier"; } 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
say "brood copy --compare $source"
echo "($most files; up to $limit_mb MB in $work, which goes with the demo)"
"$bin/brood" copy --compare --rounds $rounds -P $workers "$source" "$work/copy" &  # so that a signal is seen at once
copier=$!
wait "$copier"
copier=
say "an independent check: diff -r --no-dereference"
diff -r --no-dereference "$source" "$work/copy" && echo "equal: $(find "$work/copy" -type f | wc -l) files"
