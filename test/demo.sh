#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# Shows that messages survive the death of their router. Usage: demo.sh FOLDER (the one that has bin/). Everything
# happens in a temporary folder, which is removed at the end, as are the processes. Exit code 0: every message arrived.
set -u
bin=$(cd "$1/bin" && pwd) || exit 1
text=$(cd "$(dirname "$0")/.." && pwd)/LICENSE
folder=$(mktemp -d /tmp/smq-demo.XXXXXX) || exit 1
export SMP_SERVER_CFG_PATH=$folder/etc SMP_SERVER_LOG_PATH=$folder/var
router=
sender=
port=0

clean_up() {
    [ -z "$sender" ] || kill -KILL "$sender" 2>/dev/null
    [ -z "$router" ] || kill -KILL "$router" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

fail() {
    echo "demo: $*" >&2
    [ ! -s "$folder/router.log" ] || tail -n 5 "$folder/router.log" >&2
    exit 1
}

set_key() { # key value: in smp-server.ini, whether or not the key is there as a comment
    sed -i -E "s|^(# )?$1 *=.*|$1 = $2|" "$SMP_SERVER_CFG_PATH/smp-server.ini"
}

# Whether the router that was just started serves; false when it ended or ten seconds have passed.
serves() {
    local deadline=$((SECONDS + 10))
    while [ $SECONDS -lt $deadline ]; do
        grep -q '^Serving' "$folder/router.log" && return 0
        kill -0 "$router" 2>/dev/null || return 1
        sleep 0.02
    done
    return 1
}

start_router() {
    : >"$folder/router.log"
    "$bin/smp-server" start >>"$folder/router.log" 2>&1 &
    router=$!
    disown "$router" # its end by SIGKILL is no news to the shell
}

start_router_on_a_free_port() {
    local try
    for try in 1 2 3 4 5 6 7 8 9 10; do
        port=$((20000 + RANDOM % 12000))
        set_key port "$port"
        start_router
        serves && return 0
        grep -qi 'in use' "$folder/router.log" || return 1
    done
    return 1
}

echo "1. A router is initialised in $folder ..."
"$bin/smp-server" init -y --no-password --ip 127.0.0.1 >"$folder/init.log" 2>&1 || {
    cat "$folder/init.log" >&2
    fail "smp-server init failed"
}
set_key bind 127.0.0.1
set_key queue_quota 10000 # all lines wait in the queue before the first is received
start_router_on_a_free_port || fail "the router did not start"
address="smp://$(cat "$SMP_SERVER_CFG_PATH/fingerprint")@127.0.0.1:$port"
echo "   and serves $address"

uri=$("$bin/smq" create --queue "$folder/recipient" "$address") || fail "no queue"
"$bin/smq" join --queue "$folder/sender" "$uri" >/dev/null || fail "no sender"
"$bin/smq" secure --queue "$folder/sender" || fail "the queue could not be secured"
echo "2. A queue is created, and secured: only its sender can send to it now."

lines=$(wc -l <"$text")
echo "3. The $lines lines of $text are sent, each as a message ..."
: >"$folder/sent"
"$bin/smq" send --lines --json --queue "$folder/sender" "$text" >"$folder/sent" 2>"$folder/sender.log" &
sender=$!
while [ "$(wc -l <"$folder/sent")" -lt $((lines / 2)) ] && kill -0 "$sender" 2>/dev/null; do
    sleep 0.002
done
kill -KILL "$router" || fail "the router was gone before it was killed"
wait "$sender"
sender=
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
