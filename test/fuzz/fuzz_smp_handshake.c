/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes the three handshake parsers. The first byte selects which; the rest is the content of the block. */
#include "test/fuzz/smp_fuzz.h"
#include "transport/smp/handshake.h"
#include "transport/wire/padding.h"

static uint8_t block[SMP_BLOCK_SIZE];
static uint8_t written[SMP_BLOCK_SIZE];

static void fuzz_server_hello(void) {
    struct smp_server_hello hello;
    struct smp_server_hello again;
    struct version_range agreed;
    struct smp_transport_error error;
    if (smp_server_hello_parse(block, &hello) != SMQ_OK)
        return;
    PROMISE(smp_server_hello_write(&hello, written) == SMQ_OK);
    PROMISE(smp_server_hello_parse(written, &again) == SMQ_OK);
    PROMISE(again.has_key == hello.has_key && fuzz_equal(again.session_id, hello.session_id));
    PROMISE(!hello.has_key || (fuzz_equal(again.chain_key.chain, hello.chain_key.chain) &&
                               fuzz_equal(again.chain_key.signed_key, hello.chain_key.signed_key)));
    const struct version_range own = {.min = SMP_VERSION_MIN, .max = SMP_VERSION_MAX};
    for (int proxy = 0; proxy <= 1; proxy++)
        if (smp_client_agree(&hello, own, proxy == 1, hello.session_id, &agreed, &error) == SMQ_OK)
            PROMISE(agreed.min <= agreed.max && agreed.max <= own.max && agreed.max <= hello.versions.max);
}

static void fuzz_client_hello(void) {
    struct smp_client_hello hello;
    struct smp_client_hello again;
    if (smp_client_hello_parse(block, &hello) != SMQ_OK)
        return;
    PROMISE(smp_client_hello_write(&hello, written) == SMQ_OK);
    PROMISE(smp_client_hello_parse(written, &again) == SMQ_OK);
    PROMISE(again.version == hello.version && fuzz_equal(again.key_hash, hello.key_hash));
    PROMISE(again.has_key == hello.has_key && (!hello.has_key || public_key_equal(&again.key, &hello.key)));
    PROMISE(again.is_proxy == hello.is_proxy && again.has_service == hello.has_service);
    PROMISE(!hello.has_service || (again.service_role == hello.service_role &&
                                   fuzz_equal(again.service_chain_key.chain, hello.service_chain_key.chain)));
}

static void fuzz_service_response(void) {
    struct smp_service_response response;
    struct smp_service_response again;
    if (smp_service_response_parse(block, &response) != SMQ_OK)
        return;
    PROMISE(smp_service_response_write(&response, written) == SMQ_OK);
    PROMISE(smp_service_response_parse(written, &again) == SMQ_OK);
    PROMISE(again.accepted == response.accepted && fuzz_equal(again.service_id, response.service_id));
    PROMISE(smp_transport_error_equal(again.error, response.error));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static void (*const parsers[])(void) = {fuzz_server_hello, fuzz_client_hello, fuzz_service_response};
    if (length < 1 || pad(slice_of(bytes + 1, length - 1), block, sizeof block) != SMQ_OK)
        return 0;
    parsers[bytes[0] % 3]();
    return 0;
}
