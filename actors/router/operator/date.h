/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Dates in the forms that the reference writes them. Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"

enum { DATE_TEXT_SIZE = 48, DATE_DAY_S = 86400 };

enum date_form {
    DATE_ISO,   /* 2026-11-29T04:29:06.528011988Z; no trailing zeros of the fraction, no fraction when it is 0 */
    DATE_SHOWN, /* 2026-11-29 04:29:06.528011988 UTC */
    DATE_DAY    /* 2026-11-29 */
};

/* `ns`: since 1970. */
void date_write(int64_t ns, enum date_form form, char text[DATE_TEXT_SIZE]);
/* DATE_ISO. SMQ_ERR_SYNTAX. */
enum smq_result date_read(struct slice text, int64_t *ns);

/* Days since 1970 that the second is in, also for seconds before that. */
int64_t date_day(int64_t second);
/* Whether a Monday, or the first of a month, is among the days after `from`, up to `to` (days since 1970). */
bool date_week_began(int64_t from, int64_t to);
bool date_month_began(int64_t from, int64_t to);
