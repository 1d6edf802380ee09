#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# What the image holds besides busybox. Usage: make-root.sh STATIC ROOT: the folder of the programs of one file, and the
# folder to be filled.
set -eu
here=$(dirname "$0")
static=$1 root=$2
mkdir -p "$root/usr/local/bin" "$root/etc/opt/simplex" "$root/var/opt/simplex" "$root/tmp"
chmod 1777 "$root/tmp"
for program in smp-server smq smq-bench; do install -m 755 "$static/$program" "$root/usr/local/bin/$program"; done
install -m 755 "$here/entrypoint" "$here/healthcheck" "$root/usr/local/bin/"
echo 'root:x:0:0:root:/root:/bin/sh
smp:x:5223:5223:SMP router:/var/opt/simplex:/bin/false' >"$root/etc/passwd"
echo 'root:x:0:
smp:x:5223:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
