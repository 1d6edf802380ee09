/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes the opening of XFTP blocks. The input is the content of the block; the session id is 32 bytes of 0xc0 and so
 * on. What opens and parses is written, unsigned, so that it opens to the same. */
#include "test/fuzz/fuzz.h"
#include "transport/wire/padding.h"
#include "transport/xftp/block.h"

static uint8_t block[XFTP_BLOCK_SIZE], again[XFTP_BLOCK_SIZE];

static void write_again(const struct xftp_envelope *envelope, const struct transmission *transmission) {
    struct xftp_command command;
    struct xftp_error error;
    struct transmission second;
    if (xftp_command_parse(transmission->command, &command, &error) != SMQ_OK)
        return;
    PROMISE(xftp_command_block_write(envelope, NULL, NULL, &command, again) == SMQ_OK);
    PROMISE(xftp_block_open(slice_of(again, sizeof again), envelope->session_id, &second, &error) == SMQ_OK);
    PROMISE(fuzz_equal(second.command, transmission->command));
    PROMISE(fuzz_equal(second.authorized, transmission->authorized));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    uint8_t session[32];
    struct transmission transmission;
    struct xftp_error error;
    for (size_t i = 0; i < sizeof session; i++)
        session[i] = (uint8_t)(0xc0 + i);
    if (pad(slice_of(bytes, length), block, sizeof block) != SMQ_OK)
        return 0;
    struct xftp_envelope envelope = {.session_id = slice_of(session, sizeof session)};
    if (xftp_block_open(slice_of(block, sizeof block), envelope.session_id, &transmission, &error) != SMQ_OK) {
        PROMISE(error.code == XFTP_ERROR_BLOCK || error.code == XFTP_ERROR_SESSION);
        PROMISE(transmission.command.length == 0 && transmission.entity_id.length == 0);
        return 0;
    }
    envelope.correlation_id = transmission.correlation_id;
    envelope.entity_id = transmission.entity_id;
    write_again(&envelope, &transmission);
    return 0;
}
