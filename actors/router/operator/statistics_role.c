/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The statistics role: the daily line, the metrics file and the statistics file, each at its time. It is the one that
 * takes from the statistics. It goes by the date, which may jump: it looks every minute at the latest, and a line is
 * due a day ahead at most. What could not be written is tried again. */
#include <errno.h>
#include <string.h>

#include "actors/router/operator/daily_line.h"
#include "actors/router/operator/date.h"
#include "actors/router/operator/file.h"
#include "actors/router/operator/operator_private.h"
#include "actors/router/operator/post.h"
#include "actors/router/operator/statistics_file.h"
#include "actors/runtime/actor.h"
#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"

enum written_file { DAILY_FILE, STATISTICS_FILE, METRICS_FILE, FILE_COUNT };

enum { LOOK_MS = 60000, SOON_MS = 100, KEEP_MS = 600000 };

struct statistics_role {
    struct operator* operator;
    struct actor *actor;
    int64_t line_due;            /* seconds since 1970 */
    bool is_failing[FILE_COUNT]; /* logged; until the next success */
    struct wheel_timer line, keep, metrics;
};

/* Logs the first failure of several, and their end. */
static enum smq_result told(struct statistics_role *role, enum written_file file, const char *path,
                            enum smq_result result) {
    if (result != SMQ_OK) {
        atomic_fetch_add_explicit(&role->operator->file_failures, 1, memory_order_relaxed);
        if (!role->is_failing[file])
            log_error("cannot write %s: %s; trying again", path,
                      result == SMQ_ERR_SYSTEM ? strerror(errno) : smq_result_text(result));
    } else if (role->is_failing[file]) {
        log_info("%s was written", path);
    }
    role->is_failing[file] = result != SMQ_OK;
    return result;
}

static struct statistics_role *role_at(struct wheel_timer *timer, size_t offset) {
    return (struct statistics_role *)(void *)((char *)timer - offset);
}

static void again(struct statistics_role *role, struct wheel_timer *timer, uint64_t ms) {
    wheel_add(actor_wheel(role->actor), timer, clock_monotonic_ms() + ms);
}

static void line_timer(struct wheel_timer *timer) {
    struct statistics_role *role = role_at(timer, offsetof(struct statistics_role, line));
    struct operator* operator= role->operator;
    int64_t now_ns = clock_realtime_ns(), now = now_ns / 1000000000;
    if (now >= role->line_due && told(role, DAILY_FILE, operator->daily_path,
                                      daily_line_append(operator->statistics, operator->daily_path, now_ns)) == SMQ_OK)
        role->line_due = daily_line_due(now);
    if (role->line_due - now > DATE_DAY_S) /* the clock was put back */
        role->line_due = daily_line_due(now);
    int64_t left_ms = (role->line_due - now) * 1000 + SOON_MS;
    again(role, timer, left_ms > SOON_MS && left_ms < LOOK_MS ? (uint64_t)left_ms : LOOK_MS);
}

static enum smq_result keep(struct statistics_role *role) {
    const struct operator* operator= role->operator;
    return told(role, STATISTICS_FILE, operator->statistics_path,
                statistics_save(operator->statistics, operator->statistics_path));
}

static void keep_timer(struct wheel_timer *timer) {
    struct statistics_role *role = role_at(timer, offsetof(struct statistics_role, keep));
    (void)keep(role);
    again(role, timer, KEEP_MS);
}

static void metrics_timer(struct wheel_timer *timer) {
    struct statistics_role *role = role_at(timer, offsetof(struct statistics_role, metrics));
    struct operator* operator= role->operator;
    struct text_buffer text = {0};
    enum smq_result result = operator_metrics(operator, true, &text);
    if (result == SMQ_OK)
        result = file_replace(operator->metrics_path, slice_of(text.bytes, text.length), FILE_LOOSE);
    (void)told(role, METRICS_FILE, operator->metrics_path, result);
    text_free(&text);
    again(role, timer, (uint64_t) operator->metrics_interval_s * 1000);
}

static void receive(void *state, struct message *message) {
    struct statistics_role *role = state;
    struct control_request *request = (struct control_request *)(void *)message;
    bool is_saved = role->operator->statistics_path == NULL || keep(role) == SMQ_OK;
    if (request->is_json)
        text_add(&request->answer, is_saved ? "{\"saved\":true}\n" : "{\"saved\":false}\n");
    else
        text_add(&request->answer, "saving server state...\n%s\n",
                 is_saved ? "server state saved!" : "error: the statistics file could not be written");
    control_done(request);
}

static enum smq_result start(void *state) {
    struct statistics_role *role = state;
    const struct operator* operator= role->operator;
    role->line.fire = line_timer;
    role->keep.fire = keep_timer;
    role->metrics.fire = metrics_timer;
    role->line_due = daily_line_due(atomic_load(&operator->statistics->from_ns) / 1000000000);
    if (operator->daily_path != NULL)
        again(role, &role->line, 0);
    if (operator->statistics_path != NULL)
        again(role, &role->keep, KEEP_MS);
    if (operator->metrics_path != NULL)
        again(role, &role->metrics, (uint64_t) operator->metrics_interval_s * 1000);
    return SMQ_OK;
}

static void stop(void *state) {
    struct statistics_role *role = state;
    wheel_cancel(actor_wheel(role->actor), &role->line);
    wheel_cancel(actor_wheel(role->actor), &role->keep);
    wheel_cancel(actor_wheel(role->actor), &role->metrics);
}

static const struct actor_ops ops = {.role = "statistics", .start = start, .receive = receive, .stop = stop};

enum smq_result statistics_role_create(struct operator* operator, struct statistics_role ** role) {
    struct statistics_role *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->operator= operator;
    enum smq_result result = actor_create(&ops, created, -1, &created->actor);
    if (result != SMQ_OK)
        memory_free(created);
    else
        *role = created;
    return result;
}

struct actor *statistics_role_actor(struct statistics_role *role) {
    return role->actor;
}

void statistics_role_destroy(struct statistics_role **role) {
    memory_free(*role);
    *role = NULL;
}
