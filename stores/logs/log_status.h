/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fields that logs of more than one router have: whether something is served, and why it is not. Pure. */
#pragma once

#include "queues/base/cursor.h"

/* In the order of enum queue_status and enum file_status. */
enum log_status { LOG_STATUS_ACTIVE, LOG_STATUS_OFF, LOG_STATUS_BLOCKED };

/* `active`, `off`, or `blocked,` and why, which `info` gets. */
enum log_status log_read_status(struct reader *reader, struct slice *info);
void log_write_status(struct writer *writer, enum log_status status, struct slice info);

/* reason=spam|content[,notice={...}], a slice of what is read. What is in a notice is for who imports it to look at. */
struct slice log_read_blocking(struct reader *reader);
bool log_blocking_has_notice(struct slice blocking);
