/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes the parser of SMP responses and events: what parses is written in a form that parses to the same. */
#include "test/fuzz/smp_fuzz.h"
#include "transport/smp/response.h"

static struct slice rewrite(uint16_t version, const struct smp_response *response, uint8_t *buffer, size_t capacity) {
    struct writer writer = writer_of(buffer, capacity);
    smp_response_write(version, response, &writer);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    size_t length = writer_length(&writer);
    PROMISE(smp_response_size(version, response) == (length > SMP_BLOCK_SIZE ? SIZE_MAX : length));
    return slice_of(buffer, length);
}

/* Errors may be rephrased, and two events have another name in old versions. */
static bool written_as_read(uint16_t version, enum smp_response_tag tag) {
    return tag != SMP_ERR && !(tag == SMP_SOK && version < SMP_VERSION_SERVICE) &&
           !(tag == SMP_DELD && version < SMP_VERSION_DELETED_EVENT);
}

static void walk_chain(const struct chain_key *chain_key) {
    struct slice certificates[UINT8_MAX];
    size_t bytes = 0;
    size_t count = chain_certificates(chain_key, certificates, UINT8_MAX);
    PROMISE(count >= 1 && count <= UINT8_MAX);
    for (size_t i = 0; i < count; i++)
        bytes += 2 + certificates[i].length;
    PROMISE(bytes == chain_key->chain.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static uint8_t first[1 << 17];
    static uint8_t second[1 << 17];
    struct smp_response response;
    struct smp_error error;
    if (length < 1 || length > 1 << 16)
        return 0;
    uint16_t version = fuzz_version(bytes[0]);
    struct slice input = slice_of(bytes + 1, length - 1);
    if (smp_response_parse(version, input, &response, &error) != SMQ_OK) {
        PROMISE(error.code == SMP_ERROR_COMMAND);
        return 0;
    }
    (void)smp_response_check_entity(&response, bytes[0] % 2 == 0, &error);
    if (response.tag == SMP_PKEY)
        walk_chain(&response.proxy_key.chain_key);
    enum smp_response_tag tag = response.tag;
    struct slice written = rewrite(version, &response, first, sizeof first);
    PROMISE(!written_as_read(version, tag) || fuzz_equal(written, input));
    PROMISE(smp_response_parse(version, written, &response, &error) == SMQ_OK);
    PROMISE(fuzz_equal(rewrite(version, &response, second, sizeof second), written));
    return 0;
}
