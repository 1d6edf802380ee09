#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# Every mode of smq-bench against a router of its own. Usage: run-bench.sh FOLDER SECONDS (the folder has bin/);
# CONNECTIONS and IDLE (connections of idle) in the environment.
set -u
bin=$(cd "$1/bin" && pwd) || exit 1
seconds=$2
connections=${CONNECTIONS:-100}
idle=${IDLE:-1000}
status=0
. "$(dirname "$0")/../own-router.sh"

measure() { # smq-bench's arguments
    echo
    echo "smq-bench $*"
    "$bin/smq-bench" "$@" --server "$address" --server-pid "$router" >"$folder/figures" || status=1
    cat "$folder/figures"
}

initialise_router
start_router_on_a_free_port || fail "the router did not start"
measure msg --connections "$connections" --seconds "$seconds"
rate=$(sed -n 's/^ *delivered messages.s *\([0-9]*\).*/\1/p' "$folder/figures")
[ "${rate:-0}" -lt 2 ] || measure msg --connections "$connections" --seconds "$seconds" --rate $((rate / 2))
measure queues --connections "$connections" --queues 100 --state "$folder/queues"
measure subs --connections "$connections" --state "$folder/queues"
measure agent --connections "$connections" --state "$folder/queues"
kill -TERM "$router"
while kill -0 "$router" 2>/dev/null; do sleep 0.05; done
start_router
serves || fail "the router did not start again"
measure idle --connections "$idle" --seconds 2

# The router becomes the relay of another one.
helper=$router
relay=$address
export SMP_SERVER_CFG_PATH=$folder/proxy/etc SMP_SERVER_LOG_PATH=$folder/proxy/var
mkdir "$folder/proxy"
initialise_router
sed -i 's/^\[PROXY\]$/&\nallow_private = on/' "$SMP_SERVER_CFG_PATH/smp-server.ini"
start_router_on_a_free_port || fail "the proxy did not start"
proxy=$address
address=$relay
measure proxy --proxy "$proxy" --connections "$connections" --seconds "$seconds"
exit $status
