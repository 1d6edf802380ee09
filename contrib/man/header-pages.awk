# SPDX-License-Identifier: AGPL-3.0-or-later
# Manual pages of section 3 from the public headers, which are the one source. A paragraph of a header (what stands
# between blank lines) that declares functions becomes a page, named after its first function; the others are links to it.
# What declares only types goes into libsmq-types.3, the overviews into libsmq.3. Variables: version, date, folder.

function heading(page) {
    return ".\\\" SPDX-License-Identifier: AGPL-3.0-or-later\n.TH " toupper(page) " 3 " date " \"simplexmq-c " version "\" \"Library Functions Manual\""
}

function escaped(text) {
    gsub(/\\/, "\\e", text)
    if (text ~ /^[.']/) text = "\\\\&" text
    return text
}

# A comment as running text; lines that are indented in it stay lines.
function prose(comment,    lines, count, i, line, out, verbatim) {
    sub(/^[ \t]*\/\*/, "", comment)
    sub(/[ \t]*\*\/[ \t]*$/, "", comment)
    count = split(comment, lines, "\n")
    for (i = 1; i <= count; i++) {
        line = lines[i]
        if (i > 1) sub(/^[ \t]*\*/, "", line)
        sub(/^ /, "", line)
        if (line ~ /^[ \t]*$/) {
            if (verbatim) { out = out ".fi\n.PP\n"; verbatim = 0 }
            else if (i > 1 && i < count) out = out ".PP\n"
        } else if (line ~ /^   *[^ ]/) {
            if (!verbatim) { out = out (out ~ /\.PP\n$/ ? "" : ".PP\n") ".nf\n"; verbatim = 1 }
            out = out escaped(line) "\n"
        } else {
            if (verbatim) { out = out ".fi\n.PP\n"; verbatim = 0 }
            sub(/^ +/, "", line)
            sub(/ +$/, "", line)
            out = out escaped(line) "\n"
        }
    }
    return out (verbatim ? ".fi\n" : "")
}

function first_sentence(text,    end) {
    gsub(/\n\.PP\n/, " ", text)
    gsub(/\n/, " ", text)
    sub(/^\.nf /, "", text)
    end = match(text, /[.:;](  *|$)/)
    if (end > 0) text = substr(text, 1, end - 1)
    sub(/ *$/, "", text)
    return tolower(substr(text, 1, 1)) substr(text, 2)
}

function name_of(prototype) {
    return match(prototype, /smq_[a-z0-9_]+\(/) ? substr(prototype, RSTART, RLENGTH - 1) : ""
}

function verbatim_lines(text,    lines, count, i, out) {
    count = split(text, lines, "\n")
    for (i = 1; i <= count; i++) if (lines[i] != "" || i < count) out = out escaped(lines[i]) "\n"
    return out
}

# ---- a paragraph: `code` as it stands, `item` of what each comment is about

function end_item(    text) {
    if (item_comment == "" && item_names == "") return
    text = item_comment != "" ? prose(item_comment) : ""
    if (item_names != "" && text != "") description = description ".TP\n.B " item_names "\n" text
    else if (text != "") description = description text
    if (summary == "" && text != "") summary = first_sentence(text)
    item_comment = item_names = ""
}

function write_page(    page, file, i, shown) {
    page = names[1]
    file = folder "/" page ".3"
    shown = names[1]
    for (i = 2; i <= name_count; i++) shown = shown ", " names[i]
    if (summary == "" || length(summary) > 100) summary = section != "" ? section " of libsmq" : "function of libsmq"
    print heading(page) > file
    printf ".SH NAME\n%s \\- %s\n", shown, summary > file
    printf ".SH SYNOPSIS\n.nf\n.B #include <%s>\n.PP\n%s.fi\n", include, verbatim_lines(declarations) > file
    if (types != "") printf ".SH TYPES\n.nf\n%s.fi\n", verbatim_lines(types) > file
    if (description != "") printf ".SH DESCRIPTION\n%s", description > file
    printf ".SH NOTES\nWhat holds for all functions of the library (threads, blocking, errors, ownership) is in\n.BR libsmq (3);\n" \
        "types are in\n.BR libsmq-types (3).\n.SH SEE ALSO\n.BR libsmq (3)\n" > file
    close(file)
    for (i = 2; i <= name_count; i++) links = links " && ln -sf " page ".3 " names[i] ".3"
    for (i = 1; i <= name_count; i++) index_lines = index_lines (index_lines == "" ? "" : ".br\n") ".BR " names[i] " (3)\n"
}

function end_paragraph() {
    end_item()
    if (name_count > 0) write_page()
    else if (types != "") {
        if (section != types_section) all_types = all_types ".SS " section "\n"
        else if (all_types != "") all_types = all_types ".PP\n"
        types_section = section
        all_types = all_types ".nf\n" verbatim_lines(paragraph) ".fi\n"
    } else if (description != "" && section == "" && paragraph !~ /SPDX/) {
        sub(/^Overview /, "", description)
        overview = overview (include != overview_include ? ".SS " include "\n" : ".PP\n") description
        overview_include = include
    }
    declarations = types = description = summary = paragraph = ""
    name_count = 0
}

FNR == 1 {
    end_paragraph()
    include = FILENAME
    sub(/^.*\/smq\//, "smq/", include)
    section = ""
    in_comment = in_type = in_body = in_prototype = 0
}

/^#|^extern "C"|^}$/ && !in_type && !in_body && !in_comment { next }

/^\/\* ---- / {
    end_paragraph()
    section = $0
    sub(/^\/\* ---- /, "", section)
    sub(/ ----.*$/, "", section)
    if ($0 !~ /\*\/[ \t]*$/) { in_comment = 1; item_comment = "/*" }
    next
}

in_comment {
    item_comment = item_comment "\n" $0
    paragraph = paragraph $0 "\n"
    if ($0 ~ /\*\/[ \t]*$/) in_comment = 0
    next
}

in_body { if ($0 ~ /^}/) in_body = 0; next }

in_type {
    types = types $0 "\n"
    paragraph = paragraph $0 "\n"
    if ($0 ~ /^}/) in_type = 0
    next
}

in_prototype {
    declarations = declarations $0 "\n"
    paragraph = paragraph $0 "\n"
    if ($0 ~ /;/) in_prototype = 0
    next
}

/^[ \t]*$/ { end_paragraph(); next }

{ paragraph = paragraph $0 "\n" }

/^\/\*/ {
    end_item()
    item_comment = $0
    if ($0 !~ /\*\/[ \t]*$/) in_comment = 1
    next
}

/^(struct|enum|union|typedef)[^(]*{/ || /^enum {/ { types = types $0 "\n"; in_type = $0 !~ /};/; next }
/^(struct|typedef)[^(]*;/ { types = types $0 "\n"; next }

/^[a-z].*smq_[a-z0-9_]+\(/ {
    name = name_of($0)
    names[++name_count] = name
    item_names = item_names == "" ? name : item_names ", " name
    line = $0
    if (line ~ /^static inline/) {
        sub(/^static inline /, "", line)
        sub(/ *{.*$/, ";", line)
        in_body = 1
    } else if (line !~ /;/) in_prototype = 1
    declarations = declarations line "\n"
    next
}

# A declaration that begins on a line without its name.
/^[a-z]/ { declarations = declarations $0 "\n"; next }

END {
    end_paragraph()
    if (system("cd '" folder "'" links) != 0) exit 1
    page = folder "/libsmq-types.3"
    print heading("libsmq-types") > page
    print ".SH NAME\nlibsmq\\-types \\- types and constants of libsmq" > page
    print ".SH SYNOPSIS\n.nf\n.B #include <smq/client.h>\n.B #include <smq/network.h>\n.B #include <smq/client_agent.h>\n.fi" > page
    printf ".SH DESCRIPTION\n%s.SH SEE ALSO\n.BR libsmq (3)\n", all_types > page
    page = folder "/libsmq.3"
    print heading("libsmq") > page
    print ".SH NAME\nlibsmq \\- client of SMP routers (SimpleX Messaging Protocol)" > page
    print ".SH SYNOPSIS\n.nf\n.B #include <smq/client.h>\n.PP\n.RI \"cc `pkg\\-config \\-\\-cflags \\-\\-libs smq`\"\n.fi" > page
    printf ".SH DESCRIPTION\n%s.SH FUNCTIONS\n%s", overview, index_lines > page
    print ".SH SEE ALSO\n.BR libsmq-types (3),\n.BR smq (1),\n.BR smp-server (8)" > page
}
