/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The reserve is a share of the limit, within bounds: relays may be many where clients are. */
#include "bin/common/server_descriptors.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include "queues/base/log.h"

enum { RESERVE_MIN = 64, RESERVE_MAX = 4096, RESERVE_SHARE = 16 };

void server_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warn("the limit of open files stays low: %s", strerror(errno));
}

static uint32_t most_connections(uint64_t descriptors) {
    uint64_t reserve = descriptors / RESERVE_SHARE;
    if (reserve < RESERVE_MIN)
        reserve = RESERVE_MIN;
    if (reserve > RESERVE_MAX)
        reserve = RESERVE_MAX;
    uint64_t most = descriptors > reserve ? descriptors - reserve : 1;
    return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

void server_fit_limits(struct net_limits *limits) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    uint32_t most = most_connections(limit.rlim_cur);
    if (limits->max_connections > most)
        log_warn("max_connections is more than the limit of open files allows: %u it is", (unsigned)most);
    if (limits->max_connections == 0 || limits->max_connections > most)
        limits->max_connections = most;
}
