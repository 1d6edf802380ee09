#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# Runs test programs, a few at a time, each with a deadline; one line a program, the output of those that fail, and a last line
# `N passed, N failed`. Usage: run-tests.sh MODE OUT PROGRAM...; TEST_TIMEOUT (seconds a program), TEST_JOBS.
set -u

run_one() { # program: writes <log>.output and <log>.result ("passed failed skipped status seconds")
    local program=$1 name log started status=0 passed failed skipped
    name=${program#"$OUT"/test/}
    log=$LOGS/${name//\//-}
    started=$EPOCHREALTIME
    local arguments=()
    case $name in
        fuzz/replay_*) arguments=("test/fuzz/corpus/${name#fuzz/replay_}") ;;
    esac
    # Reports of sanitizers go to files, since those of the programs that a test starts would be lost in its pipes.
    ASAN_OPTIONS=$ASAN_OPTIONS:log_path=$log.report TSAN_OPTIONS=$TSAN_OPTIONS:log_path=$log.report \
        timeout -k 5 "$LIMIT" "$program" "${arguments[@]}" >"$log.output" 2>&1 </dev/null || status=$?
    local reports=("$log".report.*)
    if [ -e "${reports[0]}" ]; then
        cat "${reports[@]}" >>"$log.output"
        if [ "$status" -eq 0 ]; then status=66; fi
    fi
    count() { sed -n "s/^\[  *$1 *\] \([0-9][0-9]*\) test.*/\1/p" "$log.output" | awk '{ n += $1 } END { print n + 0 }'; }
    passed=$(count PASSED) failed=$(count FAILED) skipped=$(count SKIPPED)
    # A program that crashed, hung or printed no count has failed once more than it knows.
    if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
    if [ "$status" -eq 0 ] && [ $((passed + skipped)) -eq 0 ]; then failed=1; fi
    local spent=$(((${EPOCHREALTIME/[.,]/} - ${started/[.,]/}) / 1000))
    local verdict=ok
    if [ "$failed" -ne 0 ]; then verdict=FAILED; fi
    if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then verdict="TIMED OUT after $LIMIT s"; fi
    echo "$passed $failed $skipped" >"$log.result"
    # One write, so that lines of parallel programs do not mix.
    if [ "$failed" -eq 0 ]; then
        printf '%-58s %4d passed  %6d ms\n' "$name" "$passed" "$spent"
    else
        printf '%-58s %s (%d passed, %d failed, status %d)\n%s\n' "$name" "$verdict" "$passed" "$failed" "$status" \
            "$(tail -n 200 "$log.output" | sed 's/^/    | /')"
    fi
}

if [ "${1-}" = --one ]; then
    run_one "$2"
    exit 0
fi

MODE=$1 OUT=$2
shift 2
LOGS=$OUT/test-logs
rm -rf "$LOGS"
mkdir -p "$LOGS"
LOGS=$(cd "$LOGS" && pwd)
case $MODE in
    asan | tsan) LIMIT=${TEST_TIMEOUT:-300} ;;
    *) LIMIT=${TEST_TIMEOUT:-120} ;;
esac
export OUT LOGS LIMIT
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1:history_size=4:atexit_sleep_ms=50}
if [ -f test/tsan.supp ]; then TSAN_OPTIONS=$TSAN_OPTIONS:suppressions=$PWD/test/tsan.supp; fi

printf '%s\n' "$@" | xargs -r -P "${TEST_JOBS:-2}" -n 1 "$0" --one

read -r passed failed skipped <<<"$(cat "$LOGS"/*.result 2>/dev/null | awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }')"
# A program without a result file did not even start.
absent=$(($# - $(find "$LOGS" -name '*.result' | wc -l)))
failed=$((failed + absent))
if [ "$skipped" -ne 0 ]; then echo "$skipped skipped"; fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
