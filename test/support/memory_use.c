/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How much memory this process uses. */
#include "test/support/memory_use.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/support/require.h"

uint64_t memory_heap_in_use(void) {
    struct mallinfo2 figures = mallinfo2();
    return figures.uordblks + figures.hblkhd;
}

#ifdef __SANITIZE_ADDRESS__
uint64_t memory_resident(void) {
    return 0;
}
#else
uint64_t memory_resident(void) {
    static const char label[] = "RssAnon:";
    char line[256];
    uint64_t kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "re");
    require(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, label, sizeof label - 1) == 0)
            kilobytes = strtoull(line + sizeof label - 1, NULL, 10);
    (void)fclose(file);
    require(kilobytes > 0);
    return kilobytes * 1024;
}
#endif
