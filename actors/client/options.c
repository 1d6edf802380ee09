/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Option structs of programs that know another release. */
#include "actors/client/options.h"

#include <string.h>

void options_init(void *options, size_t size, const void *defaults, size_t known) {
    if (options == NULL || size < sizeof size)
        return;
    memset(options, 0, size);
    memcpy(options, defaults, size < known ? size : known);
    memcpy(options, &size, sizeof size);
}

bool options_take(void *chosen, size_t smallest, const void *given) {
    size_t size, known;
    if (given == NULL)
        return true;
    memcpy(&known, chosen, sizeof known);
    memcpy(&size, given, sizeof size);
    if (size < smallest || size > known)
        return false;
    memcpy(chosen, given, size);
    memcpy(chosen, &known, sizeof known);
    return true;
}
