/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connection links as text, and short links beside them. */
#include "transport/agent/connection_link.h"

#include <string.h>

#include "transport/agent/version.h"
#include "transport/wire/text.h"

/* Names of the query's items. */
static const char versions_item[] = "v", queues_item[] = "smp", e2e_item[] = "e2e", data_item[] = "data";

enum { VERSIONS_TEXT_MAX = 16, E2E_TEXT_MAX = 2048 };

/* ---- reading ---- */

static enum connection_mode read_mode(struct reader *reader) {
    if (read_if(reader, "invitation"))
        return CONNECTION_INVITATION;
    read_literal(reader, "contact");
    return CONNECTION_CONTACT;
}

static enum smq_result parse_versions(struct slice query, struct connection_request *request) {
    uint8_t buffer[VERSIONS_TEXT_MAX];
    struct slice value;
    if (query_find(query, versions_item, buffer, sizeof buffer, &value) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    struct reader reader = reader_of(value);
    request->agent_versions = read_version_range_text(&reader);
    return reader_finish(&reader);
}

/* Commas separate the hosts of a queue, so semicolons separate queues. */
static enum smq_result parse_queues(struct slice query, uint8_t *scratch, size_t capacity,
                                    struct connection_request *request) {
    struct slice value;
    if (query_find(query, queues_item, scratch, capacity, &value) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    struct reader reader = reader_of(value);
    do {
        if (request->queue_count == CONNECTION_QUEUES_MAX ||
            queue_uri_parse(read_until(&reader, ';'), &request->queues[request->queue_count]) != SMQ_OK)
            return SMQ_ERR_SYNTAX;
        request->queue_count++;
    } while (read_if(&reader, ";"));
    return reader_finish(&reader);
}

static enum smq_result parse_e2e(struct slice query, uint8_t *scratch, size_t capacity,
                                 struct connection_request *request) {
    struct slice value;
    if (query_find(query, e2e_item, scratch, capacity, &value) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    return e2e_link_text_parse(value, &request->e2e);
}

/* The item that stays in `scratch`: the others are unescaped behind it. */
static enum smq_result parse_data(struct slice query, uint8_t *scratch, size_t capacity,
                                  struct connection_request *request) {
    enum smq_result result = query_find(query, data_item, scratch, capacity, &request->client_data);
    request->has_client_data = result == SMQ_OK;
    return result == SMQ_ERR_NOT_FOUND ? SMQ_OK : result;
}

static void widen(struct version_range *range) {
    if (range->min < AGENT_VERSION_MIN)
        range->min = AGENT_VERSION_MIN;
    if (range->max < range->min)
        range->max = range->min;
}

static enum smq_result parse_query(struct slice query, uint8_t *scratch, size_t capacity,
                                   struct connection_request *request) {
    enum smq_result result = parse_versions(query, request);
    if (result == SMQ_OK)
        result = parse_data(query, scratch, capacity, request);
    if (result != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    scratch += request->client_data.length;
    capacity -= request->client_data.length;
    result = parse_queues(query, scratch, capacity, request);
    if (result == SMQ_OK && request->mode == CONNECTION_INVITATION)
        result = parse_e2e(query, scratch, capacity, request);
    if (request->mode == CONNECTION_CONTACT)
        widen(&request->agent_versions);
    return result;
}

enum smq_result connection_request_parse(struct slice text, uint8_t *scratch, size_t capacity,
                                         struct connection_request *request) {
    struct service_scheme scheme;
    struct reader reader = reader_of(text);
    if (capacity < text.length)
        return SMQ_ERR_TOO_LARGE;
    memset(request, 0, sizeof *request);
    read_service_scheme_text(&reader, &scheme);
    read_literal(&reader, "/");
    request->mode = read_mode(&reader);
    (void)read_if(&reader, "/");
    read_literal(&reader, "#/?");
    (void)read_if(&reader, "?");
    struct slice query = read_query(&reader);
    enum smq_result result = reader_finish(&reader);
    return result == SMQ_OK ? parse_query(query, scratch, capacity, request) : result;
}

enum smq_result connection_link_parse(struct slice text, uint8_t *scratch, size_t capacity,
                                      struct connection_link *link) {
    memset(link, 0, sizeof *link);
    link->is_short = short_link_parse(text, &link->short_link) == SMQ_OK;
    return link->is_short ? SMQ_OK : connection_request_parse(text, scratch, capacity, &link->full);
}

/* ---- writing ---- */

/* Escapes what `made` holds. */
static void write_escaped(struct writer *writer, const struct writer *made) {
    if (writer_finish(made) != SMQ_OK)
        writer_fail(writer);
    write_percent_encoded(writer, slice_of(made->start, writer_length(made)));
}

static void write_queues(struct writer *writer, const struct connection_request *request) {
    for (size_t i = 0; i < request->queue_count; i++) {
        uint8_t text[QUEUE_URI_TEXT_MAX];
        struct writer queue = writer_of(text, sizeof text);
        if (i > 0)
            write_u8(&queue, ';');
        write_queue_uri_text(&queue, &request->queues[i]);
        write_escaped(writer, &queue);
    }
}

static void write_e2e(struct writer *writer, const struct e2e_parameters *e2e) {
    uint8_t text[E2E_TEXT_MAX];
    struct writer query = writer_of(text, sizeof text);
    write_e2e_link_text(&query, e2e);
    write_escaped(writer, &query);
}

void write_connection_request_text(struct writer *writer, const struct service_scheme *scheme,
                                   const struct connection_request *request) {
    static const struct service_scheme simplex;
    bool is_invitation = request->mode == CONNECTION_INVITATION;
    write_service_scheme_text(writer, scheme != NULL ? scheme : &simplex);
    write_text(writer, is_invitation ? "/invitation#/?v=" : "/contact#/?v=");
    write_version_range_text(writer, request->agent_versions);
    write_text(writer, "&smp=");
    write_queues(writer, request);
    if (is_invitation) {
        write_text(writer, "&e2e=");
        write_e2e(writer, &request->e2e);
    }
    if (request->has_client_data) {
        write_text(writer, "&data=");
        write_percent_encoded(writer, request->client_data);
    }
}

/* ---- comparison ---- */

bool connection_request_same_contact(const struct connection_request *a, const struct connection_request *b) {
    if (a->mode != CONNECTION_CONTACT || b->mode != CONNECTION_CONTACT || a->queue_count != b->queue_count)
        return false;
    for (size_t i = 0; i < a->queue_count; i++)
        if (!queue_uri_same_queue(&a->queues[i], &b->queues[i]))
            return false;
    return true;
}
