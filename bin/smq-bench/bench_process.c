/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The kernel's figures of another process. */
#include "bin/smq-bench/bench_process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum smq_result bench_process_cpu_us(pid_t process, uint64_t *microseconds) {
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return SMQ_ERR_SYSTEM;
    *microseconds = (uint64_t)used.tv_sec * 1000000 + (uint64_t)used.tv_nsec / 1000;
    return SMQ_OK;
}

enum smq_result bench_process_rss_anon(pid_t process, uint64_t *bytes) {
    char path[32];
    char line[256];
    static const char label[] = "RssAnon:";
    unsigned long long kilobytes = 0;
    enum smq_result result = SMQ_ERR_SYNTAX;
    (void)snprintf(path, sizeof path, "/proc/%" PRIdMAX "/status", (intmax_t)process);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return SMQ_ERR_SYSTEM;
    while (result != SMQ_OK && fgets(line, sizeof line, file) != NULL) {
        char *end = line;
        if (strncmp(line, label, sizeof label - 1) == 0)
            kilobytes = strtoull(line + sizeof label - 1, &end, 10);
        if (end != line && strcmp(end, " kB\n") == 0)
            result = SMQ_OK;
    }
    (void)fclose(file);
    if (result == SMQ_OK)
        *bytes = kilobytes * 1024;
    return result;
}
