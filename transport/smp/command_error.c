/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The detail of the CMD error. */
#include "transport/smp/command_error.h"

#include "transport/wire/tag.h"

static const char *const command_error_tags[] = {
    [SMP_COMMAND_UNKNOWN] = "UNKNOWN",        [SMP_COMMAND_SYNTAX] = "SYNTAX",
    [SMP_COMMAND_PROHIBITED] = "PROHIBITED",  [SMP_COMMAND_NO_AUTH] = "NO_AUTH",
    [SMP_COMMAND_HAS_AUTH] = "HAS_AUTH",      [SMP_COMMAND_NO_ENTITY] = "NO_ENTITY",
    [SMP_COMMAND_NO_ENTITY + 1] = "NO_QUEUE",
};

enum smp_command_error smp_command_error_read(struct reader *reader) {
    size_t value = READ_TAG(reader, command_error_tags);
    return value > SMP_COMMAND_NO_ENTITY ? SMP_COMMAND_NO_ENTITY : (enum smp_command_error)value;
}

void smp_command_error_write(struct writer *writer, enum smp_command_error error) {
    if (error > SMP_COMMAND_NO_ENTITY)
        writer_fail(writer);
    else
        WRITE_TAG(writer, command_error_tags, error);
}
