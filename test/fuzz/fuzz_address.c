/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Hosts and server addresses: whatever parses must survive being written and parsed again. The first byte of the input
 * chooses the form. */
#include <stdlib.h>

#include "transport/wire/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool condition) {
    if (!condition)
        abort();
}

static void fuzz_text(struct slice input) {
    struct server_address address, again;
    struct password password, password_again;
    char text[ADDRESS_TEXT_MAX];
    if (server_address_parse_with_password(input, ADDRESS_SMP, &address, &password) != SMQ_OK)
        return;
    struct writer writer = writer_of(text, sizeof text);
    write_server_address_text(&writer, &address, &password, 0);
    require(writer_finish(&writer) == SMQ_OK);
    struct slice written = slice_of(text, writer_length(&writer));
    require(server_address_parse_with_password(written, ADDRESS_SMP, &again, &password_again) == SMQ_OK);
    require(server_address_equal(&address, &again));
    require(password_equal(&password, slice_of(password_again.bytes, password_again.length)));
}

static void fuzz_binary(struct slice input) {
    struct server_address address, again;
    uint8_t bytes[2048];
    struct reader reader = reader_of(input);
    read_server_address(&reader, ADDRESS_SMP, &address);
    if (reader_status(&reader) != SMQ_OK)
        return;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_server_address(&writer, &address);
    require(writer_finish(&writer) == SMQ_OK);
    reader = reader_of(slice_of(bytes, writer_length(&writer)));
    read_server_address(&reader, ADDRESS_SMP, &again);
    require(reader_finish(&reader) == SMQ_OK && server_address_equal(&address, &again));
}

static void fuzz_legacy(struct slice input) {
    struct server_address address;
    struct reader reader = reader_of(input);
    read_server_address_legacy(&reader, &address);
    require(reader_status(&reader) != SMQ_OK || address.host_count >= 1);
}

static void fuzz_host(struct slice input) {
    struct host host, again;
    if (host_parse(input, &host) != SMQ_OK)
        return;
    require(host_parse(slice_of_text(host.text), &again) == SMQ_OK);
    require(again.kind == host.kind && slice_equal(slice_of_text(again.text), slice_of_text(host.text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static void (*const forms[])(struct slice) = {fuzz_text, fuzz_binary, fuzz_legacy, fuzz_host};
    if (length == 0)
        return 0;
    forms[bytes[0] % (sizeof forms / sizeof forms[0])](slice_of(bytes + 1, length - 1));
    return 0;
}
