# SPDX-License-Identifier: AGPL-3.0-or-later
# Completion for the programs of simplexmq-c: each knows its own commands and options, and is asked for them.
_simplexmq_c() {
    local words=("${COMP_WORDS[@]:1:COMP_CWORD}") candidates word
    COMPREPLY=()
    candidates=$("$1" --complete "${words[@]}" 2>/dev/null) || return 0
    word=${COMP_WORDS[COMP_CWORD]}
    [ "$word" != = ] || word=
    if [ "$candidates" = :path ]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return 0
    fi
    mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$word")
}
complete -F _simplexmq_c @PROGRAMS@
