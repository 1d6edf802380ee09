/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What can be wrong with a command by itself: the detail of the CMD error. Pure and re-entrant: any thread. */
#pragma once

#include "queues/base/cursor.h"

enum smp_command_error {
    SMP_COMMAND_UNKNOWN,
    SMP_COMMAND_SYNTAX,
    SMP_COMMAND_PROHIBITED,
    SMP_COMMAND_NO_AUTH,
    SMP_COMMAND_HAS_AUTH,
    SMP_COMMAND_NO_ENTITY, /* read also as NO_QUEUE, its old name */
};

/* The word on the wire and in texts; the reader fails on any other. */
enum smp_command_error smp_command_error_read(struct reader *reader);
void smp_command_error_write(struct writer *writer, enum smp_command_error error);
