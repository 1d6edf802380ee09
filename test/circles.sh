#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# Circles among the objects of each folder: files that need each other, found from what their objects define and leave
# undefined. One of more than two files is a complaint, unless ARCHITECTURE.md names it, with its reason, in a line that
# begins with "Circle:" and lists its files; so is such a line about one that is not there. Usage:
# circles.sh OBJECTS_ROOT FOLDER...
set -u
root=$1
shift
failures=0

# Prints each circle of more than two objects as one line of sorted names.
circles_of() { # object files
    nm -A "$@" | awk '
        { sub(/:.*/, "", $1); file = $1; sub(/.*\//, "", file); sub(/\.o$/, "", file)
          kind = $(NF - 1); name = $NF
          if (kind ~ /^[TDBRV]$/) owner[name] = file
          else if (kind == "U") { needs[++count] = file; symbol[count] = name }
          files[file] = 1 }
        END {
          for (i = 1; i <= count; i++)
              if (symbol[i] in owner && owner[symbol[i]] != needs[i]) reach[needs[i], owner[symbol[i]]] = 1
          for (k in files) for (i in files) if ((i, k) in reach) for (j in files) if ((k, j) in reach) reach[i, j] = 1
          for (i in files) {
              if (i in done) continue
              members = i; size = 1; done[i] = 1
              for (j in files)
                  if (j != i && ((i, j) in reach) && ((j, i) in reach)) { members = members " " j; size++; done[j] = 1 }
              if (size > 2) print members
          }
        }' | while read -r members; do
        tr ' ' '\n' <<<"$members" | sort | paste -sd ' '
    done
}

complain() {
    echo "circles: $1"
    failures=$((failures + 1))
}

# A sentence that may go over lines.
named=$(awk -v RS= '/^Circle: /{ gsub(/\n/, " "); print }' ARCHITECTURE.md | sed 's/^\(Circle: [^.]*\.\).*/\1/')
for folder in "$@"; do
    folder=${folder%/}
    objects=()
    for source in "$folder"/*.c; do # an object may have outlived its source
        object=$root/${source%.c}.o
        [ -e "$object" ] && objects+=("$object")
    done
    [ ${#objects[@]} -gt 0 ] || continue
    found=$(circles_of "${objects[@]}" | sed "s|.*|Circle: \`$folder\`: &.|")
    there=$(grep -F "Circle: \`$folder\`: " <<<"$named")
    while read -r line; do
        [ -z "$line" ] || grep -qxF "$line" <<<"$named" || complain "not named in ARCHITECTURE.md: $line"
    done <<<"$found"
    while read -r line; do
        [ -z "$line" ] || grep -qxF "$line" <<<"$found" || complain "named in ARCHITECTURE.md, but not there: $line"
    done <<<"$there"
done
[ "$failures" -eq 0 ] || exit 1
