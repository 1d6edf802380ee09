/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The detail of the CMD error. */
#include "transport/block/command_error.h"

#include "transport/wire/tag.h"

static const char *const command_error_tags[] = {
    [COMMAND_UNKNOWN] = "UNKNOWN",        [COMMAND_SYNTAX] = "SYNTAX",     [COMMAND_PROHIBITED] = "PROHIBITED",
    [COMMAND_NO_AUTH] = "NO_AUTH",        [COMMAND_HAS_AUTH] = "HAS_AUTH", [COMMAND_NO_ENTITY] = "NO_ENTITY",
    [COMMAND_NO_ENTITY + 1] = "NO_QUEUE",
};

enum command_error command_error_read(struct reader *reader) {
    size_t value = READ_TAG(reader, command_error_tags);
    return value > COMMAND_NO_ENTITY ? COMMAND_NO_ENTITY : (enum command_error)value;
}

void command_error_write(struct writer *writer, enum command_error error) {
    if (error > COMMAND_NO_ENTITY)
        writer_fail(writer);
    else
        WRITE_TAG(writer, command_error_tags, error);
}
