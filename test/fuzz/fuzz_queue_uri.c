/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Queue addresses, short links and link data: whatever parses must survive being written and parsed again. The first
 * byte of the input chooses the form. */
#include <stdlib.h>
#include <string.h>

#include "transport/crypto/link_data.h"
#include "transport/wire/queue_uri.h"
#include "transport/wire/service_link.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool condition) {
    if (!condition)
        abort();
}

static void fuzz_uri_text(struct slice input) {
    struct queue_uri uri, again;
    char text[QUEUE_URI_TEXT_MAX];
    if (queue_uri_parse(input, &uri) != SMQ_OK)
        return;
    struct writer writer = writer_of(text, sizeof text);
    write_queue_uri_text(&writer, &uri);
    require(writer_finish(&writer) == SMQ_OK);
    require(queue_uri_parse(slice_of(text, writer_length(&writer)), &again) == SMQ_OK);
    require(queue_uri_same_queue(&uri, &again) && public_key_equal(&uri.dh_key, &again.dh_key));
    require(uri.mode == again.mode && uri.versions.min == again.versions.min);
}

static void fuzz_uri_binary(struct slice input) {
    struct queue_uri uri, again;
    uint8_t bytes[4096];
    struct reader reader = reader_of(input);
    read_queue_uri(&reader, &uri);
    if (reader_status(&reader) != SMQ_OK)
        return;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_queue_uri(&writer, &uri);
    require(writer_finish(&writer) == SMQ_OK);
    reader = reader_of(slice_of(bytes, writer_length(&writer)));
    read_queue_uri(&reader, &again);
    require(reader_finish(&reader) == SMQ_OK && queue_uri_same_queue(&uri, &again));
}

static void fuzz_info(struct slice input) {
    struct queue_uri uri;
    uint8_t bytes[4096];
    struct reader reader = reader_of(input);
    read_queue_info(&reader, &uri);
    if (reader_status(&reader) != SMQ_OK)
        return;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_queue_info(&writer, &uri);
    require(writer_finish(&writer) == SMQ_OK);
}

static void check_same_link(const struct short_link *a, const struct short_link *b) {
    require(a->type == b->type && server_address_equal(&a->server, &b->server));
    require(memcmp(a->link_key, b->link_key, sizeof a->link_key) == 0);
}

static void fuzz_link_text(struct slice input) {
    struct short_link link, again;
    char text[SHORT_LINK_TEXT_MAX];
    if (short_link_parse(input, &link) != SMQ_OK)
        return;
    struct writer writer = writer_of(text, sizeof text);
    write_short_link_text(&writer, &link);
    require(writer_finish(&writer) == SMQ_OK);
    require(short_link_parse(slice_of(text, writer_length(&writer)), &again) == SMQ_OK);
    check_same_link(&link, &again);
}

static void fuzz_link_binary(struct slice input) {
    struct short_link link, again;
    uint8_t bytes[4096];
    struct reader reader = reader_of(input);
    read_short_link(&reader, &link);
    if (reader_status(&reader) != SMQ_OK)
        return;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_short_link(&writer, &link);
    require(writer_finish(&writer) == SMQ_OK);
    reader = reader_of(slice_of(bytes, writer_length(&writer)));
    read_short_link(&reader, &again);
    require(reader_finish(&reader) == SMQ_OK);
    check_same_link(&link, &again);
}

static void fuzz_link_data(struct slice input) {
    struct link_fixed_data fixed;
    struct link_user_data user;
    (void)link_fixed_data_parse(input, &fixed);
    if (link_user_data_parse(input, &user) != SMQ_OK)
        return;
    struct reader owners = reader_of(user.owners);
    for (size_t i = 0; i < user.owner_count; i++) {
        struct link_owner owner;
        read_link_owner(&owners, &owner);
    }
    require(reader_finish(&owners) == SMQ_OK);
    struct reader relays = reader_of(user.relays);
    for (size_t i = 0; i < user.relay_count; i++) {
        struct short_link relay;
        read_short_link(&relays, &relay);
    }
    require(reader_finish(&relays) == SMQ_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static void (*const forms[])(struct slice) = {fuzz_uri_text,  fuzz_uri_binary,  fuzz_info,
                                                  fuzz_link_text, fuzz_link_binary, fuzz_link_data};
    if (length == 0)
        return 0;
    forms[bytes[0] % (sizeof forms / sizeof forms[0])](slice_of(bytes + 1, length - 1));
    return 0;
}
