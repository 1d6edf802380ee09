/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes the parsers of NTF commands, responses and hellos. The first byte says which, the second the version. */
#include "test/fuzz/smp_fuzz.h"
#include "transport/crypto/setup.h"
#include "transport/ntf/command.h"
#include "transport/ntf/handshake.h"
#include "transport/ntf/response.h"
#include "transport/wire/padding.h"

enum { ROOM = 1 << 16 };

static uint8_t first[2 * ROOM], second[2 * ROOM];

static struct slice rewrite_command(const struct ntf_command *command, uint8_t *buffer) {
    struct writer writer = writer_of(buffer, sizeof first);
    ntf_command_write(command, &writer);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    return slice_of(buffer, writer_length(&writer));
}

static void fuzz_command(struct slice input) {
    struct ntf_command command;
    struct smp_error error;
    if (ntf_command_parse(input, &command, &error) != SMQ_OK) {
        PROMISE(error.command == COMMAND_UNKNOWN || error.command == COMMAND_SYNTAX);
        return;
    }
    struct slice written = rewrite_command(&command, first);
    PROMISE(ntf_command_parse(written, &command, &error) == SMQ_OK);
    PROMISE(fuzz_equal(rewrite_command(&command, second), written));
    ntf_command_wipe(&command);
}

static struct slice rewrite_response(uint16_t version, const struct ntf_response *response, uint8_t *buffer) {
    struct writer writer = writer_of(buffer, sizeof first);
    ntf_response_write(version, response, &writer);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    return slice_of(buffer, writer_length(&writer));
}

static void fuzz_response(uint16_t version, struct slice input) {
    struct ntf_response response;
    struct smp_error error;
    if (ntf_response_parse(input, &response, &error) != SMQ_OK)
        return;
    struct slice written = rewrite_response(version, &response, first);
    PROMISE(ntf_response_parse(written, &response, &error) == SMQ_OK);
    PROMISE(fuzz_equal(rewrite_response(version, &response, second), written));
}

static void fuzz_hellos(struct slice input) {
    uint8_t again[NTF_BLOCK_SIZE];
    struct public_key leaf = {.algorithm = KEY_ED25519, .length = 32}, key;
    struct ntf_server_hello server;
    struct ntf_client_hello client;
    uint8_t *block = malloc(NTF_BLOCK_SIZE);
    PROMISE(block != NULL);
    memset(block, '#', NTF_BLOCK_SIZE);
    memcpy(block, input.bytes, input.length < NTF_BLOCK_SIZE ? input.length : NTF_BLOCK_SIZE);
    if (ntf_server_hello_parse(block, &server) == SMQ_OK) {
        PROMISE(ntf_server_hello_write(&server, again) == SMQ_OK);
        PROMISE(ntf_client_session_key(&server, &leaf, &key) != SMQ_OK || key.algorithm == KEY_NONE);
    }
    if (ntf_client_hello_parse(block, &client) == SMQ_OK)
        PROMISE(ntf_client_hello_write(&client, again) == SMQ_OK);
    free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (length < 2 || length > ROOM)
        return 0;
    PROMISE(crypto_setup() == SMQ_OK);
    uint16_t version = (uint16_t)(NTF_VERSION_MIN + bytes[1] % NTF_VERSION_MAX);
    struct slice input = slice_of(bytes + 2, length - 2);
    switch (bytes[0] % 3) {
    case 0:
        fuzz_command(input);
        break;
    case 1:
        fuzz_response(version, input);
        break;
    default:
        fuzz_hellos(input);
        break;
    }
    return 0;
}
