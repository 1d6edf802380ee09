#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Installs what `make all man units completion` has built, or removes exactly that.
# Usage: install.sh list|install|uninstall TREE, with PREFIX, LIBDIR and DESTDIR in the environment.
#
# `list` is the one list: KIND SOURCE TARGET, the target below DESTDIR; KIND is a mode, or link (SOURCE is what it says).
set -eu
OUT=$2
# shellcheck disable=SC1091 # made by the Makefile
. "$OUT/installed.env" # VERSION, SOVERSION, PROGRAMS, HEADERS
: "${VERSION:?}" "${SOVERSION:?}" "${PROGRAMS:?}" "${HEADERS:?}" "${PREFIX:?}" "${LIBDIR:?}"
DESTDIR=${DESTDIR-}
share=$PREFIX/share
doc=$share/doc/simplexmq-c

list_programs() {
    for program in $PROGRAMS; do
        echo "755 $OUT/bin/$program $PREFIX/bin/$program"
        echo "644 $OUT/completion/$program $share/bash-completion/completions/$program"
    done
}

list_library() {
    echo "644 $OUT/libsmq.a $LIBDIR/libsmq.a"
    echo "644 $OUT/libsmq.so.$VERSION $LIBDIR/libsmq.so.$VERSION"
    echo "link libsmq.so.$VERSION $LIBDIR/libsmq.so.$SOVERSION"
    echo "link libsmq.so.$SOVERSION $LIBDIR/libsmq.so"
    echo "644 $OUT/smq.pc $LIBDIR/pkgconfig/smq.pc"
    for header in $HEADERS; do echo "644 $header $PREFIX/include/smq/${header##*/}"; done
}

list_services() {
    for unit in "$OUT"/systemd/*.service; do
        [ -e "$unit" ] || continue
        program=$(basename "$unit" .service)
        echo "644 $unit $PREFIX/lib/systemd/system/$program.service"
        echo "644 $OUT/systemd/$program.sysusers $PREFIX/lib/sysusers.d/$program.conf"
        echo "644 $OUT/systemd/$program.tmpfiles $PREFIX/lib/tmpfiles.d/$program.conf"
    done
}

list_documents() {
    for section in 1 3 5 8; do
        find "$OUT/man" -name "*.$section" \( -type l -printf "link %l $share/man/man$section/%f\n" -o \
            -printf "644 %p $share/man/man$section/%f\n" \)
    done
    for text in README.md docs/*.md docs/*.json; do [ ! -e "$text" ] || echo "644 $text $doc/${text##*/}"; done
    for example in docs/examples/*; do [ ! -f "$example" ] || echo "644 $example $doc/examples/${example##*/}"; done
}

list() {
    list_programs
    list_library
    list_services
    list_documents
}

install_all() {
    list | while read -r kind source target; do
        if [ "$kind" = link ]; then
            ln -sf "$source" "$DESTDIR$target"
        else
            install -D -m "$kind" "$source" "$DESTDIR$target"
        fi
    done
}

# Files, then those folders that are only ours; folders that others share stay.
uninstall_all() {
    list | while read -r _ _ target; do echo "$DESTDIR$target"; done | xargs -d '\n' rm -f
    for folder in "$PREFIX/include/smq" "$doc/examples" "$doc"; do
        [ ! -d "$DESTDIR$folder" ] || rmdir "$DESTDIR$folder" 2>/dev/null || echo "$DESTDIR$folder stays: it holds other files"
    done
}

have() {
    command -v "$1" >/dev/null
}

# On the machine itself: the cache of libraries, users and folders, systemd's list of units.
settle() {
    if [ -n "$DESTDIR" ] || [ "$(id -u)" -ne 0 ]; then return 0; fi
    PATH=$PATH:/usr/sbin:/sbin
    ! have ldconfig || ldconfig
    for unit in "$OUT"/systemd/*.service; do
        program=$(basename "$unit" .service)
        if [ ! -e "$PREFIX/lib/sysusers.d/$program.conf" ]; then continue; fi # after uninstall: user and data stay
        ! have systemd-sysusers || systemd-sysusers "$PREFIX/lib/sysusers.d/$program.conf"
        ! have systemd-tmpfiles || systemd-tmpfiles --create "$PREFIX/lib/tmpfiles.d/$program.conf"
    done
    [ ! -d /run/systemd/system ] || systemctl daemon-reload
}

case ${1-} in
    list) list ;;
    install) install_all && settle ;;
    uninstall) uninstall_all && settle ;;
    *)
        sed -n '4s/^# //p' "$0" >&2
        exit 1
        ;;
esac
