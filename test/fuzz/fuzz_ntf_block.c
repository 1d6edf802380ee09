/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes what an NTF router does with a received block, down to the commands, and what a client does with one, down to
 * the responses. The first byte selects the version, the rest is the block from its padding length on; missing bytes
 * are zero. */
#include "test/fuzz/smp_fuzz.h"
#include "transport/crypto/setup.h"
#include "transport/ntf/block.h"
#include "transport/ntf/command.h"
#include "transport/ntf/response.h"
#include "transport/smp/session.h"

static const uint8_t session_id[32] = "session id of thirty-two bytes..";

static struct slice rewrite_command(const struct ntf_command *command, uint8_t *buffer) {
    struct writer writer = writer_of(buffer, 2 * NTF_BLOCK_SIZE);
    ntf_command_write(command, &writer);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    return slice_of(buffer, writer_length(&writer));
}

/* What parses is written in a form that parses to the same; queues of historic servers are the only ones that grow. */
static void fuzz_command(struct slice bytes) {
    static uint8_t first[2 * NTF_BLOCK_SIZE], second[2 * NTF_BLOCK_SIZE];
    struct ntf_command command;
    struct smp_error error;
    if (ntf_command_parse(bytes, &command, &error) != SMQ_OK) {
        PROMISE(error.code == SMP_ERROR_COMMAND);
        return;
    }
    (void)ntf_command_check_credentials(&command, true, true, &error);
    struct slice written = rewrite_command(&command, first);
    PROMISE(ntf_command_parse(written, &command, &error) == SMQ_OK);
    PROMISE(fuzz_equal(rewrite_command(&command, second), written));
    ntf_command_wipe(&command);
}

static void fuzz_response(uint16_t version, struct slice bytes) {
    static uint8_t again[2 * NTF_BLOCK_SIZE];
    struct ntf_response response;
    struct smp_error error;
    if (ntf_response_parse(bytes, &response, &error) != SMQ_OK)
        return;
    (void)ntf_response_check_entity(&response, true, &error);
    struct writer writer = writer_of(again, sizeof again);
    ntf_response_write(version, &response, &writer);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    PROMISE(ntf_response_parse(slice_of(again, writer_length(&writer)), &response, &error) == SMQ_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct block_content content;
    struct slice item;
    if (length < 1 || length > 1 + NTF_BLOCK_SIZE)
        return 0;
    PROMISE(crypto_setup() == SMQ_OK);
    uint16_t version = (uint16_t)(NTF_VERSION_MIN + bytes[0] % NTF_VERSION_MAX);
    uint8_t *block = calloc(1, NTF_BLOCK_SIZE); /* on the heap, so that a sanitizer sees reads past its end */
    PROMISE(block != NULL);
    memcpy(block, bytes + 1, length - 1);
    struct transmission_form form = ntf_form(version, slice_of(session_id, sizeof session_id));
    if (ntf_block_open(version, block, &content) == SMQ_OK) {
        while (block_content_next(&content, &item)) {
            struct transmission transmission;
            struct smp_error error;
            if (smp_transmission_parse(&form, item, &transmission, &error) != SMQ_OK)
                continue;
            PROMISE(!transmission.has_service_signature);
            fuzz_command(transmission.command);
            fuzz_response(version, transmission.command);
        }
    }
    free(block);
    return 0;
}
