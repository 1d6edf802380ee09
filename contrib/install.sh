#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Installs what `make all man units completion` has built, or removes exactly that.
# Usage: install.sh list|install|uninstall TREE, with PREFIX, LIBDIR and DESTDIR in the environment.
#
# `list` is the one list: KIND SOURCE TARGET, the target below DESTDIR; KIND is a mode, link (SOURCE is what it
# says), or copy (of a link).
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
        find "$OUT/man" -name "*.$section" \( -type l -printf "copy %p $share/man/man$section/%f\n" -o \
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

# A command for all files of a folder that keep their names, since there are many manual pages.
install_all() {
    list | awk -v root="$DESTDIR" '
        function last(path) { sub(/.*\//, "", path); return path }
        {
            folder = root $3
            sub(/\/[^\/]*$/, "", folder)
            folders[folder]
            if ($1 == "link") links = links sprintf("ln -sf %s \047%s\047\n", $2, root $3)
            else if (last($2) != last($3)) links = links sprintf("install -m %s %s \047%s\047\n", $1, $2, root $3)
            else together[$1 " " folder] = together[$1 " " folder] " " $2
        }
        END {
            for (folder in folders) printf "mkdir -p \047%s\047\n", folder
            for (key in together) {
                kind = substr(key, 1, index(key, " ") - 1)
                folder = substr(key, index(key, " ") + 1)
                print (kind == "copy" ? "cp -P" : "install -m " kind) " -t \047" folder "\047" together[key]
            }
            printf "%s", links
        }' | sh -e
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

# The user and the folders of a router, as its files for systemd say; without systemd's tools by hand.
make_user_and_folders() { # program
    if have systemd-sysusers; then
        systemd-sysusers "$PREFIX/lib/sysusers.d/$1.conf"
    else
        sed -n 's/^u \([a-z]*\) - ".*" \([^ ]*\) \(.*\)/\1 \2 \3/p' "$PREFIX/lib/sysusers.d/$1.conf" |
            while read -r user home shell; do
                getent passwd "$user" >/dev/null ||
                    useradd --system --user-group --no-create-home --home-dir "$home" --shell "$shell" "$user"
            done
    fi
    if have systemd-tmpfiles; then
        systemd-tmpfiles --create "$PREFIX/lib/tmpfiles.d/$1.conf"
    else
        sed -n 's/^d //p' "$PREFIX/lib/tmpfiles.d/$1.conf" | while read -r path mode user group _; do
            install -d -m "$mode" -o "$user" -g "$group" "$path"
        done
    fi
}

# On the machine itself: the cache of libraries, users and folders, systemd's list of units.
settle() {
    if [ -n "$DESTDIR" ] || [ "$(id -u)" -ne 0 ]; then return 0; fi
    PATH=$PATH:/usr/sbin:/sbin
    ! have ldconfig || ldconfig
    for unit in "$OUT"/systemd/*.service; do
        program=$(basename "$unit" .service)
        # After uninstall they are not there: user and data stay.
        if [ -e "$PREFIX/lib/sysusers.d/$program.conf" ]; then make_user_and_folders "$program"; fi
    done
    if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
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
