/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Pages from templates: what is put in is escaped where it is a text. */
#include "actors/router/operator/web_site.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "actors/router/operator/file.h"
#include "actors/router/operator/web_qr.h"
#include "actors/router/operator/web_templates.h"

/* ---- texts */

static void add_escaped(struct text_buffer *text, const char *value) {
    for (; *value != '\0'; value++) {
        switch (*value) {
        case '&':
            text_add(text, "&amp;");
            break;
        case '<':
            text_add(text, "&lt;");
            break;
        case '>':
            text_add(text, "&gt;");
            break;
        case '"':
            text_add(text, "&quot;");
            break;
        case '\'':
            text_add(text, "&#39;");
            break;
        default:
            text_add_slice(text, slice_of(value, 1));
        }
    }
}

static bool is_url(const char *value) {
    return strncmp(value, "https://", 8) == 0 || strncmp(value, "http://", 7) == 0;
}

static void add_link(struct text_buffer *text, const char *scheme, const char *value) {
    text_add(text, "<a rel=\"noreferrer\" href=\"%s", scheme);
    add_escaped(text, value);
    text_add(text, "\">");
    add_escaped(text, value);
    text_add(text, "</a>");
}

static void add_value(struct text_buffer *text, const struct web_row *row) {
    if (row->kind == WEB_ROW_URL && is_url(row->value)) {
        add_link(text, "", row->value);
    } else if (row->kind == WEB_ROW_EMAIL) {
        add_link(text, "mailto:", row->value);
    } else if (row->kind == WEB_ROW_CODE) {
        text_add(text, "<code>");
        add_escaped(text, row->value);
        text_add(text, "</code>");
    } else {
        add_escaped(text, row->value);
    }
}

/* ---- what templates have put in */

static void add_address(struct text_buffer *text, const struct web_site *site) {
    struct text_buffer code = {0};
    if (site->address == NULL)
        return;
    text_add(text, "<section><h2>Server address</h2><div class=\"pair\">");
    if (web_add_qr(&code, site->address) == SMQ_OK) {
        text_add(text, "<div class=\"qr\" role=\"img\" aria-label=\"QR code of the address\">");
        text_add_slice(text, slice_of(code.bytes, code.length));
        text_add(text, "</div>");
    }
    text_free(&code);
    text_add(text, "<div><code class=\"text\" id=\"address\">");
    add_escaped(text, site->address);
    text_add(text, "</code><button class=\"button plain\" data-copy=\"address\">Copy the address</button></div></div>"
                   "</section>\n");
}

static void add_sections(struct text_buffer *text, const struct web_site *site) {
    const char *heading = NULL;
    for (size_t i = 0; i < site->row_count; i++) {
        const struct web_row *row = &site->rows[i];
        if (row->value == NULL || row->value[0] == '\0')
            continue;
        if (heading == NULL || strcmp(heading, row->heading) != 0) {
            text_add(text, "%s<section><h2>", heading == NULL ? "" : "</dl></section>\n");
            add_escaped(text, row->heading);
            text_add(text, "</h2><dl>");
            heading = row->heading;
        }
        text_add(text, "<dt>");
        add_escaped(text, row->name);
        text_add(text, "</dt><dd>");
        add_value(text, row);
        text_add(text, "</dd>");
    }
    if (heading != NULL)
        text_add(text, "</dl></section>\n");
}

static void add_title(struct text_buffer *text, const struct web_site *site) {
    add_escaped(text, site->title);
}

static void add_subtitle(struct text_buffer *text, const struct web_site *site) {
    add_escaped(text, site->subtitle);
}

static void add_icon(struct text_buffer *text, const struct web_site *site) {
    (void)site;
    size_t length;
    const char *icon = web_template(TEMPLATE_ICON, &length);
    text_add_slice(text, slice_of(icon, length));
}

static void add_footer(struct text_buffer *text, const struct web_site *site) {
    add_escaped(text, site->version);
    if (site->source_code == NULL)
        return;
    text_add(text, " · ");
    if (is_url(site->source_code))
        text_add(text, "Source code: ");
    add_value(text, &(struct web_row){.value = site->source_code, .kind = WEB_ROW_URL});
}

static const struct {
    const char *name;
    void (*add)(struct text_buffer *text, const struct web_site *site);
} insertions[] = {
    {"{{title}}", add_title},     {"{{subtitle}}", add_subtitle}, {"{{icon}}", add_icon},
    {"{{address}}", add_address}, {"{{sections}}", add_sections}, {"{{footer}}", add_footer},
};

static void add_page(struct text_buffer *text, enum web_template which, const struct web_site *site) {
    size_t length;
    const char *at = web_template(which, &length);
    const char *mark;
    while ((mark = strstr(at, "{{")) != NULL) {
        text_add_slice(text, slice_of(at, (size_t)(mark - at)));
        at = mark + 2;
        for (size_t i = 0; i < sizeof insertions / sizeof insertions[0]; i++) {
            size_t name = strlen(insertions[i].name);
            if (strncmp(mark, insertions[i].name, name) == 0) {
                insertions[i].add(text, site);
                at = mark + name;
            }
        }
    }
    text_add_slice(text, slice_of(at, strlen(at)));
}

/* ---- files */

struct target {
    const char *folder;
    char *error;
    size_t error_size;
};

static enum smq_result fail(const struct target *target, const char *path, int reason) {
    (void)snprintf(target->error, target->error_size, "%s: %s", path, strerror(reason));
    return SMQ_ERR_SYSTEM;
}

static bool path_of(const struct target *target, const char *folder, const char *name, char path[PATH_MAX]) {
    const char *between = folder[0] == '\0' ? "" : "/";
    return snprintf(path, PATH_MAX, "%s%s%s/%s", target->folder, between, folder, name) < PATH_MAX;
}

/* The folder that `path` is in, and those above it. */
static enum smq_result make_folders(const struct target *target, const char *path) {
    char part[PATH_MAX];
    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        (void)snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return fail(target, part, errno);
    }
    return SMQ_OK;
}

/* Pages are there for anybody to see. */
static enum smq_result put(const struct target *target, const char *folder, const char *name, struct slice bytes) {
    char path[PATH_MAX];
    if (!path_of(target, folder, name, path))
        return fail(target, target->folder, ENAMETOOLONG);
    enum smq_result result = make_folders(target, path);
    if (result != SMQ_OK)
        return result;
    if (file_replace(path, bytes, FILE_LOOSE) != SMQ_OK || chmod(path, 0644) != 0)
        return fail(target, path, errno);
    return SMQ_OK;
}

static const struct {
    const char *folder, *name;
    enum web_template which;
} files[] = {
    {"media", "style.css", TEMPLATE_STYLE},
    {"media", "copy.js", TEMPLATE_COPY},
    {"media", "link.js", TEMPLATE_LINK_SCRIPT},
    {"media", "qr.js", TEMPLATE_QR_SCRIPT},
    {"media", "icon.svg", TEMPLATE_ICON},
    {"well-known", "apple-app-site-association", TEMPLATE_APPLE},
    {"well-known", "assetlinks.json", TEMPLATE_ANDROID},
};

static enum smq_result put_page(const struct target *target, const char *folder, enum web_template which,
                                const struct web_site *site) {
    struct text_buffer text = {0};
    add_page(&text, which, site);
    enum smq_result result = text_result(&text);
    if (result == SMQ_OK)
        result = put(target, folder, "index.html", slice_of(text.bytes, text.length));
    else
        (void)snprintf(target->error, target->error_size, "the pages: %s", smq_result_text(result));
    text_free(&text);
    return result;
}

enum smq_result web_site_write(const struct web_site *site, const char *folder, char *error, size_t error_size) {
    const struct target target = {folder, error, error_size};
    enum smq_result result = put_page(&target, "", TEMPLATE_INDEX, site);
    for (size_t i = 0; i < sizeof files / sizeof files[0] && result == SMQ_OK; i++) {
        size_t length;
        const char *bytes = web_template(files[i].which, &length);
        result = put(&target, files[i].folder, files[i].name, slice_of(bytes, length));
    }
    for (const char *const *link = site->links; link != NULL && *link != NULL && result == SMQ_OK; link++)
        result = put_page(&target, *link, TEMPLATE_LINK, site);
    return result;
}
