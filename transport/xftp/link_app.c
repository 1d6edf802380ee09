/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* File descriptions in app links. */
#include "transport/wire/text.h"
#include "transport/xftp/link.h"

static struct slice link_part(struct slice text) {
    size_t length = 0;
    while (length < text.length && text.bytes[length] != ' ' && text.bytes[length] != '\n')
        length++;
    return slice_of(text.bytes, length);
}

/* A value of a query; `+` stands for a space, as in the reference, whose writer escapes both. */
static enum smq_result decode(struct slice value, struct writer *writer, struct slice *decoded) {
    uint8_t *start = writer->position;
    size_t length = 0;
    enum smq_result result = percent_decode(value, start, writer_room(writer), &length);
    if (result != SMQ_OK)
        return result;
    for (size_t i = 0, at = 0; i < value.length; i += value.bytes[i] == '%' ? 3 : 1, at++)
        if (value.bytes[i] == '+')
            start[at] = ' ';
    (void)write_reserve(writer, length);
    *decoded = slice_of(start, length);
    return SMQ_OK;
}

/* Of an item that comes twice the first counts. */
static enum smq_result parse_query(struct slice query, struct writer *writer, struct xftp_app_link *link) {
    struct reader reader = reader_of(query);
    struct slice name, value;
    bool has_description = false;
    enum smq_result result = SMQ_OK;
    while (result == SMQ_OK && query_next(&reader, &name, &value)) {
        if (!has_description && slice_equal(name, slice_of_text("desc"))) {
            has_description = true;
            result = decode(value, writer, &link->description);
        } else if (!link->has_data && slice_equal(name, slice_of_text("data"))) {
            link->has_data = true;
            result = decode(value, writer, &link->data);
        }
    }
    if (result == SMQ_OK && !has_description)
        result = SMQ_ERR_SYNTAX;
    return result;
}

enum smq_result xftp_app_link_parse(struct slice text, uint8_t *buffer, size_t capacity, struct xftp_app_link *link) {
    struct xftp_app_link parsed = {0};
    if (text.length > XFTP_LINK_TEXT_MAX)
        return SMQ_ERR_TOO_LARGE;
    struct reader reader = reader_of(link_part(text));
    read_service_scheme_text(&reader, &parsed.scheme);
    read_literal(&reader, "/file");
    (void)read_if(&reader, "/");
    read_literal(&reader, "#/?");
    struct slice query = read_tail(&reader);
    if (reader_finish(&reader) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    struct writer writer = writer_of(buffer, capacity);
    enum smq_result result = parse_query(query, &writer, &parsed);
    if (result == SMQ_OK)
        *link = parsed;
    return result;
}

void write_xftp_app_link(struct writer *writer, const struct xftp_app_link *link) {
    write_service_scheme_text(writer, &link->scheme);
    write_text(writer, "/file#/?desc=");
    write_percent_encoded(writer, link->description);
    if (link->has_data) {
        write_text(writer, "&data=");
        write_percent_encoded(writer, link->data);
    }
}
