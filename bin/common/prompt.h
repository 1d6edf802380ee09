/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Questions to the person at the terminal: asked on stdout, answered on stdin. Main thread; they block until there is a
 * line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "smq/result.h"

/* Asks and reads one line into `answer`, without its line end. SMQ_ERR_CLOSED: stdin has ended; SMQ_ERR_TOO_LARGE. */
enum smq_result prompt_line(const char *question, char *answer, size_t size);

/* "<question> (Yn): " or "(yN): " by the default `yes`, until the answer is empty, y, Y, n or N. SMQ_ERR_CLOSED. */
enum smq_result prompt_switch(const char *question, bool *yes);

/* "<warning>\nContinue (Y/n): "; whether the answer was exactly "Y". */
bool prompt_confirm(const char *warning);
