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

# A real directory of this machine with thousands of files: the first of these that has them.
source=
for candidate in /usr/include /usr/share/doc /usr/lib/python3 /usr/share /usr; do
  [ -d "$candidate" ] && [ "$(find "$candidate" -xdev -type f 2>/dev/null | head -n 2000 | wc -l)" -ge 2000 ] && source=$candidate && break
done
[ -n "$source" ] || { echo "No directory with 2,000 files was found to copy." >&2; exit 1; }
# A copy for us alone: what we may not read is left out here, so that both sides can be compared.
work=$(mktemp -d "${TMPDIR:-/tmp}/brood-demo.XXXXXX")
trap 'rm -rf "$work"' EXIT
say "brood copy --compare $source"
"$bin/brood" copy --compare --rounds 2 "$source" "$work/copy"
say "an independent check: diff -r --no-dereference"
diff -r --no-dereference "$source" "$work/copy" && echo "equal: $(find "$work/copy" -type f | wc -l) files"
