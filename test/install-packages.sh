#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
# Installs those of the named Debian packages that are missing; does nothing, and asks for nothing, when none is.
set -eu

if ! command -v dpkg-query >/dev/null; then
    echo "Not a Debian system: please see to it that the equivalents of these are installed: $*" >&2
    exit 0
fi

installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p')
missing=
for package in "$@"; do
    case "
$installed
" in
        *"
$package
"*) ;;
        # pkg-config may be provided by pkgconf
        *) if [ "$package" = pkg-config ] && command -v pkg-config >/dev/null; then :; else missing="$missing $package"; fi ;;
    esac
done
[ -n "$missing" ] || exit 0

root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Missing packages:$missing. Install them as root: apt-get install$missing" >&2
        exit 1
    fi
    root=sudo
fi
echo "Installing missing packages:$missing"
# shellcheck disable=SC2086
$root apt-get update -q
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $root apt-get install -q -y --no-install-recommends $missing
