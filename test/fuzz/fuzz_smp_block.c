/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes what a router does with a received block, down to the commands. The first byte selects the version, the
 * rest is the block from its padding length on; missing bytes are zero. */
#include "test/fuzz/smp_fuzz.h"
#include "transport/block/batch.h"
#include "transport/smp/command.h"
#include "transport/smp/session.h"

static const uint8_t session_id[32] = "session id of thirty-two bytes..";

static void fuzz_transmission(const struct transmission_form *form, struct slice bytes) {
    struct transmission transmission;
    struct smp_command command;
    struct smp_error error;
    if (smp_transmission_parse(form, bytes, &transmission, &error) != SMQ_OK)
        return;
    if (smp_command_parse(form->version, transmission.command, &command, &error) != SMQ_OK)
        return;
    (void)smp_command_check_credentials(&command, transmission.authorization_kind != AUTHORIZATION_NONE,
                                        transmission.entity_id.length > 0, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct smp_session session;
    struct block_content content;
    struct slice opened;
    struct slice transmission;
    if (length < 1 || length > 1 + SMP_BLOCK_SIZE)
        return 0;
    uint8_t *block = calloc(1, SMP_BLOCK_SIZE); /* on the heap, so that a sanitizer sees reads past its end */
    PROMISE(block != NULL);
    memcpy(block, bytes + 1, length - 1);
    PROMISE(smp_session_init(&session, SMP_SIDE_SERVER, fuzz_version(bytes[0]), slice_of(session_id, sizeof session_id),
                             NULL) == SMQ_OK);
    struct transmission_form form = smp_session_form(&session);
    if (smp_session_open_block(&session, block, &opened) == SMQ_OK && block_content_open(opened, &content) == SMQ_OK) {
        size_t total = 1;
        while (block_content_next(&content, &transmission)) {
            total += 2 + transmission.length;
            fuzz_transmission(&form, transmission);
        }
        PROMISE(total == opened.length);
    }
    free(block);
    return 0;
}
