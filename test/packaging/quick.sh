#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# Parts of the packaging that are tried without chroot and without root. Usage: quick.sh TREE PART; exit code 0: as it
# should be, 77: a tool of the machine is missing, else it says what is wrong. test_packaging.c runs each.
set -u
tree=$1 part=$2
folder=$(mktemp -d /tmp/smq-packaging.XXXXXX) || exit 1
trap 'rm -rf "$folder"' EXIT
# shellcheck disable=SC1091
. "$tree/installed.env"

fail() {
    echo "$part: $*" >&2
    exit 1
}

need() { # program
    command -v "$1" >/dev/null || exit 77
}

install_script() { # action
    PREFIX=/usr LIBDIR=/usr/lib DESTDIR=$folder/root contrib/install.sh "$1" "$tree"
}

# ---- install and uninstall

linked_by_strangers() {
    local flags
    command -v pkg-config >/dev/null || return 0
    printf '#include <smq/client.h>\n#include <stdio.h>\nint main(void) { puts(smq_result_text(SMQ_OK)); return 0; }\n' \
        >"$folder/stranger.c"
    flags=$(PKG_CONFIG_PATH=$folder/root/usr/lib/pkgconfig \
        pkg-config --define-variable=prefix="$folder/root/usr" --cflags --libs smq)
    case $tree in # a library with a sanitizer wants a program with the same
    *asan) flags="$flags -fsanitize=address,undefined" ;;
    *tsan) flags="$flags -fsanitize=thread" ;;
    esac
    # shellcheck disable=SC2086
    cc -o "$folder/stranger" "$folder/stranger.c" $flags || fail "does not link with $flags"
    LD_LIBRARY_PATH=$folder/root/usr/lib "$folder/stranger" >/dev/null || fail 'the linked program does not run'
}

installed_and_removed() {
    install_script install || fail 'install failed'
    install_script list >"$folder/list"
    awk -v root="$folder/root" '$1 ~ /^[0-9]/ { print $2, root $3, $1 }' "$folder/list" >"$folder/files"
    cut -d ' ' -f 2 "$folder/files" | xargs stat -c '%a %n' >"$folder/modes" || fail 'a file is not there'
    awk '{ print $3, $2 }' "$folder/files" | cmp -s - "$folder/modes" || fail 'a file has not its mode'
    cut -d ' ' -f 1 "$folder/files" | xargs md5sum | cut -d ' ' -f 1 >"$folder/sources"
    cut -d ' ' -f 2 "$folder/files" | xargs md5sum | cut -d ' ' -f 1 | cmp -s - "$folder/sources" || fail 'a file is another'
    local target
    while read -r target; do
        if [ ! -L "$target" ] || [ ! -e "$target" ]; then fail "$target leads nowhere"; fi
    done < <(awk -v root="$folder/root" '$1 !~ /^[0-9]/ { print root $3 }' "$folder/list")
    [ "$(find "$folder/root" ! -type d | wc -l)" -eq "$(wc -l <"$folder/list")" ] || fail 'more is installed than the list says'
    [ "$(wc -l <"$folder/modes")" -gt 50 ] || fail 'hardly anything is installed'
    "$folder/root/usr/bin/smp-server" --version >"$folder/version" || fail 'the installed smp-server does not run'
    grep -q "v$VERSION" "$folder/version" || fail "not version $VERSION: $(cat "$folder/version")"
    linked_by_strangers

    # What others have put beside stays, and is told of.
    echo mine | tee "$folder/root/usr/bin/other" >"$folder/root/usr/share/doc/simplexmq-c/notes"
    install_script uninstall >"$folder/said" || fail 'uninstall failed'
    grep -q 'simplexmq-c stays' "$folder/said" || fail 'uninstall does not tell of the folder that stays'
    [ "$(find "$folder/root" ! -type d | sort | sed "s|$folder/root||" | tr '\n' ' ')" = \
        '/usr/bin/other /usr/share/doc/simplexmq-c/notes ' ] || fail "left: $(find "$folder/root" ! -type d)"
    [ ! -d "$folder/root/usr/include/smq" ] || fail 'usr/include/smq stays'
    install_script uninstall >/dev/null || fail 'a second uninstall fails'
}

# Each file that is installed is in exactly one Debian package, and none of their patterns is in vain.
packaged() {
    local target pattern count
    PREFIX=/usr LIBDIR=/usr/lib/some contrib/install.sh list "$tree" | sed 's/.* //; s|^/usr/lib/systemd|/lib/systemd|' >"$folder/targets"
    echo /usr/share/doc/simplexmq-c/ARCHITECTURE.md >>"$folder/targets"
    cat contrib/debian/*.install >"$folder/patterns"
    while read -r target; do
        count=0
        while read -r pattern; do
            # shellcheck disable=SC2254 # a pattern it is
            case $target in /$pattern) count=$((count + 1)) && echo "$pattern" >>"$folder/used" ;; esac
        done <"$folder/patterns"
        [ "$count" -eq 1 ] || fail "$target is in $count packages"
    done <"$folder/targets"
    [ -z "$(sort -u "$folder/used" | comm -3 - <(sort -u "$folder/patterns"))" ] || fail "in vain: $(sort -u "$folder/used" | comm -3 - <(sort -u "$folder/patterns"))"
}

# ---- manual pages

commands_of() { # program
    "$tree/bin/$1" --complete '' | grep -v '^:'
}

options_in_pages() {
    local program command page missing=
    for program in $PROGRAMS; do
        page=$(ls "$tree/man/$program".[18]) || fail "$program has no manual page"
        sed 's/\\-/-/g; s/\\f[BIRP]/ /g' "$page" | grep -oE -- '[a-z0-9-]+' | sort -u >"$folder/words"
        for command in $(commands_of "$program"); do
            echo "$command"
            "$tree/bin/$program" --complete "$command" -- | grep -vx -- --help
        done | sort -u >"$folder/needed"
        [ -s "$folder/needed" ] || fail "$program tells no commands"
        missing="$missing $(comm -13 "$folder/words" "$folder/needed" | sed "s/^/$program:/" | tr '\n' ' ')"
    done
    [ -z "${missing// /}" ] || fail "not in the manual page:$missing"
}

settings_in_page() {
    local key missing=
    SMP_SERVER_CFG_PATH=$folder/etc SMP_SERVER_LOG_PATH=$folder/var "$tree/bin/smp-server" init -y --ip 127.0.0.1 >/dev/null ||
        fail 'init failed'
    sed 's/\\-/-/g' "$tree/man/smp-server.ini.5" >"$folder/page"
    sed -nE 's/^(# ?)?([a-z][a-z_]*) *= .*/\2/p' "$folder/etc/smp-server.ini" | sort -u >"$folder/keys"
    [ "$(wc -l <"$folder/keys")" -gt 40 ] || fail 'init wrote hardly any keys'
    while read -r key; do
        grep -qE "(^|[^a-z_])(\\\\fB)?$key([^a-z_]|$)" "$folder/page" || missing="$missing $key"
    done <"$folder/keys"
    [ -z "$missing" ] || fail "not in smp-server.ini(5):$missing"
}

functions_in_pages() {
    local name missing=
    # shellcheck disable=SC2086
    for name in $(grep -ohE '\bsmq_[a-z0-9_]+\(' $HEADERS | tr -d '(' | sort -u); do
        [ -e "$tree/man/$name.3" ] || missing="$missing $name"
    done
    [ -z "$missing" ] || fail "without a page of section 3:$missing"
    grep -q 'gives up the handle' "$tree/man/smq_client_close.3" || fail "a header's text is not in its page"
}

clean_pages() {
    need mandoc
    find "$tree/man" -type f -exec mandoc -T lint -W warning {} + >"$folder/lint" 2>&1
    [ ! -s "$folder/lint" ] || fail "$(head "$folder/lint")"
}

# ---- units

sandboxed_units() {
    need systemd-analyze
    local name exposure
    # All three, since xftp-server and ntf-server are made of the same template.
    contrib/systemd/make-units.sh /usr "$folder/units" smp-server xftp-server ntf-server || fail 'no units'
    for name in smp-server xftp-server ntf-server; do
        ! grep -h '@' "$folder/units/$name".* | grep -v 'SystemCallFilter=' || fail "$name: a variable is left"
        exposure=$(systemd-analyze security --offline=true "$folder/units/$name.service" |
            sed -n 's/.*exposure level for .*: \([0-9.]*\) .*/\1/p')
        awk -v exposure="$exposure" 'BEGIN { exit !(exposure != "" && exposure < 3) }' ||
            fail "$name: systemd-analyze security says '$exposure', not below 3"
    done
    mkdir -p "$folder/unit"
    sed "s|ExecStart=/usr/bin/smp-server|ExecStart=$PWD/$tree/bin/smp-server|" "$folder/units/smp-server.service" \
        >"$folder/unit/smp-server.service"
    systemd-analyze verify --man=no "$folder/unit/smp-server.service" >"$folder/verify" 2>&1
    ! grep 'smp-server.service' "$folder/verify" || fail 'systemd-analyze verify complains'
    grep -qx 'd /etc/opt/simplex-xftp 0750 xftp xftp -' "$folder/units/xftp-server.tmpfiles" || fail 'no folder of xftp'
    ! contrib/systemd/make-units.sh /usr "$folder/units" other-server 2>/dev/null || fail 'a router without a row has a unit'
}

# ---- completion

complete_line() { # words...: what bash offers for the last of them
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMPREPLY=()
    _simplexmq_c "$tree/bin/$1"
    printf '%s ' "${COMPREPLY[@]}"
}

completed_in_bash() {
    # shellcheck disable=SC1090,SC1091
    . "$tree/completion/smp-server"
    complete -p smp-server | grep -q _simplexmq_c || fail 'not registered'
    case $(complete_line smp-server st) in *'start '*'store '*) ;; *) fail 'commands' ;; esac
    [ "$(complete_line smp-server start --log-level w)" = 'warn ' ] || fail 'choices'
    [ "$(complete_line smp-server start --log-level = e)" = 'error ' ] || fail 'choices after ='
    [ "$(complete_line smp-server init --no-p)" = '--no-password ' ] || fail 'options'
    [ "$(complete_line smp-server store bac)" = 'backup ' ] || fail 'actions'
    touch "$folder/a file"
    [ "$(complete_line smp-server store backup "$folder/a")" = "$folder/a file " ] || fail 'names of files'
    [ "$(complete_line smp-server nothing x)" = ' ' ] || fail 'something out of nothing'
}

# ---- the image's script

entrypoint_of_the_image() {
    # The part after its user is chosen: as root there would have to be the user smp.
    # shellcheck disable=SC2016
    sed 's/\[ "$(id -u)" -eq 0 \]/false/; s|^exec smp-server start|exit 0|' contrib/docker/entrypoint >"$folder/entrypoint"
    PATH=$PWD/$tree/bin:$PATH
    try() { # variables...: in new folders
        rm -rf "${folder:?}/etc" "${folder:?}/var"
        mkdir "$folder/etc" "$folder/var"
        env SMP_SERVER_CFG_PATH="$folder/etc" SMP_SERVER_LOG_PATH="$folder/var" "$@" sh "$folder/entrypoint" \
            >"$folder/said" 2>&1
    }
    has() { grep -qx -- "$1" "$folder/etc/smp-server.ini" || fail "smp-server.ini lacks $1"; }
    lacks() { ! grep -qE -- "$1" "$folder/etc/smp-server.ini" || fail "smp-server.ini has $1"; }
    local address
    # shellcheck disable=SC2016
    for address in '' router 'a b.example' '$(id).example' '--help.example/'; do
        ! try ADDR="$address" || fail "ADDR='$address' is taken"
        grep -q '^entrypoint: ADDR' "$folder/said" || fail "ADDR='$address': $(cat "$folder/said")"
    done
    try ADDR=smp.example.org PASS=123123 WEB_MANUAL=1 || fail "$(cat "$folder/said")"
    has 'create_password = 123123'
    has 'port = 5223'
    has 'own_server_domains = example.org'
    lacks '^(https|cert|key) *='
    try ADDR=smp.example.org || fail "$(cat "$folder/said")"
    has 'cert = /certificates/smp.example.org.crt'
    has 'key = /certificates/smp.example.org.key'
    lacks '^create_password'
    for address in 192.0.2.1 2001:db8::1; do
        try ADDR="$address" || fail "ADDR=$address: $(cat "$folder/said")"
        grep -q "$address" "$folder/etc/smp-server.ini" || fail "smp-server.ini does not know $address"
    done
    local before
    before=$(cat "$folder/etc/smp-server.ini")
    env SMP_SERVER_CFG_PATH="$folder/etc" SMP_SERVER_LOG_PATH="$folder/var" sh "$folder/entrypoint" >/dev/null ||
        fail 'a second start fails'
    [ "$before" = "$(cat "$folder/etc/smp-server.ini")" ] || fail 'a second start changes settings'
}

"$part"
