/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What can be wrong with a command by itself: the detail of the CMD error. Pure and re-entrant: any thread. */
#pragma once

#include "queues/base/cursor.h"

enum command_error {
    COMMAND_UNKNOWN,
    COMMAND_SYNTAX,
    COMMAND_PROHIBITED,
    COMMAND_NO_AUTH,
    COMMAND_HAS_AUTH,
    COMMAND_NO_ENTITY, /* read also as NO_QUEUE, its old name */
};

/* The word on the wire and in texts; the reader fails on any other. */
enum command_error command_error_read(struct reader *reader);
void command_error_write(struct writer *writer, enum command_error error);
