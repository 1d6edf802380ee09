/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bin/xftp/xftp_description_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bin/xftp/xftp_session.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "transport/xftp/link.h"

static struct xftp_description *parse(struct slice yaml) {
    struct xftp_description *description = NULL;
    const char *problem = NULL;
    enum smq_result result = xftp_description_parse(yaml, &description, &problem);
    if (result != SMQ_OK)
        (void)xftp_mistake("invalid file description: %s", problem != NULL ? problem : smq_result_text(result));
    return description;
}

/* ---- links */

static bool is_link_text(const char *word) {
    return strncmp(word, "https://", 8) == 0 || strncmp(word, "http://", 7) == 0 || strncmp(word, "simplex:", 8) == 0;
}

static struct xftp_description *parse_app_link(struct slice text) {
    struct xftp_app_link link;
    uint8_t *buffer = memory_alloc(text.length);
    struct xftp_description *description = NULL;
    if (buffer != NULL && xftp_app_link_parse(text, buffer, text.length, &link) == SMQ_OK)
        description = parse(link.description);
    else
        (void)xftp_mistake("invalid link");
    if (buffer != NULL)
        secret_wipe(buffer, text.length);
    memory_free(buffer);
    return description;
}

/* An app link may be of the web, too: its fragment is then a query. */
static struct xftp_description *parse_link(struct slice text) {
    struct slice fragment;
    struct xftp_web_yaml yaml = {0};
    if (xftp_web_link_fragment(text, &fragment) != SMQ_OK || xftp_web_fragment_inflate(fragment, &yaml) != SMQ_OK)
        return parse_app_link(text);
    struct xftp_description *description = parse(slice_of(yaml.bytes, yaml.length));
    xftp_web_yaml_free(&yaml);
    return description;
}

/* ---- files */

struct xftp_description *xftp_description_read_file(const char *path) {
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        (void)fprintf(stderr, "xftp: %s: %s\n", path, strerror(errno));
        return NULL;
    }
    struct xftp_description *description = NULL;
    uint8_t *text = memory_alloc(XFTP_DESCRIPTION_TEXT_MAX + 1);
    size_t length = text != NULL ? fread(text, 1, XFTP_DESCRIPTION_TEXT_MAX + 1, file) : 0;
    if (text == NULL || length > XFTP_DESCRIPTION_TEXT_MAX || ferror(file) != 0)
        (void)xftp_mistake("%s cannot be read", path);
    else
        description = parse(slice_of(text, length));
    if (text != NULL)
        secret_wipe(text, length);
    memory_free(text);
    (void)fclose(file);
    return description;
}

struct xftp_description *xftp_description_read(const char *word, bool *is_link) {
    *is_link = is_link_text(word);
    return *is_link ? parse_link(slice_of_text(word)) : xftp_description_read_file(word);
}

static bool write_file(const char *path, struct slice text) {
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool is_written = file >= 0 && write(file, text.bytes, text.length) == (ssize_t)text.length && fsync(file) == 0;
    if (file >= 0 && close(file) != 0)
        is_written = false;
    if (!is_written)
        (void)xftp_mistake("%s: %s", path, strerror(errno));
    return is_written;
}

bool xftp_description_save(const struct xftp_description *description, const char *path) {
    size_t size = xftp_description_text_size(description);
    uint8_t *text = memory_alloc(size);
    if (text == NULL)
        return false;
    struct writer writer = writer_of(text, size);
    write_xftp_description(&writer, description);
    bool is_written = writer_finish(&writer) == SMQ_OK && write_file(path, slice_of(text, writer_length(&writer)));
    secret_wipe(text, size);
    memory_free(text);
    return is_written;
}

void xftp_description_print_link(const struct xftp_description *description, bool is_app) {
    size_t yaml_size = xftp_description_text_size(description);
    size_t link_size = 4096 + (is_app ? 3 * yaml_size : xftp_web_fragment_size(yaml_size));
    uint8_t *yaml = memory_alloc(yaml_size);
    uint8_t *link = memory_alloc(link_size);
    if (yaml != NULL && link != NULL) {
        struct writer text = writer_of(yaml, yaml_size);
        struct writer writer = writer_of(link, link_size);
        write_xftp_description(&text, description);
        struct slice written = slice_of(yaml, writer_length(&text));
        struct xftp_app_link app = {.description = written};
        if (is_app)
            write_xftp_app_link(&writer, &app);
        else
            write_xftp_web_link_start(&writer, description);
        if (!is_app)
            write_xftp_web_fragment(&writer, written);
        if (writer_finish(&writer) == SMQ_OK)
            printf("%.*s\n", (int)writer_length(&writer), (const char *)link);
    }
    if (yaml != NULL)
        secret_wipe(yaml, yaml_size);
    if (link != NULL)
        secret_wipe(link, link_size);
    memory_free(yaml);
    memory_free(link);
}
