/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes the parser of XFTP commands: what parses is written as it was read. */
#include "test/fuzz/fuzz.h"
#include "transport/xftp/command.h"

static void walk_keys(const struct key_list *keys) {
    struct public_key key;
    size_t count = 0;
    for (struct reader reader = reader_of(keys->encoded); key_list_next(&reader, &key); count++)
        PROMISE(key_authorizes_queues(key.algorithm));
    PROMISE(count == keys->count && count >= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static uint8_t written[1 << 17];
    struct xftp_command command;
    struct xftp_error error;
    if (length > 1 << 16)
        return 0;
    if (xftp_command_parse(slice_of(bytes, length), &command, &error) != SMQ_OK) {
        PROMISE(error.code == XFTP_ERROR_COMMAND);
        return 0;
    }
    if (command.tag == XFTP_FNEW)
        walk_keys(&command.create.recipient_keys);
    if (command.tag == XFTP_FADD)
        walk_keys(&command.recipient_keys);
    for (unsigned given = 0; given < 4; given++)
        (void)xftp_command_check_credentials(&command, given & 1, given & 2, &error);
    struct writer writer = writer_of(written, sizeof written);
    xftp_command_write(&writer, &command);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    PROMISE(fuzz_equal(slice_of(written, writer_length(&writer)), slice_of(bytes, length)));
    return 0;
}
