/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes the parser of SMP commands: what parses is written in a form that parses to the same. */
#include "test/fuzz/smp_fuzz.h"
#include "transport/smp/command.h"

static struct slice rewrite(uint16_t version, const struct smp_command *command, uint8_t *buffer, size_t capacity) {
    struct writer writer = writer_of(buffer, capacity);
    smp_command_write(version, command, &writer);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    return slice_of(buffer, writer_length(&writer));
}

static void check_credentials(const struct smp_command *command) {
    for (int presence = 0; presence < 4; presence++) {
        struct smp_error error;
        enum smq_result result =
            smp_command_check_credentials(command, (presence & 1) != 0, (presence & 2) != 0, &error);
        PROMISE((result == SMQ_OK) == (error.code == SMP_ERROR_NONE));
    }
}

static void walk_keys(const struct smp_command *command) {
    struct reader reader = reader_of(command->key_list.encoded);
    struct public_key key;
    size_t count = 0;
    while (key_list_next(&reader, &key))
        count++;
    PROMISE(count == command->key_list.count && reader_finish(&reader) == SMQ_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static uint8_t first[1 << 17];
    static uint8_t second[1 << 17];
    struct smp_command command;
    struct smp_error error;
    if (length < 1 || length > 1 << 16)
        return 0;
    uint16_t version = fuzz_version(bytes[0]);
    struct slice input = slice_of(bytes + 1, length - 1);
    if (smp_command_parse(version, input, &command, &error) != SMQ_OK) {
        PROMISE(error.code == SMP_ERROR_COMMAND);
        PROMISE(error.command == COMMAND_UNKNOWN || error.command == COMMAND_SYNTAX);
        return 0;
    }
    check_credentials(&command);
    if (command.tag == SMP_RKEY)
        walk_keys(&command);
    struct slice written = rewrite(version, &command, first, sizeof first);
    PROMISE(command.tag == SMP_SEND || fuzz_equal(written, input)); /* later flag bytes of SEND are not kept */
    PROMISE(smp_command_parse(version, written, &command, &error) == SMQ_OK);
    PROMISE(fuzz_equal(rewrite(version, &command, second, sizeof second), written));
    return 0;
}
