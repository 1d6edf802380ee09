# SPDX-License-Identifier: AGPL-3.0-or-later
# The manual page smp-server.ini(5) from docs/operating.md, which is the one source: the sections "smp-server.ini" and
# "Reload", their tables as lists. Variables: version, date.

function escaped(text) {
    gsub(/\\\|/, "|", text)
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    if (text ~ /^[.']/) text = "\\\\&" text
    return text
}

# `code`, **strong** and [text](link) as bold, bold and text.
function inlined(text,    parts, count, i, out) {
    while (match(text, /\[[^][]*\]\([^()]*\)/)) {
        out = substr(text, RSTART + 1, index(substr(text, RSTART), "](") - 2)
        text = substr(text, 1, RSTART - 1) out substr(text, RSTART + RLENGTH)
    }
    gsub(/\*\*/, "`", text)
    text = escaped(text)
    count = split(text, parts, "`")
    out = parts[1]
    for (i = 2; i <= count; i++) out = out (i % 2 == 0 ? "\\fB" : "\\fR") parts[i]
    return out
}

function trimmed(text) {
    sub(/^ +/, "", text)
    sub(/ +$/, "", text)
    return text
}

# Cells of a row, which may hold \|.
function cells(row,    i, count) {
    gsub(/\\\|/, "\001", row)
    sub(/^\| */, "", row)
    sub(/ *\|[ ]*$/, "", row)
    count = split(row, cell, / *\| */)
    for (i = 1; i <= count; i++) gsub(/\001/, "|", cell[i])
    return count
}

function begin(title) {
    printf "%s", title
    fresh = 1
}

function paragraph() {
    if (!fresh) print ".PP"
    fresh = 0
}

BEGIN {
    print ".\\\" SPDX-License-Identifier: AGPL-3.0-or-later"
    print ".TH SMP-SERVER.INI 5 " date " \"simplexmq-c " version "\" \"File Formats Manual\""
    print ".SH NAME\nsmp\\-server.ini \\- settings of smp\\-server"
    print ".SH SYNOPSIS\n.I /etc/opt/simplex/smp\\-server.ini"
}

/^## / {
    wanted = $0 == "## smp-server.ini" || $0 == "## Reload"
    if (wanted) begin($0 == "## Reload" ? ".SH RELOAD\n" : ".SH DESCRIPTION\n")
    in_table = blank = 0
    next
}

!wanted { next }

/^### / {
    title = substr($0, 5)
    gsub(/`/, "", title)
    begin(".SS " escaped(title) "\n")
    in_table = blank = 0
    next
}

/^\|[-| :]+\|$/ { next }

/^\|/ {
    count = cells($0)
    if (!in_table) { # the row of titles
        in_table = 1
        for (i = 1; i <= count; i++) title_of[i] = cell[i]
        next
    }
    fresh = 0
    print ".TP"
    print inlined(cell[1])
    if (count == 2) print inlined(cell[2])
    else {
        line = ""
        for (i = 2; i < count; i++)
            if (cell[i] != "") line = line (line == "" ? "" : "; ") title_of[i] ": " cell[i]
        text = cell[count]
        print inlined(toupper(substr(text, 1, 1)) substr(text, 2) (text ~ /[.]$/ ? "" : "."))
        if (line != "") print inlined(toupper(substr(line, 1, 1)) substr(line, 2) ".")
    }
    next
}

/^[ \t]*$/ { blank = 1; in_table = 0; next }

{
    if (blank || fresh) paragraph()
    blank = 0
    print inlined(trimmed($0))
}

END { print ".SH SEE ALSO\n.BR smp\\-server (8)" }
