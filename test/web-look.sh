#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# Shows the web pages of a router to a real browser (chromium, headless): screenshots in light and dark, of the width of a
# phone and of a desk, in OUT/web-look; QR codes are read back (zbarimg). Usage: web-look.sh OUT, with programs in OUT/bin.
set -eu
out=$(realpath "$1")
shots=$out/web-look
root=$(mktemp -d)
server=
end() {
    [ -z "$server" ] || { kill -TERM "$server" && wait "$server"; } 2>/dev/null || true
    rm -rf "$root"
}
trap end EXIT
mkdir -p "$shots" "$root/cfg" "$root/data"
export SMP_SERVER_CFG_PATH=$root/cfg SMP_SERVER_LOG_PATH=$root/data HOME=$root
port=$((20000 + RANDOM % 20000))
"$out/bin/smp-server" init -y --fqdn smp.example.org > /dev/null 2>&1
sed -i -e "s/^port = .*/port = $port/" -e 's/^https = .*//' -e "s/^# http = .*/http = $((port + 1))/" \
    -e 's|^\[INFORMATION\]|&\nsource_code = https://example.org/simplexmq-c\nusage_conditions = https://example.org/conditions\nserver_country = CH\noperator = Example Operators \& Co\noperator_country = CH\nwebsite = https://example.org\nadmin_email = admin@example.org\nhosting = Example Hosting\nhosting_country = CH|' \
    "$root/cfg/smp-server.ini"
"$out/bin/smp-server" start > "$root/out" 2> "$root/errors" &
server=$!
for _ in $(seq 200); do
    grep -q 'Serving static site' "$root/out" && break
    kill -0 "$server" || { cat "$root/errors"; exit 1; }
    sleep 0.1
done
site=http://127.0.0.1:$((port + 1))
link="/contact#/?v=2-7&smp=smp%3A%2F%2F6iIcWT_dF2zN_w5xzZEY7HI2Prbh3ldP07YTyDexPjE%3D%40smp10.simplex.im%2FebLYaEFGjsD3uK4fpE326c5QI1RZSxau%23%2F%3Fv%3D1-4%26dh%3DMCowBQYDK2VuAyEABRqO2qPIfBFIjwTXcKIKmmSzFd5Ybr-MKdTp_h7Hv0g%253D%26q%3Dc"
short="/a#2S4yJ-ZZCHlcYDPtGY8cX6DLMIQXWYFXj1Nk0e3Ab5I?h=other.example.org"

look() { # name, path, width, height, scheme (0: dark, 1: light)
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$root/browser" \
        --blink-settings=preferredColorScheme="$5" --window-size="$3,$4" --virtual-time-budget=4000 \
        --screenshot="$shots/$1.png" "$site$2" > "$root/browser.log" 2>&1 || { cat "$root/browser.log"; exit 1; }
}
for scheme in dark:0 light:1; do
    look "index-desk-${scheme%:*}" / 1280 1500 "${scheme#*:}"
    look "index-phone-${scheme%:*}" / 500 2000 "${scheme#*:}"
    look "contact-desk-${scheme%:*}" "$link" 1280 1300 "${scheme#*:}"
    look "contact-phone-${scheme%:*}" "$link" 500 1500 "${scheme#*:}"
done
look short-phone-light "$short" 500 1300 1
look missing-phone-dark /invitation 500 900 0

reads() { # screenshot, what its code says
    local said
    said=$(zbarimg -q --raw "$shots/$1.png") || true
    [ "$said" = "$2" ] || { echo "web-look: the code of $1 says '$said', not '$2'"; exit 1; }
}
fingerprint=$(cat "$root/cfg/fingerprint")
reads index-desk-light "smp://$fingerprint@smp.example.org:$port"
reads index-phone-dark "smp://$fingerprint@smp.example.org:$port"
reads contact-desk-light "https://127.0.0.1:$((port + 1))$link"
reads short-phone-light "https://127.0.0.1:$((port + 1))$short"
dom=$(chromium --headless --no-sandbox --disable-gpu --user-data-dir="$root/browser" --virtual-time-budget=4000 \
    --dump-dom "$site$short" 2> /dev/null)
case $dom in
*'href="simplex:/a#2S4yJ-ZZCHlcYDPtGY8cX6DLMIQXWYFXj1Nk0e3Ab5I?h=127.0.0.1,other.example.org"'*) ;;
*) echo "web-look: the short link does not name this server first"; exit 1 ;;
esac
echo "web-look: $(ls "$shots" | wc -l) screenshots in $shots"
