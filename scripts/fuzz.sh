#!/usr/bin/env bash
# fuzz.sh TARGET SECONDS: runs a fuzz target that is built. Its findings stay in build/fuzz/found; inputs that are worth
# keeping go into tests/fuzz/corpus.
set -euo pipefail
cd "$(dirname "$0")/.."
found=build/fuzz/found
mkdir -p "$found/$1"
exec "build/fuzz/tests/fuzz/fuzz_$1" -max_total_time="$2" -timeout=20 -rss_limit_mb=2000 -malloc_limit_mb=1000 \
  -max_len=4096 -artifact_prefix="$found/$1-" "$found/$1" "tests/fuzz/corpus/$1"
