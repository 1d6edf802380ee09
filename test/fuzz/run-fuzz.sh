#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# Runs libFuzzer programs one after another. Usage: run-fuzz.sh OUT SECONDS PROGRAM... New inputs go to OUT/corpus, not into the
# repository; an input that crashes is kept as OUT/crash-*.
set -u
out=$1 seconds=$2
shift 2
failed=0
for program in "$@"; do
    codec=$(basename "$program")
    codec=${codec#fuzz_}
    mkdir -p "$out/corpus/$codec"
    printf '%-40s ' "$codec"
    if "$program" -max_total_time="$seconds" -max_len=20000 -timeout=10 -rss_limit_mb=1024 -artifact_prefix="$out/crash-$codec-" \
        "$out/corpus/$codec" "test/fuzz/corpus/$codec" >"$out/$codec.log" 2>&1; then
        sed -n 's/^Done \([0-9]* runs in [0-9]* second.*\)/\1/p' "$out/$codec.log"
    else
        echo FAILED
        tail -n 60 "$out/$codec.log" | sed 's/^/    | /'
        failed=$((failed + 1))
    fi
done
echo "$(($# - failed)) fuzzers clean, $failed failed"
[ "$failed" -eq 0 ]
