/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Queue addresses that users hand to each other out of band. */
#include "transport/wire/queue_uri.h"

#include <string.h>

#include "transport/wire/text.h"

/* ---- text: reading */

static void read_dh_key_text(struct reader *reader, struct public_key *key) {
    uint8_t der[KEY_SPKI_MAX];
    size_t length = read_base64url(reader, der, sizeof der);
    if (reader->failed || public_key_parse(slice_of(der, length), key) != SMQ_OK || key->algorithm != KEY_X25519)
        reader_fail(reader);
}

static enum queue_mode mode_of_query(struct slice query) {
    uint8_t buffer[8];
    struct slice value;
    if (query_find(query, "q", buffer, sizeof buffer, &value) == SMQ_OK) {
        if (slice_equal(value, slice_of_text("m")))
            return QUEUE_MODE_MESSAGING;
        if (slice_equal(value, slice_of_text("c")))
            return QUEUE_MODE_CONTACT;
    }
    if (query_find(query, "k", buffer, sizeof buffer, &value) == SMQ_OK && slice_equal(value, slice_of_text("s")))
        return QUEUE_MODE_MESSAGING;
    return QUEUE_MODE_NONE;
}

/* `has_key`: the fragment had the key already. */
static enum smq_result parse_query(struct slice query, bool has_key, struct queue_uri *uri) {
    uint8_t buffer[ADDRESS_HOSTS_TEXT_MAX];
    struct slice value;
    enum smq_result result = query_find(query, "v", buffer, sizeof buffer, &value);
    if (result != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    struct reader reader = reader_of(value);
    uri->versions = read_version_range_text(&reader);
    if (reader_finish(&reader) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    if (!has_key) {
        if (query_find(query, "dh", buffer, sizeof buffer, &value) != SMQ_OK)
            return SMQ_ERR_SYNTAX;
        reader = reader_of(value);
        read_dh_key_text(&reader, &uri->dh_key);
        if (reader_finish(&reader) != SMQ_OK)
            return SMQ_ERR_SYNTAX;
    }
    result = query_find(query, "srv", buffer, sizeof buffer, &value);
    if (result == SMQ_OK && value.length > 0) {
        reader = reader_of(value);
        read_hosts_text(&reader, &uri->server);
        result = reader_finish(&reader);
    }
    if (result != SMQ_OK && result != SMQ_ERR_NOT_FOUND)
        return SMQ_ERR_SYNTAX;
    uri->mode = mode_of_query(query);
    return SMQ_OK;
}

enum smq_result queue_uri_parse(struct slice text, struct queue_uri *uri) {
    struct queue_uri parsed = {0};
    struct reader reader = reader_of(text);
    read_server_address_text(&reader, ADDRESS_SMP, &parsed.server);
    read_literal(&reader, "/");
    parsed.sender_id_length = (uint8_t)read_base64url(&reader, parsed.sender_id, sizeof parsed.sender_id);
    (void)read_if(&reader, "/");
    read_literal(&reader, "#");
    uint8_t next = reader_peek(&reader);
    bool has_key = next != '/' && next != '?';
    if (has_key)
        read_dh_key_text(&reader, &parsed.dh_key);
    enum smq_result result = reader_status(&reader);
    if (result == SMQ_OK && has_key && reader_left(&reader) == 0) {
        parsed.versions = (struct version_range){.min = SMP_CLIENT_VERSION_MIN, .max = SMP_CLIENT_VERSION_MIN};
    } else if (result == SMQ_OK) {
        (void)read_if(&reader, "/");
        read_literal(&reader, "?");
        struct slice query = read_query(&reader);
        result = reader_finish(&reader);
        if (result == SMQ_OK)
            result = parse_query(query, has_key, &parsed);
    }
    if (result != SMQ_OK)
        return result;
    if (parsed.versions.max < SMP_CLIENT_VERSION_HOSTS)
        server_address_add_known_onion(&parsed.server);
    *uri = parsed;
    return SMQ_OK;
}

/* ---- text: writing */

static void write_escaped_key(struct writer *writer, const struct public_key *key) {
    uint8_t der[KEY_SPKI_MAX];
    uint8_t text[KEY_SPKI_MAX * 2];
    struct writer der_writer = writer_of(der, sizeof der);
    struct writer text_writer = writer_of(text, sizeof text);
    write_public_key_der(&der_writer, key);
    write_base64(&text_writer, slice_of(der, writer_length(&der_writer)), BASE64_URL);
    if (writer_finish(&der_writer) != SMQ_OK || writer_finish(&text_writer) != SMQ_OK)
        writer_fail(writer);
    write_percent_encoded(writer, slice_of(text, writer_length(&text_writer)));
}

static void write_escaped_hosts(struct writer *writer, const struct server_address *server, size_t first) {
    uint8_t text[ADDRESS_HOSTS_TEXT_MAX];
    struct writer text_writer = writer_of(text, sizeof text);
    write_hosts_text(&text_writer, server, first, false);
    if (writer_finish(&text_writer) != SMQ_OK)
        writer_fail(writer);
    write_percent_encoded(writer, slice_of(text, writer_length(&text_writer)));
}

void write_queue_uri_text(struct writer *writer, const struct queue_uri *uri) {
    bool one_host = uri->versions.min < SMP_CLIENT_VERSION_HOSTS;
    write_server_address_text(writer, &uri->server, NULL, one_host ? 1 : 0);
    write_text(writer, "/");
    write_base64(writer, slice_of(uri->sender_id, uri->sender_id_length), BASE64_URL);
    write_text(writer, "#/?v=");
    write_version_range_text(writer, uri->versions);
    write_text(writer, "&dh=");
    write_escaped_key(writer, &uri->dh_key);
    if (uri->mode != QUEUE_MODE_NONE)
        write_text(writer, uri->mode == QUEUE_MODE_MESSAGING ? "&q=m" : "&q=c");
    if (uri->mode == QUEUE_MODE_MESSAGING && uri->versions.min < SMP_CLIENT_VERSION_SHORT_LINKS)
        write_text(writer, "&k=s");
    if (one_host && uri->server.host_count > 1) {
        write_text(writer, "&srv=");
        write_escaped_hosts(writer, &uri->server, 1);
    }
}

/* ---- binary */

static void read_ids(struct reader *reader, struct queue_uri *uri) {
    struct slice sender_id = read_short(reader);
    uri->sender_id_length = (uint8_t)sender_id.length;
    if (sender_id.length > 0)
        memcpy(uri->sender_id, sender_id.bytes, sender_id.length);
    read_public_key_of(reader, KEY_X25519, &uri->dh_key);
}

static void write_ids(struct writer *writer, const struct queue_uri *uri) {
    write_short(writer, slice_of(uri->sender_id, uri->sender_id_length));
    write_public_key(writer, &uri->dh_key);
}

/* The byte that may come last: a mode, the boolean that older versions had in its place, or nothing. */
static enum queue_mode read_mode(struct reader *reader) {
    enum queue_mode mode = QUEUE_MODE_NONE;
    if (reader->failed || reader_left(reader) == 0)
        return mode;
    switch (reader_peek(reader)) {
    case 'M':
    case 'T':
        mode = QUEUE_MODE_MESSAGING;
        break;
    case 'C':
    case 'F':
        mode = QUEUE_MODE_CONTACT;
        break;
    default:
        return mode;
    }
    (void)read_u8(reader);
    return mode;
}

static void write_mode(struct writer *writer, enum queue_mode mode) {
    if (mode != QUEUE_MODE_NONE)
        write_u8(writer, mode == QUEUE_MODE_MESSAGING ? 'M' : 'C');
}

void read_queue_uri(struct reader *reader, struct queue_uri *uri) {
    *uri = (struct queue_uri){.versions = read_version_range(reader)};
    read_server_address(reader, ADDRESS_SMP, &uri->server);
    read_ids(reader, uri);
    uri->mode = read_mode(reader);
}

void write_queue_uri(struct writer *writer, const struct queue_uri *uri) {
    bool messaging = uri->mode == QUEUE_MODE_MESSAGING;
    write_version_range(writer, uri->versions);
    write_server_address(writer, &uri->server);
    write_ids(writer, uri);
    if (uri->versions.min >= SMP_CLIENT_VERSION_SHORT_LINKS)
        write_mode(writer, uri->mode);
    else if (uri->versions.min >= SMP_CLIENT_VERSION_SENDER_KEY ||
             (uri->versions.max >= SMP_CLIENT_VERSION_SENDER_KEY && messaging))
        write_bool(writer, messaging);
}

void read_queue_info(struct reader *reader, struct queue_uri *uri) {
    uint16_t version = read_u16(reader);
    *uri = (struct queue_uri){.versions = {.min = version, .max = version}};
    if (version >= SMP_CLIENT_VERSION_HOSTS)
        read_server_address(reader, ADDRESS_SMP, &uri->server);
    else
        read_server_address_legacy(reader, &uri->server);
    read_ids(reader, uri);
    uri->mode = read_mode(reader);
}

void write_queue_info(struct writer *writer, const struct queue_uri *uri) {
    uint16_t version = uri->versions.max;
    write_u16(writer, version);
    if (version >= SMP_CLIENT_VERSION_HOSTS)
        write_server_address(writer, &uri->server);
    else
        write_server_address_legacy(writer, &uri->server);
    write_ids(writer, uri);
    if (version >= SMP_CLIENT_VERSION_SHORT_LINKS)
        write_mode(writer, uri->mode);
    else if (version >= SMP_CLIENT_VERSION_SENDER_KEY && uri->mode == QUEUE_MODE_MESSAGING)
        write_bool(writer, true);
}

bool queue_uri_same_queue(const struct queue_uri *a, const struct queue_uri *b) {
    return server_address_same(&a->server, &b->server) &&
           slice_equal(slice_of(a->sender_id, a->sender_id_length), slice_of(b->sender_id, b->sender_id_length));
}
