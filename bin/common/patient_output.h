/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* stdout and stderr of a server, behind which nobody may be reading. */
#pragma once

/* From now on what is printed through stdio to stdout and stderr waits at most a second for a reader that is not there,
 * once for each of the two; what finds no room after that is dropped. Call it before other threads are started. */
void patient_output_begin(void);

/* errno of the first write to stdout that failed, after everything printed so far was tried; 0: none did. That nobody
 * reads is no failure. */
int patient_output_error(void);
