#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# The rules of the sources that need no compiler: format, licence lines, include directions, borders of libraries, calls that
# are not used here. Usage: lint.sh FILE... (.c and .h). Every complaint names file and line.
set -u
failures=0

complain() { # title, lines
    [ -n "$2" ] || return 0
    echo "lint: $1"
    printf '%s\n' "$2" | sed 's/^/    /'
    failures=$((failures + 1))
}

under() { # folders...: the given files that are in them
    local folder
    for folder in "$@"; do printf '%s\n' "${files[@]}" | grep "^$folder/"; done
}

search() { # pattern files...
    local pattern=$1
    shift
    [ $# -eq 0 ] || grep -HnE -- "$pattern" "$@"
}

files=("$@")
mapfile -t scripts < <(find test .ci contrib -name '*.sh' -o -path .ci/run -o -path 'contrib/docker/[eh]*')
mapfile -t code < <(under queues stores transport actors bin)

# Format.
complain "not formatted (make format)" "$(clang-format --dry-run -Werror "${files[@]}" 2>&1 | grep -E 'error:' | head -40)"
complain "longer than 120 columns" "$(search '^.{121,}' "${files[@]}")"
complain "trailing white space, or a tab" "$(search '[[:space:]]+$|	' "${files[@]}")"

# First lines.
complain "first line is not the SPDX licence line" "$(
    for file in "${files[@]}"; do
        head -n 1 "$file" | grep -qxF '/* SPDX-License-Identifier: AGPL-3.0-or-later */' || echo "$file:1"
    done
    for file in "${scripts[@]}" Makefile; do
        head -n 2 "$file" | grep -qxF '# SPDX-License-Identifier: AGPL-3.0-or-later' || echo "$file:2"
    done
)"
complain "header without #pragma once" "$(for file in "${files[@]}"; do
    case $file in *.h) grep -qx '#pragma once' "$file" || grep -q 'X-macro' "$file" || echo "$file" ;; esac
done)"

# Include directions: bin -> actors -> {stores, transport} -> queues.
may_not_include() { # folder, forbidden folders as an alternation
    mapfile -t lower < <(under "$1")
    complain "$1/ includes from a layer above or beside it" "$(search "^#include \"($2)/" "${lower[@]}")"
}
may_not_include queues 'stores|transport|actors|bin|test'
may_not_include stores 'transport|actors|bin|test'
may_not_include transport 'stores|actors|bin|test'
may_not_include actors 'bin|test'
may_not_include bin 'test'
may_not_include transport/block 'transport/(smp|xftp|ntf|agent)'
may_not_include stores/lmdb 'stores/(smp|xftp|ntf|agent|logs)'
mapfile -t client < <(under actors/runtime actors/net actors/client actors/client_agent)
complain "libsmq includes the stores or a router" "$(search '^#include "(stores|actors/smp|actors/proxy)/' "${client[@]}")"
mapfile -t kernel < <(under actors/router)
complain "the kernel of routers knows a protocol" \
    "$(search '^#include "((transport|stores|actors)/(smp|xftp|ntf)|actors/proxy)/|\bsmp_|\bxftp_|\bntf_' "${kernel[@]}")"
mapfile -t client < <(under actors/client | grep -v '^actors/client/smp/')
complain "the protocol client knows a protocol otherwise than by its table" \
    "$(search '^#include "(transport/smp|actors/client/smp|actors/client_agent)/' "${client[@]}")"
mapfile -t client < <(under actors/client/smp)
complain "the protocol client includes the client agent" "$(search '^#include "actors/client_agent/' "${client[@]}")"
complain "an include is not written from the root" "$(search '^#include "(\.\./|[^/"]*")' "${code[@]}")"

# Borders: one place knows each of these.
outside() { # allowed path pattern: our files that do not match it
    printf '%s\n' "${code[@]}" | grep -vE "$1"
}
mapfile -t others < <(outside '^queues/base/')
complain "pthread_create outside of queues/base" "$(search '\bpthread_create\(' "${others[@]}")"
mapfile -t others < <(outside '^stores/lmdb/')
complain "<lmdb.h> outside of stores/lmdb" "$(search '<lmdb\.h>' "${others[@]}")"
mapfile -t others < <(outside '^transport/tls')
complain "SSL_ call outside of transport/tls" "$(search '\bSSL_[A-Za-z0-9_]+\(|<openssl/ssl\.h>' "${others[@]}")"
mapfile -t others < <(outside '^actors/net/dns\.c$')
complain "<ares.h> outside of actors/net/dns.c" "$(search '<ares\.h>' "${others[@]}")"
mapfile -t others < <(outside '^transport/xftp/(yaml_walk\.|link_web\.c$)')
complain "<yaml.h> outside of transport/xftp/yaml_walk, or <zlib.h> outside of link_web.c" "$(search '<(yaml|zlib)\.h>' "${others[@]}")"
mapfile -t others < <(outside '^transport/http1/')
complain "http_parser outside of transport/http1" "$(search '<http_parser\.h>' "${others[@]}")"
mapfile -t others < <(outside '^transport/http2/')
complain "nghttp2 outside of transport/http2" "$(search '<nghttp2/' "${others[@]}")"
mapfile -t others < <(outside '^queues/')
complain "liburcu outside of queues" "$(search '<urcu' "${others[@]}")"

# Calls with a better replacement here: bounded writers, strto*, heap or fixed buffers, queues/base/random.h.
complain "forbidden call" "$(search \
    '\b(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|gets|atoi|atol|atoll|atof|alloca|strtok|rand|srand|usleep|setjmp|longjmp)\(' \
    "${code[@]}")"
complain "unfinished work" "$(search '\b(TODO|FIXME|XXX|HACK)\b' "${files[@]}")"

# Scripts that operators' machines run, and the test of these.
mapfile -t shipped < <(printf '%s\n' "${scripts[@]}" | grep -E '^(contrib|test/packaging)/')
complain "shellcheck complains" "$(shellcheck --format=gcc --severity=warning contrib/debian/*.postrm "${shipped[@]}" &&
    shellcheck --format=gcc --severity=warning -s bash contrib/bash-completion/smq.bash)"

if [ "$failures" -ne 0 ]; then
    echo "lint: $failures rules broken"
    exit 1
fi
