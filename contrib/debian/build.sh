#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Makes the Debian packages from a copy of the sources and checks them with lintian. Usage: build.sh TREE VERSION SOVERSION
# DATE PACKAGE...: what building needs; the packages are left beside TREE. DEBFULLNAME and DEBEMAIL say who made them.
set -eu
tree=$1 version=$2 soversion=$3
date=$(date -u -R -d "$4")
shift 4
needed=$(echo "$*" | sed 's/ /, /g')
maintainer="${DEBFULLNAME:-simplexmq-c maintainers} <${DEBEMAIL:-simplexmq-c@users.noreply.github.com}>"

rm -rf "$tree"
mkdir -p "$tree"
tar --exclude=./build --exclude=./.git --exclude="./$(dirname "$(dirname "$tree")")" -cf - . | tar -C "$tree" -xf -
cp -r contrib/debian "$tree/debian"
rm "$tree/debian/build.sh"
for file in "$tree"/debian/*.in "$tree"/debian/libsmqN.*; do
    target=$(echo "${file%.in}" | sed "s/libsmqN/libsmq$soversion/")
    sed -e "s|@SOVERSION@|$soversion|g" -e "s|@VERSION@|$version|g" -e "s|@MAINTAINER@|$maintainer|g" \
        -e "s|@DATE@|$date|g" -e "s|@BUILD_DEPENDS@|$needed|" "$file" >"$target"
    rm "$file"
done
sed -e 's/^$/./' -e 's/^/ /' LICENSE >>"$tree/debian/copyright"
chmod 755 "$tree/debian/rules"

(cd "$tree" && dpkg-buildpackage -us -uc ${DEB_JOBS:+-j"$DEB_JOBS"}) >"$tree.log" 2>&1 || {
    tail -n 40 "$tree.log" >&2
    exit 1
}
lintian --fail-on error,warning "${tree%/*}"/*.changes
ls "${tree%/*}"/*.deb
