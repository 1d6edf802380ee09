/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Disk lanes: their life, their messages, and the removal of chunk files. */
#include "actors/xftp/disk.h"

#include <string.h>

#include "actors/xftp/post.h"
#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"

enum {
    REMOVED_MAX = 256,       /* files that were removed, and are to be taken off the store's list at a time */
    REMOVED_PAUSE_MS = 1000, /* how long they wait for others */
};

/* What was removed, on its way to the store. */
struct removed {
    struct change change; /* first */
    struct xftp_disk_lane *lane;
    size_t count;
    struct file_id files[REMOVED_MAX];
};

struct xftp_disk_lane {
    struct xftp_router *router;
    struct actor *actor;
    struct removed *gathering; /* removed, but the store has not been told; NULL: none */
    struct wheel_timer timer;
};

/* ---- removal ---- */

struct removal *removal_create(const struct file_id *file) {
    struct removal *removal = memory_zalloc(sizeof *removal);
    if (removal != NULL)
        removal->file = *file;
    return removal;
}

static enum smq_result apply_removed(struct store_operation *operation, struct store_txn *txn) {
    const struct removed *removed = (struct removed *)(void *)change_of(operation);
    enum smq_result result = SMQ_OK;
    for (size_t i = 0; i < removed->count && result == SMQ_OK; i++)
        result = file_store_removal_done(txn, file_id_slice(&removed->files[i]));
    return result;
}

/* What the store could not note stays on its list, which is looked at again later. */
static void removed_completed(struct store_operation *operation, enum smq_result result) {
    (void)result;
    memory_free(change_of(operation));
}

/* Removals are durable before the list forgets them. */
static void tell_store(struct xftp_disk_lane *lane) {
    struct removed *removed = lane->gathering;
    lane->gathering = NULL;
    if (removed == NULL)
        return;
    removed->change.operation =
        (struct store_operation){.apply = apply_removed, .completed = removed_completed, .grows = false};
    if (chunk_folder_sync(lane->router->folder) != SMQ_OK || post_change(lane->router, &removed->change) != SMQ_OK)
        memory_free(removed);
}

static void tell_store_in_time(struct wheel_timer *timer) {
    tell_store(caa_container_of(timer, struct xftp_disk_lane, timer));
}

static void note_removed(struct xftp_disk_lane *lane, const struct file_id *file) {
    if (lane->gathering == NULL) {
        lane->gathering = memory_zalloc(sizeof *lane->gathering);
        if (lane->gathering == NULL)
            return;
        wheel_add(actor_wheel(lane->actor), &lane->timer, actor_now_ms(lane->actor) + REMOVED_PAUSE_MS);
    }
    lane->gathering->files[lane->gathering->count++] = *file;
    if (lane->gathering->count == REMOVED_MAX)
        tell_store(lane);
}

static enum smq_result remove_file(struct xftp_disk_lane *lane, const struct file_id *file) {
    enum smq_result result = chunk_remove(lane->router->folder, file_id_slice(file));
    if (result == SMQ_OK || result == SMQ_ERR_NOT_FOUND)
        note_removed(lane, file);
    return result;
}

/* FDEL is answered when the file is gone; an upload that came too late has its answer already. */
static void remove_for(struct xftp_disk_lane *lane, struct request *request) {
    (void)remove_file(lane, &request->file);
    request_return(request);
}

static void unlink_for(struct xftp_disk_lane *lane, struct removal *removal) {
    (void)remove_file(lane, &removal->file);
    memory_free(removal);
}

/* ---- the lane ---- */

static void disk_receive(void *state, struct message *message) {
    struct xftp_disk_lane *lane = state;
    struct request *request = (struct request *)(void *)message;
    switch ((enum disk_message)message->kind) {
    case DISK_WRITE:
        disk_write((struct piece *)(void *)message);
        break;
    case DISK_COMMIT:
        disk_commit(lane->router, request);
        break;
    case DISK_ABANDON:
        disk_abandon(lane->router, request);
        break;
    case DISK_OPEN:
        disk_open(lane->router, request);
        break;
    case DISK_READ:
        disk_read((struct piece *)(void *)message);
        break;
    case DISK_CLOSE:
        disk_close(request);
        break;
    case DISK_REMOVE:
        remove_for(lane, request);
        break;
    case DISK_UNLINK:
        unlink_for(lane, (struct removal *)(void *)message);
        break;
    }
}

static enum smq_result disk_start(void *state) {
    struct xftp_disk_lane *lane = state;
    lane->timer.fire = tell_store_in_time;
    return SMQ_OK;
}

static void disk_stop(void *state) {
    struct xftp_disk_lane *lane = state;
    wheel_cancel(actor_wheel(lane->actor), &lane->timer);
    tell_store(lane);
}

static const struct actor_ops disk_ops = {
    .role = "disk", .start = disk_start, .receive = disk_receive, .stop = disk_stop, .batch_limit = 16};

enum smq_result xftp_disk_lane_create(struct xftp_router *router, unsigned index, struct xftp_disk_lane **out) {
    struct xftp_disk_lane *lane = memory_zalloc(sizeof *lane);
    if (lane == NULL)
        return SMQ_ERR_NO_MEMORY;
    lane->router = router;
    enum smq_result result = actor_create(&disk_ops, lane, (int)index, &lane->actor);
    if (result != SMQ_OK) {
        memory_free(lane);
        return result;
    }
    *out = lane;
    router->addresses.disks[index] = lane->actor;
    return supervisor_start_actor(router->supervisor, lane->actor);
}

void xftp_disk_lane_destroy(struct xftp_disk_lane **lane) {
    if (*lane == NULL)
        return;
    memory_free((*lane)->gathering);
    memory_free(*lane);
    *lane = NULL;
}
