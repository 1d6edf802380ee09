/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Figures of a store, in lines or as JSON. */
#include "bin/smp-server/smp_store_stats.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "stores/smp/store.h"

struct row {
    const char *name;
    uint64_t value;
};

static int print_rows(const struct row *rows, size_t count, bool json) {
    if (!json) {
        for (size_t i = 0; i < count; i++)
            printf("%-24s %" PRIu64 "\n", rows[i].name, rows[i].value);
        return 0;
    }
    json_t *object = json_object();
    for (size_t i = 0; object != NULL && i < count; i++)
        (void)json_object_set_new(object, rows[i].name, json_integer((json_int_t)rows[i].value));
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (text == NULL)
        return 1;
    printf("%s\n", text);
    free(text);
    return 0;
}

int smp_store_stats(const char *folder, bool json) {
    struct store *store;
    struct store_totals totals;
    struct store_space space;
    enum smq_result result = store_open_to_read(&smp_store_layout, folder, &store);
    if (result == SMQ_OK) {
        result = store_space_get(store, &space, &totals);
        store_close(&store);
    }
    if (result != SMQ_OK) {
        (void)fprintf(stderr, "Error: %s: %s\n", folder, smq_result_text(result));
        return 1;
    }
    const struct row rows[] = {
        {"queues", totals.queues},
        {"queues_active", totals.queues_by_status[0]},
        {"queues_off", totals.queues_by_status[1]},
        {"queues_blocked", totals.queues_by_status[2]},
        {"queues_secured", totals.queues_secured},
        {"notifiers", totals.notifiers},
        {"links", totals.links},
        {"messages", totals.messages},
        {"notifications", totals.notifications},
        {"file_bytes", space.file_bytes},
        {"used_bytes", space.used_bytes},
        {"free_bytes", space.free_bytes},
        {"body_bytes", space.body_bytes},
        {"body_segments", space.segments},
        {"body_segments_empty", space.empty_segments},
        {"purges_pending", space.purges},
        {"readers", space.readers},
        {"snapshots", space.snapshots},
        {"oldest_snapshot_commits", space.oldest_commits},
        {"oldest_snapshot_process", space.oldest_process},
    };
    return print_rows(rows, sizeof rows / sizeof rows[0], json);
}
