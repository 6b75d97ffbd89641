#!/usr/bin/env bash
# What brood does, in a minute: run by ./x demo after the build. demo.sh [BUILD_FOLDER [MB_TO_SUM]]
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${1:-build/release}
sum_mb=${2:-120}
limit_mb=300
say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

folder=${TMPDIR:-/tmp}
free_mb=$(df -Pm "$folder" | awk 'NR == 2 {print $4}')
[ "$free_mb" -ge $limit_mb ] || { echo "$folder has $free_mb MB free, and the demo needs up to $limit_mb: please make room, or name another folder in TMPDIR." >&2; exit 1; }
work=$(mktemp -d "$folder/brood-demo.XXXXXX")
echo "The demo takes about a minute and uses at most $limit_mb MB of disk space, in $work, which goes with it."
# The folder goes with this program, whatever ends it: a process outside of its group waits at a pipe until nobody holds the
# other end any more, which the demo's other programs do too.
exec {lifeline}> >(exec setsid sh -c 'cat >/dev/null; rm -rf "$1"' sh "$work")
current=
# However that program ends, and with what code.
clean_up() {
  [ -z "$current" ] || { kill "$current"; wait "$current"; } 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
# run COMMAND...: beside this shell, so that a signal is seen at once.
run() {
  local code=0
  "$@" &
  current=$!
  wait "$current" || code=$?
  current=
  return $code
}

say "SHA-256 of many files: work for the processor, which a pool shares out"
run "$bin/tools/demo_checksums" "$sum_mb" "$work/sums" /usr/lib /usr/share
say "an independent check: sha256sum --check"
run sha256sum --check --quiet "$work/sums"
echo "equal: $(wc -l <"$work/sums") sums"

# What an example shows: the sentences at its head.
about() { sed -n '/^\/\//!q; /^\/\/ \(Order\|Varies\):/q; s|^// ||p' "examples/$1.cpp" | paste -sd ' '; }
for example in 10_two_loops 24_pool 29_crash; do
  say "examples/$example.cpp: $(about $example)"
  run "$bin/examples/$example"
done

# A real directory of this machine, with thousands of files and small enough that all copies together stay below the limit:
# `brood copy --compare` makes one copy to warm up and, in each round, one without a pool and one with each pool of 1, 2, ...
# workers.
rounds=2
workers=$(($(nproc) < 4 ? $(nproc) : 4))
copies=$((1 + rounds * (1 + workers)))
# Somebody else may change these directories meanwhile; then find and du fail, and the next one may do.
# copied_mb FOLDER: what a copy of it takes, in whole blocks.
copied_mb() { { du -smx "$1" 2>/dev/null || echo $limit_mb; } | tail -1 | cut -f1; }
files_in() { { find "$1" -xdev -type f 2>/dev/null || true; } | wc -l; }
source= most=0
for candidate in /usr/include /usr/include/* /usr/share /usr/share/* /usr/lib/python3* /usr/lib/*-linux-gnu/perl* /usr/lib; do
  [ -d "$candidate" ] && [ ! -L "$candidate" ] || continue
  files=$(files_in "$candidate")
  [ "$files" -gt "$most" ] && [ $((($(copied_mb "$candidate") + 1) * copies + 10)) -le $limit_mb ] && source=$candidate most=$files
done
[ -n "$source" ] || { echo "No directory was found of which $copies copies stay below $limit_mb MB." >&2; exit 1; }

say "brood copy --compare $source"
cat <<EOT
To copy a directory is the last exercise of the founding tutorial. It is another kind of work: hardly any of it is computing.
The kernel makes the files, in one directory one after the other, and moves the bytes through memory, which all processors
share. How much a pool helps depends on the file system and the disk; it may help not at all, as it was measured here:

EOT
echo "($most files; $copies copies, below $limit_mb MB together)"
run "$bin/brood" copy --compare --rounds $rounds -P $workers "$source" "$work/copy"
say "an independent check: diff -r --no-dereference"
run diff -r --no-dereference "$source" "$work/copy"
echo "equal: $(find "$work/copy" -type f | wc -l) files"
say "A pool pays where processors compute; where they wait for the same memory, kernel or disk, measure first"
