#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# A router of its own for a script, in a temporary folder that is removed at the end, as are the processes. Sourced with
# `bin` set to the folder of the programs; gives `folder`, `router` (its process) and `address`.
set -u
folder=$(mktemp -d "/tmp/smq-$(basename "$0" .sh).XXXXXX") || exit 1
export SMP_SERVER_CFG_PATH=$folder/etc SMP_SERVER_LOG_PATH=$folder/var
router=
helper= # another process to be ended
port=0
address=

clean_up() {
    [ -z "$helper" ] || kill -KILL "$helper" 2>/dev/null
    [ -z "$router" ] || kill -KILL "$router" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

fail() {
    echo "$(basename "$0" .sh): $*" >&2
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
        if serves; then
            address="smp://$(cat "$SMP_SERVER_CFG_PATH/fingerprint")@127.0.0.1:$port"
            return 0
        fi
        grep -qi 'in use' "$folder/router.log" || return 1
    done
    return 1
}

initialise_router() {
    "$bin/smp-server" init -y --no-password --ip 127.0.0.1 >"$folder/init.log" 2>&1 || {
        cat "$folder/init.log" >&2
        fail "smp-server init failed"
    }
    set_key bind 127.0.0.1
}
