/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `stats-rts` of every router's control port. */
#include <malloc.h>
#include <sys/resource.h>

#include "actors/router/operator/control.h"

void control_runtime(void *context, struct control_request *request) {
    struct mallinfo2 heap = mallinfo2();
    struct rusage usage = {0};
    (void)context;
    (void)getrusage(RUSAGE_SELF, &usage);
    text_add(&request->answer,
             request->is_json ? "{\"heapUsed\":%zu,\"heapFree\":%zu,\"residentMaxKb\":%ld,\"cpuUserMs\":%ld,"
                                "\"cpuSystemMs\":%ld}\n"
                              : "heap_used_bytes: %zu\nheap_free_bytes: %zu\nresident_max_kb: %ld\ncpu_user_ms: "
                                "%ld\ncpu_system_ms: %ld\n",
             heap.uordblks + heap.hblkhd, heap.fordblks, usage.ru_maxrss,
             usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000,
             usage.ru_stime.tv_sec * 1000 + usage.ru_stime.tv_usec / 1000);
    control_done(request);
}
