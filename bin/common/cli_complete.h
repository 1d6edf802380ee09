/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a shell offers when a command line is to be completed; from the tables, so that it is never behind them. */
#pragma once

#include "bin/common/cli.h"

/* Prints how the last of `words` may go on, one candidate a line; they are what was typed after the program's name, the
 * last one perhaps empty. `=` may be a word of its own, as bash has it. A line ":path" stands for names of files. */
void cli_complete(const struct cli_program *program, int count, char **words);
