/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "actors/router/operator/common_metrics.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/net/net.h"
#include "actors/router/operator/operator_private.h"
#include "actors/runtime/watch.h"

enum { LABEL_SIZE = 64, ROLES_MAX = 512 };

/* ---- memory and build */

static void write_build(struct metrics_text *metrics, void *context) {
    const struct operator* operator= context;
    char label[LABEL_SIZE];
    (void)snprintf(label, sizeof label, "version=\"%s\"", operator->version);
    metrics_sample(metrics, "", label, 1, SCALE_ONE);
}

static void write_resident(struct metrics_text *metrics, void *context) {
    char line[128]; /* sizes in pages; the second is what is in memory */
    char *rest = line;
    FILE *file = fopen("/proc/self/statm", "re");
    (void)context;
    if (file == NULL)
        return;
    if (fgets(line, sizeof line, file) != NULL && strtoll(line, &rest, 10) > 0)
        metrics_sample(metrics, "", NULL, strtoll(rest, NULL, 10) * sysconf(_SC_PAGESIZE), SCALE_ONE);
    (void)fclose(file);
}

static void write_heap(struct metrics_text *metrics, void *context) {
    struct mallinfo2 heap = mallinfo2();
    (void)context;
    metrics_sample(metrics, "", "state=\"used\"", (int64_t)(heap.uordblks + heap.hblkhd), SCALE_ONE);
    metrics_sample(metrics, "", "state=\"free\"", (int64_t)heap.fordblks, SCALE_ONE);
}

static void write_file_failures(struct metrics_text *metrics, void *context) {
    const struct operator* operator= context;
    metrics_sample(metrics, "", NULL, (int64_t)atomic_load_explicit(&operator->file_failures, memory_order_relaxed),
                   SCALE_ONE);
}

/* ---- roles */

/* One figure of every role. A proxy's lanes are named as those of the router that it is part of, and are told apart by
 * a number: the walk begins with those that started last.
 * The walk holds the list of roles, so it only notes. */
struct role_figures {
    uint64_t (*figure)(const struct watched *watched);
    unsigned count;
    struct {
        char name[16];
        uint64_t value;
    } roles[ROLES_MAX];
};

static void note_role(void *context, const struct watched *watched) {
    struct role_figures *figures = context;
    if (figures->count == ROLES_MAX)
        return;
    (void)snprintf(figures->roles[figures->count].name, sizeof figures->roles[0].name, "%s", watched->name);
    figures->roles[figures->count++].value = figures->figure(watched);
}

static void write_roles(struct metrics_text *metrics, uint64_t (*figure)(const struct watched *),
                        enum metric_scale scale) {
    struct role_figures figures = {.figure = figure};
    watch_each(note_role, &figures);
    for (unsigned i = 0; i < figures.count; i++) {
        char label[LABEL_SIZE];
        unsigned number = 1;
        for (unsigned j = 0; j < i; j++)
            number += strcmp(figures.roles[i].name, figures.roles[j].name) == 0;
        if (number == 1)
            (void)snprintf(label, sizeof label, "role=\"%s\"", figures.roles[i].name);
        else
            (void)snprintf(label, sizeof label, "role=\"%s#%u\"", figures.roles[i].name, number);
        metrics_sample(metrics, "", label, (int64_t)figures.roles[i].value, scale);
    }
}

static uint64_t busy_ms(const struct watched *watched) {
    return atomic_load_explicit(&watched->busy_ms, memory_order_relaxed);
}

static uint64_t turns(const struct watched *watched) {
    return atomic_load_explicit(&watched->turns, memory_order_relaxed);
}

static uint64_t received(const struct watched *watched) {
    return atomic_load_explicit(&watched->received, memory_order_relaxed);
}

static void write_queue_lengths(struct metrics_text *metrics, void *context) {
    (void)context;
    write_roles(metrics, watch_queue_length, SCALE_ONE);
}

static void write_busy(struct metrics_text *metrics, void *context) {
    (void)context;
    write_roles(metrics, busy_ms, SCALE_MILLI);
}

static void write_turns(struct metrics_text *metrics, void *context) {
    (void)context;
    write_roles(metrics, turns, SCALE_ONE);
}

static void write_received(struct metrics_text *metrics, void *context) {
    (void)context;
    write_roles(metrics, received, SCALE_ONE);
}

/* ---- connections */

static struct net_statistics net_figures(const struct operator* operator) {
    struct net_statistics figures = {0};
    if (operator->table.net != NULL && * operator->table.net != NULL)
        net_read_statistics(*operator->table.net, &figures);
    return figures;
}

static void write_connections(struct metrics_text *metrics, void *context) {
    metrics_sample(metrics, "", NULL, (int64_t)net_figures(context).connections, SCALE_ONE);
}

static void write_accepted(struct metrics_text *metrics, void *context) {
    metrics_sample(metrics, "", NULL, (int64_t)net_figures(context).accepted, SCALE_ONE);
}

static void write_blocks(struct metrics_text *metrics, void *context) {
    struct net_statistics figures = net_figures(context);
    metrics_sample(metrics, "", "direction=\"received\"", (int64_t)figures.blocks_received, SCALE_ONE);
    metrics_sample(metrics, "", "direction=\"sent\"", (int64_t)figures.blocks_sent, SCALE_ONE);
}

static void write_held(struct metrics_text *metrics, void *context) {
    metrics_sample(metrics, "", NULL, (int64_t)net_figures(context).blocks_held, SCALE_ONE);
}

static void write_unsent(struct metrics_text *metrics, void *context) {
    metrics_sample(metrics, "", NULL, (int64_t)net_figures(context).unsent_bytes, SCALE_ONE);
}

static void write_tls_failures(struct metrics_text *metrics, void *context) {
    metrics_sample(metrics, "", NULL, (int64_t)net_figures(context).tls_failures, SCALE_ONE);
}

static void write_refused(struct metrics_text *metrics, void *context) {
    struct net_statistics figures = net_figures(context);
    metrics_sample(metrics, "", "limit=\"address_connections\"", (int64_t)figures.refused_connections, SCALE_ONE);
    metrics_sample(metrics, "", "limit=\"address_rate\"", (int64_t)figures.refused_rate, SCALE_ONE);
    metrics_sample(metrics, "", "limit=\"handshakes\"", (int64_t)figures.dropped_handshakes, SCALE_ONE);
    metrics_sample(metrics, "", "limit=\"blocks\"", (int64_t)figures.dropped_blocks, SCALE_ONE);
    metrics_sample(metrics, "", "limit=\"cookies\"", (int64_t)figures.asked_cookies, SCALE_ONE);
    metrics_sample(metrics, "", "limit=\"unsent\"", (int64_t)figures.dropped_unsent, SCALE_ONE);
}

const struct metric_row common_metrics[] = {
    {.section = "This program", .name = "smq_build_info", .help = "The program", .type = "gauge", .write = write_build},
    {.name = "smq_memory_resident_bytes", .help = "Memory in use", .type = "gauge", .write = write_resident},
    {.name = "smq_memory_heap_bytes", .help = "Memory of the heap", .type = "gauge", .write = write_heap},
    {.name = "smq_file_failures_total",
     .help = "Statistics, daily lines and metrics that could not be written",
     .type = "counter",
     .write = write_file_failures},
    {.name = "smq_role_queue_length",
     .help = "Messages that wait for a role",
     .type = "gauge",
     .write = write_queue_lengths},
    {.name = "smq_role_busy_seconds_total",
     .help = "Time of the turns of a role",
     .type = "counter",
     .write = write_busy},
    {.name = "smq_role_turns_total", .help = "Turns of a role", .type = "counter", .write = write_turns},
    {.name = "smq_role_messages_total",
     .help = "Messages that a role has received",
     .type = "counter",
     .write = write_received},
    {.name = "smq_connections",
     .help = "Open connections, those in their handshake included",
     .type = "gauge",
     .write = write_connections},
    {.name = "smq_connections_accepted_total",
     .help = "Accepted connections",
     .type = "counter",
     .write = write_accepted},
    {.name = "smq_blocks_total", .help = "Blocks received and sent", .type = "counter", .write = write_blocks},
    {.name = "smq_blocks_held", .help = "Received blocks that are worked on", .type = "gauge", .write = write_held},
    {.name = "smq_unsent_bytes", .help = "Memory of what waits to be sent", .type = "gauge", .write = write_unsent},
    {.name = "smq_tls_failures_total",
     .help = "TLS handshakes that failed",
     .type = "counter",
     .write = write_tls_failures},
    {.name = "smq_refused_total",
     .help = "Connections and handshakes that met a limit",
     .type = "counter",
     .write = write_refused},
};
const size_t common_metric_count = sizeof common_metrics / sizeof common_metrics[0];
