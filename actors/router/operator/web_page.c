/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Files of the folder of pages. A path means the file of that name, or index.html in the folder of that name; what
 * begins with a dot is not shown, and /.well-known/ is the folder well-known. Links may not lead out of the folder. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/router/operator/web_private.h"
#include "queues/base/memory.h"

static const struct {
    const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "application/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".ico", "image/x-icon"},
    {".json", "application/json"},
    {"apple-app-site-association", "application/json"},
    {".txt", "text/plain; charset=utf-8"},
    {".woff", "font/woff"},
    {".woff2", "font/woff2"},
    {".ttf", "font/ttf"},
    {".wasm", "application/wasm"},
};

const char *web_type_of(const char *file) {
    size_t length = strlen(file);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t ending = strlen(types[i].ending);
        if (length >= ending && strcmp(file + length - ending, types[i].ending) == 0)
            return types[i].type;
    }
    return "application/octet-stream";
}

static int hex_of(char digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* The path without its query, decoded. False: too long, or with bytes that no name of ours has. */
static bool decode(const char *path, char decoded[WEB_PATH_MAX]) {
    size_t length = 0;
    for (size_t i = 0; path[i] != '\0' && path[i] != '?' && path[i] != '#'; i++) {
        int byte = (unsigned char)path[i];
        if (byte == '%') {
            int high = hex_of(path[i + 1]);
            int low = high < 0 ? -1 : hex_of(path[i + 2]);
            if (low < 0)
                return false;
            byte = high << 4 | low;
            i += 2;
        }
        if (byte < ' ' || byte == 0x7f || byte == '\\' || length + 1 >= WEB_PATH_MAX)
            return false;
        decoded[length++] = (char)byte;
    }
    decoded[length] = '\0';
    return true;
}

/* Whether a part of the path begins with a dot. */
static bool has_hidden_part(const char *path) {
    return path[0] == '.' || strstr(path, "/.") != NULL;
}

/* Whether `candidate` is a file below `root`, all links followed. */
static bool is_inside(const char *root, const char *candidate, char *file) {
    struct stat status;
    size_t length = strlen(root);
    if (realpath(candidate, file) == NULL || strncmp(file, root, length) != 0 || file[length] != '/')
        return false;
    return stat(file, &status) == 0 && S_ISREG(status.st_mode);
}

bool web_find_file(const char *root, const char *path, char *file) {
    static const char well_known[] = ".well-known";
    char decoded[WEB_PATH_MAX], candidate[PATH_MAX];
    if (!decode(path, decoded))
        return false;
    const char *name = decoded + strspn(decoded, "/");
    size_t prefix = sizeof well_known - 1;
    if (strncmp(name, well_known, prefix) == 0 && (name[prefix] == '/' || name[prefix] == '\0'))
        name++;
    if (has_hidden_part(name))
        return false;
    if (snprintf(candidate, sizeof candidate, "%s/%s", root, name) >= (int)sizeof candidate)
        return false;
    if (is_inside(root, candidate, file))
        return true;
    return snprintf(candidate, sizeof candidate, "%s/%s/index.html", root, name) < (int)sizeof candidate &&
           is_inside(root, candidate, file);
}

static bool read_whole(int descriptor, struct text_buffer *body) {
    char bytes[16384];
    ssize_t got;
    while ((got = read(descriptor, bytes, sizeof bytes)) > 0 && body->length <= WEB_FILE_MAX)
        text_add_slice(body, slice_of(bytes, (size_t)got));
    return got == 0 && text_result(body) == SMQ_OK;
}

void web_read_page(const struct web *web, const char *path, struct web_answer *answer) {
    char file[PATH_MAX];
    if (web->root == NULL || !web_find_file(web->root, path, file)) {
        web_write_fault(404, "There is no such page here.", answer);
        return;
    }
    int descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is_read = descriptor >= 0 && read_whole(descriptor, &answer->body);
    if (descriptor >= 0)
        (void)close(descriptor);
    if (!is_read) {
        text_free(&answer->body);
        web_write_fault(500, "This page cannot be shown now.", answer);
        return;
    }
    answer->status = 200;
    answer->type = web_type_of(file);
}

void web_write_fault(unsigned status, const char *text, struct web_answer *answer) {
    answer->status = status;
    answer->type = "text/html; charset=utf-8";
    text_add(&answer->body,
             "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
             "content=\"width=device-width\"><title>%u</title><style>:root{color-scheme:light dark}body{font:1rem/1.5 "
             "system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 1.25rem;text-align:center}</style></head>"
             "<body><h1>%u</h1><p>%s</p><p><a href=\"/\">Server information</a></p></body></html>\n",
             status, status, text);
}
