#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Writes unit, sysusers.d and tmpfiles.d file of the routers that are named. Usage: make-units.sh PREFIX OUT PROGRAM...
set -eu
here=$(dirname "$0")
prefix=$1 out=$2
shift 2
mkdir -p "$out"

make_files() { # program user folder settings writable description...
    program=$1 user=$2 folder=$3 settings=$4 writable=$5
    shift 5
    more=
    if [ "$writable" != - ]; then more=" -$writable"; fi
    sed -e "s|@PROGRAM@|$program|g" -e "s|@USER@|$user|g" -e "s|@FOLDER@|$folder|g" -e "s|@SETTINGS@|$settings|g" \
        -e "s|@WRITABLE@|$more|g" -e "s|@DESCRIPTION@|$*|g" -e "s|@BINDIR@|$prefix/bin|g" -e "s|@BASE@|file:$prefix|g" \
        "$here/router.service.in" >"$out/$program.service"
    {
        echo "# The user that $program runs as"
        echo "u $user - \"$*\" /var/opt/$folder /usr/sbin/nologin"
    } >"$out/$program.sysusers"
    {
        echo "# The folders of $program: configuration with certificates, and data"
        for path in "/etc/opt/$folder" "/var/opt/$folder" ${more:+"$writable"}; do
            echo "d $path 0750 $user $user -"
        done
    } >"$out/$program.tmpfiles"
}

for program in "$@"; do
    row=$(sed -n "s/^$program  *//p" "$here/routers")
    [ -n "$row" ] || {
        echo "make-units.sh: $here/routers has no line for $program" >&2
        exit 1
    }
    # shellcheck disable=SC2086 # its words are the fields
    make_files "$program" $row
done
