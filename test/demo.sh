#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# Shows that messages survive the death of their router. Usage: demo.sh FOLDER (the one that has bin/). Everything
# happens in a temporary folder, which is removed at the end, as are the processes. Exit code 0: every message arrived.
set -u
bin=$(cd "$1/bin" && pwd) || exit 1
text=$(cd "$(dirname "$0")/.." && pwd)/LICENSE
. "$(dirname "$0")/own-router.sh"

echo "1. A router is initialised in $folder ..."
initialise_router
set_key queue_quota 10000 # all lines wait in the queue before the first is received
start_router_on_a_free_port || fail "the router did not start"
echo "   and serves $address"

uri=$("$bin/smq" create --queue "$folder/recipient" "$address") || fail "no queue"
"$bin/smq" join --queue "$folder/sender" "$uri" >/dev/null || fail "no sender"
"$bin/smq" secure --queue "$folder/sender" || fail "the queue could not be secured"
echo "2. A queue is created, and secured: only its sender can send to it now."

lines=$(wc -l <"$text")
echo "3. The $lines lines of $text are sent, each as a message ..."
: >"$folder/sent"
"$bin/smq" send --lines --json --queue "$folder/sender" "$text" >"$folder/sent" 2>"$folder/sender.log" &
helper=$!
while [ "$(wc -l <"$folder/sent")" -lt $((lines / 2)) ] && kill -0 "$helper" 2>/dev/null; do
    sleep 0.002
done
kill -KILL "$router" || fail "the router was gone before it was killed"
wait "$helper"
helper=
accepted=$(grep -c '"sent"' "$folder/sent")
[ "$accepted" -ge $((lines / 2)) ] || {
    cat "$folder/sender.log" >&2
    fail "sending ended too early"
}
echo "4. Midway the router is killed with SIGKILL: it had accepted $accepted messages."

start_router
serves || fail "the router did not start again"
echo "5. The router is started again, on what it had written to the disk; the other $((lines - accepted)) lines are sent."
tail -n +$((accepted + 1)) "$text" >"$folder/rest"
"$bin/smq" send --lines --queue "$folder/sender" "$folder/rest" >/dev/null || fail "the rest could not be sent"

"$bin/smq" receive --lines --queue "$folder/recipient" >"$folder/received" || fail "receiving failed"
echo "6. The recipient receives $(wc -l <"$folder/received") messages."

# The message that was on its way when the router died had no answer. It was sent again; when the router had kept it,
# too, it is there twice.
{ head -n $((accepted + 1)) "$text" && cat "$folder/rest"; } >"$folder/twice"
if cmp -s "$folder/received" "$text"; then
    echo "   They are the $lines lines, in order, byte for byte."
elif cmp -s "$folder/received" "$folder/twice"; then
    echo "   They are the $lines lines, in order, byte for byte; line $((accepted + 1)) came twice: the router had kept it,"
    echo "   but died before it could say so, and so it was sent again."
else
    diff "$folder/received" "$text" | head -n 10 >&2
    fail "what was received is not what was sent"
fi
"$bin/smq" delete --queue "$folder/recipient" || fail "the queue could not be deleted"
echo "Nothing that the router had accepted was lost."
