#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# What is packaged, tried in roots of its own: programs of one file in an empty root, the image's files and script, the
# Debian packages and a build from source in fresh systems. Usage: test-packaging.sh TREE [PART...]; as root, with
# debootstrap and the network for the last two. PACKAGING_BASE: a folder with a minimal Debian 12 (default: made once in
# build/packaging/base). Nothing that runs here is a service; what is left running is ended by its process id.
set -u
tree=$1
shift
parts=("$@")
[ $# -gt 0 ] || parts=(one_file image debian_packages from_source)
work=$(mktemp -d /tmp/smq-packaging.XXXXXX) || exit 1
base=${PACKAGING_BASE:-build/packaging/base}
routers=()
mounted=()

clean_up() {
    local item
    for item in "${routers[@]}"; do kill -KILL "$item" 2>/dev/null; done
    wait 2>/dev/null
    for item in "${mounted[@]}"; do umount "$item"; done
    rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

fail() {
    echo "test-packaging: $*" >&2
    exit 1
}

plain=(env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8)

in_root() { # root command...: with a plain environment
    "${plain[@]}" chroot "$@"
}

start_router() { # root command...: in the background, its log in $work/log
    "${plain[@]}" chroot "$@" >"$work/log" 2>&1 &
    routers+=($!)
    await_serving "$work/log"
}

null_device() { # root
    mkdir -p "$1/dev"
    [ -e "$1/dev/null" ] || { mknod "$1/dev/null" c 1 3 && chmod 666 "$1/dev/null"; } || fail 'cannot make /dev/null'
}

free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        ss -ltn | grep -q ":$port " || break
    done
    echo "$port"
}

set_port() { # ini port
    sed -i "s/^port = .*/port = $2/" "$1"
}

# Waits until the router that was just started serves.
await_serving() { # log
    local deadline=$((SECONDS + 30))
    until grep -qs '^Serving' "$1"; do
        kill -0 "${routers[-1]}" 2>/dev/null || fail "the router ended: $(cat "$1")"
        [ $SECONDS -lt $deadline ] || fail "the router does not serve: $(cat "$1")"
        sleep 0.05
    done
}

stop_router() {
    kill -TERM "${routers[-1]}"
    wait "${routers[-1]}"
    local status=$?
    unset 'routers[-1]'
    [ $status -eq 0 ] || fail "the router ended with $status"
}

# A message through the router at `address`, by the smq in `root`.
pass_message() { # root address
    local root=$1 address=$2 uri
    in_root "$root" smq ping "$address" >/dev/null || fail 'no answer to a ping'
    uri=$(in_root "$root" smq create --queue /tmp/in "$address") || fail 'no queue'
    in_root "$root" smq join --queue /tmp/out "$uri" >/dev/null || fail 'no sender'
    in_root "$root" smq secure --queue /tmp/out || fail 'not secured'
    echo hello | in_root "$root" smq send --queue /tmp/out >/dev/null || fail 'not sent'
    [ "$(in_root "$root" smq receive --queue /tmp/in)" = hello ] || fail 'not received'
    in_root "$root" smq delete --queue /tmp/in >/dev/null || fail 'not deleted'
    rm -f "$root/tmp/out"
}

# ---- programs of one file

one_file() {
    local root=$work/empty port program
    mkdir -p "$root/bin" "$root/tmp"
    null_device "$root"
    for program in smp-server xftp-server xftp smq smq-bench; do
        ! readelf -d "$tree/static/$program" | grep NEEDED || fail "$program needs a library"
        ! readelf -l "$tree/static/$program" | grep INTERP || fail "$program needs a loader"
        cp "$tree/static/$program" "$root/bin/"
    done
    in_root "$root" /bin/smp-server init -y --no-password --ip 127.0.0.1 >/dev/null || fail 'init in an empty root'
    port=$(free_port)
    set_port "$root/etc/opt/simplex/smp-server.ini" "$port"
    start_router "$root" /bin/smp-server start
    pass_message "$root" "smp://$(cat "$root/etc/opt/simplex/fingerprint")@127.0.0.1:$port"
    # Names are looked up as the root says, without anything of glibc being there.
    mkdir -p "$root/etc"
    echo '127.0.0.1 router.test' >"$root/etc/hosts"
    in_root "$root" smq ping "smp://$(cat "$root/etc/opt/simplex/fingerprint")@router.test:$port" >/dev/null ||
        fail 'a name in /etc/hosts is not found'
    in_root "$root" smq-bench msg --server "smp://$(cat "$root/etc/opt/simplex/fingerprint")@127.0.0.1:$port" --seconds 1 \
        --warm-up 1 --connections 2 >/dev/null || fail 'smq-bench'
    stop_router
    sed -i 's/^websockets *[=:].*/websockets = on/' "$root/etc/opt/simplex/smp-server.ini"
    ! in_root "$root" /bin/smp-server start >"$work/log" 2>&1 || fail 'starts with a port for WebSockets'
    grep -q 'has no WebSockets' "$work/log" || fail 'does not say that there are no WebSockets'
}

# ---- the image

start_image() { # root variables...
    local root=$1
    shift
    env -i PATH=/usr/local/bin:/bin "$@" "$(command -v chroot)" "$root" /usr/local/bin/entrypoint >"$work/log" 2>&1 &
    routers+=($!)
}

image() {
    local root=$work/image applet port
    contrib/docker/make-root.sh "$tree/static" "$root" || fail 'make-root.sh'
    null_device "$root"
    mkdir -p "$root/bin"
    cp "$(command -v busybox)" "$root/bin/busybox" || fail 'busybox-static is not installed'
    for applet in sh awk sed id find chown su cat head grep mkdir; do ln -s busybox "$root/bin/$applet"; done

    # New folders that are root's, as Docker makes them for a bind mount.
    start_image "$root" ADDR=smp.example.org PASS=123123 WEB_MANUAL=1
    await_serving "$work/log"
    [ "$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "/proc/${routers[-1]}/status")" = 5223 ] || fail 'the router runs as another user'
    [ "$(stat -c %U%u "$root/etc/opt/simplex/smp-server.ini" | tr -dc 0-9)" = 5223 ] || fail 'settings are not the router user'\''s'
    in_root "$root" /usr/local/bin/healthcheck >/dev/null || fail 'not healthy'
    stop_router
    ! in_root "$root" /usr/local/bin/healthcheck >/dev/null 2>&1 || fail 'healthy without a router'

    # The second start takes what is there; the port may have changed.
    port=$(free_port)
    set_port "$root/etc/opt/simplex/smp-server.ini" "$port"
    start_image "$root"
    await_serving "$work/log"
    in_root "$root" /usr/local/bin/healthcheck >/dev/null || fail 'not healthy on another port'
    stop_router
    env -i PATH=/usr/local/bin:/bin "$(command -v chroot)" "$root" /usr/local/bin/entrypoint smp-server store stats | grep -q '^queues ' ||
        fail 'a command instead of the router'

    # A folder of somebody else stays so, and that is said.
    chown -R 7777:7777 "$root/etc/opt/simplex"
    chmod 700 "$root/etc/opt/simplex"
    start_image "$root" ADDR=smp.example.org
    wait "${routers[-1]}" && fail 'it starts in a folder of somebody else'
    unset 'routers[-1]'
    grep -q 'entrypoint: /etc/opt/simplex cannot be written to by user 5223' "$work/log" || fail "$(cat "$work/log")"
    [ "$(stat -c %u "$root/etc/opt/simplex")" = 7777 ] || fail 'it takes a folder of somebody else'
}

# ---- fresh systems

fresh_system() { # root
    [ -d "$base/usr" ] || {
        mkdir -p "$(dirname "$base")"
        debootstrap --variant=minbase bookworm "$base" http://deb.debian.org/debian >"$work/debootstrap.log" 2>&1 ||
            fail "debootstrap: $(tail -n 5 "$work/debootstrap.log")"
    }
    cp -a --reflink=auto "$base" "$1" || fail 'cannot copy the system'
    cp /etc/resolv.conf /etc/hosts "$1/etc/"
    rm -f "$1/dev/null"
    null_device "$1"
    mount -t proc proc "$1/proc" && mounted+=("$1/proc")
    in_root "$1" apt-get update -q >"$work/apt.log" 2>&1 || fail "$(tail -n 5 "$work/apt.log")"
}

smp_user=(setpriv --reuid smp --regid smp --clear-groups)

as_smp() { # root command...
    local root=$1
    shift
    in_root "$root" "${smp_user[@]}" "$@"
}

# As README.md and docs/operators.md tell it: the user smp initialises, the router serves.
first_hour() { # root
    local root=$1 port fingerprint
    as_smp "$root" smp-server init -y --no-password -n localhost >/dev/null || fail 'init by the user smp'
    fingerprint=$(cat "$root/etc/opt/simplex/fingerprint")
    port=$(free_port)
    set_port "$root/etc/opt/simplex/smp-server.ini" "$port"
    start_router "$root" "${smp_user[@]}" smp-server start
    pass_message "$root" "smp://$fingerprint@127.0.0.1:$port"
    as_smp "$root" smp-server store backup /var/opt/simplex/backup-1 >"$work/out" 2>&1 || fail "backup: $(cat "$work/out")"
    as_smp "$root" smp-server store check /var/opt/simplex/backup-1 >"$work/out" 2>&1 || fail "check: $(cat "$work/out")"
    in_root "$root" smp-server cert >"$work/out" 2>&1 || fail "cert by root: $(cat "$work/out")"
    kill -HUP "${routers[-1]}"
    until grep -q 'reload: certificates' "$work/log"; do sleep 0.05; done
    pass_message "$root" "smp://$fingerprint@127.0.0.1:$port"
    stop_router
    as_smp "$root" smp-server store compact >"$work/out" 2>&1 || fail "compact: $(cat "$work/out")"
    as_smp "$root" smp-server store restore /var/opt/simplex/backup-1 >"$work/out" 2>&1 || fail "restore: $(cat "$work/out")"
    as_smp "$root" smp-server start --maintenance >"$work/out" 2>&1 || fail "start after restore: $(cat "$work/out")"
}

# The unit of the folder, and what it waits for.
look_at_unit() { # root unit
    [ -e "$1$2" ] || fail "$2 is not there"
    grep -qx 'ConditionPathExists=/etc/opt/simplex/smp-server.ini' "$1$2" || fail 'the unit does not wait for init'
    [ "$(in_root "$1" stat -c '%U %a' /etc/opt/simplex /var/opt/simplex | sort -u)" = 'smp 750' ] || fail 'folders are not the user smp'\''s'
}

debian_packages() {
    local root=$work/debian packages
    [ -n "$(ls build/deb/*.deb 2>/dev/null)" ] || fail 'run make deb before'
    fresh_system "$root"
    mkdir "$root/packages"
    cp build/deb/*.deb "$root/packages/"
    rm -f "$root"/packages/*dbgsym*
    in_root "$root" sh -c 'apt-get install -q -y --no-install-recommends systemd-standalone-sysusers systemd-standalone-tmpfiles man-db \
        >/dev/null 2>&1 || true; apt-get install -q -y --no-install-recommends /packages/*.deb gcc libc6-dev pkg-config' \
        >"$work/apt.log" 2>&1 || fail "install: $(tail -n 20 "$work/apt.log")"
    look_at_unit "$root" /lib/systemd/system/smp-server.service
    first_hour "$root"
    in_root "$root" man -w smp-server smp-server.ini smq_send >"$work/out" 2>&1 || fail "manual pages: $(cat "$work/out")"
    # shellcheck disable=SC2016
    in_root "$root" sh -c 'cp -r /usr/share/doc/simplexmq-c/examples /tmp/ && cd /tmp/examples && for example in *.c; do
        cc -o "${example%.c}" "$example" $(pkg-config --cflags --libs smq) || exit 1; done' >"$work/out" 2>&1 ||
        fail "an example does not build: $(cat "$work/out")"
    # Removed: the programs go, settings and store stay. Purged: they stay, too.
    packages=$(cd "$root/packages" && printf '%s\n' *.deb | sed 's/_.*//')
    # shellcheck disable=SC2086
    in_root "$root" apt-get remove -q -y $packages >"$work/apt.log" 2>&1 || fail "remove: $(tail "$work/apt.log")"
    [ ! -e "$root/usr/bin/smp-server" ] || fail 'the program stays'
    in_root "$root" dpkg --purge simplexmq-c >"$work/apt.log" 2>&1 || fail "purge: $(tail "$work/apt.log")"
    grep -q 'stays: it holds keys' "$work/apt.log" || fail 'purge does not tell what stays'
    ls "$root/etc/opt/simplex/ca.key" "$root/var/opt/simplex/store/data.mdb" >/dev/null || fail 'purge takes keys or messages'
    [ ! -d "$root/usr/share/doc/simplexmq-c" ] || fail 'documents stay'
    in_root "$root" sh -c 'apt-get install -q -y --no-install-recommends /packages/simplexmq-c_*.deb' >"$work/apt.log" 2>&1 ||
        fail "install again: $(tail "$work/apt.log")"
    as_smp "$root" smp-server start --maintenance >"$work/out" 2>&1 || fail "start of what was there: $(cat "$work/out")"
}

from_source() {
    local root=$work/source
    fresh_system "$root"
    mkdir "$root/src"
    tar --exclude=./build --exclude=./.git -cf - . | tar -C "$root/src" -xf -
    in_root "$root" apt-get install -q -y --no-install-recommends make systemd-standalone-sysusers systemd-standalone-tmpfiles \
        >"$work/apt.log" 2>&1 || fail "$(tail "$work/apt.log")"
    find "$root/usr/local" ! -type d | sort >"$work/before"
    in_root "$root" sh -c 'cd /src && make deps && make && make install' >"$work/make.log" 2>&1 ||
        fail "make deps && make && make install: $(tail -n 20 "$work/make.log")"
    look_at_unit "$root" /usr/local/lib/systemd/system/smp-server.service
    in_root "$root" sh -c 'ldconfig -p | grep -q /usr/local/lib/libsmq.so' || fail 'ldconfig does not know the library'
    first_hour "$root"
    in_root "$root" sh -c 'cd /src && make demo' >"$work/make.log" 2>&1 || fail "make demo: $(tail "$work/make.log")"
    in_root "$root" sh -c 'cd /src && make uninstall' >"$work/make.log" 2>&1 || fail "make uninstall: $(tail "$work/make.log")"
    find "$root/usr/local" ! -type d | sort | diff "$work/before" - >"$work/out" || fail "make uninstall leaves: $(cat "$work/out")"
}

[ "$(id -u)" -eq 0 ] || fail 'needs root, for chroot'
passed=0
for part in "${parts[@]}"; do
    started=$SECONDS
    "$part"
    passed=$((passed + 1))
    echo "packaging/$part passed, $((SECONDS - started)) s"
done
echo "$passed passed, 0 failed"
