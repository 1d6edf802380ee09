/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes connection links: what parses is written in a form that parses to the same. The first byte says which form
 * the rest is in: text, or the binary of link data. */
#include "test/fuzz/smp_fuzz.h"
#include "transport/agent/connection_link.h"
#include "transport/agent/link_content.h"
#include "transport/crypto/setup.h"

enum { ROOM = 1 << 16, TEXT_ROOM = 8 * ROOM };

static uint8_t first[TEXT_ROOM], second[TEXT_ROOM], scratch[TEXT_ROOM];

static struct slice rewrite_text(const struct connection_request *request, uint8_t *buffer) {
    struct writer writer = writer_of(buffer, TEXT_ROOM);
    write_connection_request_text(&writer, NULL, request);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    return slice_of(buffer, writer_length(&writer));
}

static struct slice rewrite_short(const struct short_link *link, uint8_t *buffer) {
    struct writer writer = writer_of(buffer, TEXT_ROOM);
    write_short_link_text(&writer, link);
    PROMISE(writer_finish(&writer) == SMQ_OK && writer_length(&writer) <= SHORT_LINK_TEXT_MAX);
    return slice_of(buffer, writer_length(&writer));
}

static void fuzz_text(struct slice input) {
    static struct connection_link link, again;
    uint8_t *exact = malloc(input.length + 1); /* scratch of the size that is promised to suffice */
    PROMISE(exact != NULL);
    if (connection_link_parse(input, exact, input.length, &link) == SMQ_OK) {
        struct slice written = link.is_short ? rewrite_short(&link.short_link, first) : rewrite_text(&link.full, first);
        PROMISE(connection_link_parse(written, scratch, sizeof scratch, &again) == SMQ_OK);
        PROMISE(again.is_short == link.is_short);
        struct slice rewritten =
            again.is_short ? rewrite_short(&again.short_link, second) : rewrite_text(&again.full, second);
        PROMISE(fuzz_equal(written, rewritten));
        if (link.is_short) {
            struct server_address preset = link.short_link.server;
            short_link_shorten(&again.short_link, &preset, 1);
            short_link_restore(&again.short_link, &preset, 1);
        } else {
            PROMISE(connection_request_same_contact(&link.full, &again.full) == (link.full.mode == CONNECTION_CONTACT));
        }
    }
    free(exact);
}

static struct slice rewrite_binary(const struct connection_request *request, uint8_t *buffer) {
    struct writer writer = writer_of(buffer, TEXT_ROOM);
    write_connection_request(&writer, request);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    return slice_of(buffer, writer_length(&writer));
}

static void fuzz_binary(struct slice input) {
    static struct connection_request request;
    struct reader reader = reader_of(input);
    read_connection_request(&reader, &request);
    if (reader.failed)
        return;
    struct slice written = rewrite_binary(&request, first);
    reader = reader_of(written);
    read_connection_request(&reader, &request);
    PROMISE(!reader.failed);
    PROMISE(fuzz_equal(rewrite_binary(&request, second), written));
    (void)rewrite_text(&request, second);
}

static void fuzz_link_data(struct slice input) {
    static struct link_content content;
    struct link_fixed_data fixed;
    struct link_user_data user;
    struct link_check check;
    if (link_fixed_data_parse(input, &fixed) == SMQ_OK)
        (void)link_fixed_content_parse(&fixed, &content);
    if (link_user_data_parse(input, &user) == SMQ_OK) {
        struct public_key root = {.algorithm = KEY_ED25519, .length = 32};
        (void)link_owners_check(&root, &user, &check);
        struct writer writer = writer_of(second, sizeof second);
        write_link_fault(&writer, &check);
        PROMISE(writer_finish(&writer) == SMQ_OK && writer_length(&writer) <= LINK_FAULT_TEXT_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (length < 1 || length > ROOM)
        return 0;
    PROMISE(crypto_setup() == SMQ_OK);
    struct slice input = slice_of(bytes + 1, length - 1);
    switch (bytes[0] % 3) {
    case 0:
        fuzz_text(input);
        break;
    case 1:
        fuzz_binary(input);
        break;
    default:
        fuzz_link_data(input);
        break;
    }
    return 0;
}
