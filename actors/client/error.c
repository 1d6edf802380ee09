/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Errors as the library's users see them. */
#include <stdio.h>
#include <string.h>

#include "actors/client/client.h"

void error_set(struct smq_error *error, enum smq_result result, const char *text) {
    if (error == NULL)
        return;
    *error = (struct smq_error){.result = result};
    (void)snprintf(error->text, sizeof(error->text), "%s", text == NULL ? "" : text);
}
