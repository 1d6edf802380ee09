/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One queue: status, block, unblock, delete. The writer finds the queue and changes it in one operation; the roles that
 * serve it are told of what it did, and the last of them has the control port answer. */
#include <inttypes.h>
#include <string.h>

#include "actors/router/operator/date.h"
#include "actors/router/writer.h"
#include "actors/smp/control.h"
#include "actors/smp/metrics.h"
#include "actors/smp/notifier_move.h"
#include "actors/smp/post.h"
#include "actors/smp/queue_notice.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "stores/smp/queue_store.h"
#include "transport/wire/text.h"

enum { INFO_SIZE = 128 };

/* What is asked, and what became of it. */
struct queue_change {
    struct writer_request request; /* first */
    struct queue_notice notice;
    struct smp_router *router;
    struct control_request *asked;
    enum smq_result (*change)(struct queue_change *change, struct store_txn *txn, const struct queue_record *record);
    void (*answer)(struct queue_change *change); /* when it was done */
    uint8_t id[QUEUE_ID_MAX];
    size_t id_length;
    struct smp_blocking_info info; /* block: the new; unblock: the one before */
    enum queue_status before;      /* as it was */
    bool is_told;                  /* somebody has to know */
    bool is_counted;               /* in the quota of the day */
    enum smq_result outcome;
    struct queue_deleted deleted;
};

/* ---- words of the reference */

static void show_info(struct text_buffer *text, const struct smp_blocking_info *info) {
    text_add(text, "BlockingInfo {reason = %s, notice = ", info->reason == SMP_BLOCKED_SPAM ? "BRSpam" : "BRContent");
    if (!info->has_notice)
        text_add(text, "Nothing}");
    else if (info->has_ttl)
        text_add(text, "Just (ClientNotice {ttl = Just %" PRId64 "})}", info->ttl_seconds);
    else
        text_add(text, "Just (ClientNotice {ttl = Nothing})}");
}

static void show_status(struct text_buffer *text, enum queue_status status, const struct smp_blocking_info *info) {
    if (status != QUEUE_BLOCKED) {
        text_add(text, status == QUEUE_OFF ? "EntityOff" : "EntityActive");
        return;
    }
    text_add(text, "EntityBlocked (");
    show_info(text, info);
    text_add(text, ")");
}

/* Members of a JSON object. */
static void json_status(struct text_buffer *text, enum queue_status status, const struct smp_blocking_info *info) {
    static const char *const names[] = {[QUEUE_ACTIVE] = "active", [QUEUE_OFF] = "off", [QUEUE_BLOCKED] = "blocked"};
    text_add(text, "\"status\":\"%s\"", names[status]);
    if (status != QUEUE_BLOCKED)
        return;
    text_add(text, ",\"reason\":\"%s\"", smp_blocking_reason_text(info->reason));
    if (info->has_notice && info->has_ttl)
        text_add(text, ",\"notice\":{\"ttl\":%" PRId64 "}", info->ttl_seconds);
    else if (info->has_notice)
        text_add(text, ",\"notice\":{}");
}

static struct smp_blocking_info info_of(const struct queue_record *record) {
    struct smp_blocking_info info = {.reason = SMP_BLOCKED_SPAM};
    struct reader reader = reader_of(record->status_info);
    if (record->status == QUEUE_BLOCKED)
        smp_blocking_info_read(&reader, &info);
    return info;
}

static void answer_result(const struct smp_router *router, struct control_request *request, enum smq_result result) {
    if (result == SMQ_ERR_NOT_FOUND)
        control_error(request, "AUTH");
    else if (result == SMQ_ERR_NO_CREDIT)
        control_error(request, "reached limit of %d queues blocked daily", operator_block_quota(router->operator));
    else
        control_error(request, "STORE %s", smq_result_text(result));
}

/* ---- finding it */

static enum smq_result find(struct store_txn *txn, struct slice id, struct queue_record *record) {
    enum smq_result result = queue_store_find_record(txn, QUEUE_SENDER, id, record);
    return result == SMQ_ERR_NOT_FOUND ? queue_store_find_record(txn, QUEUE_LINK, id, record) : result;
}

/* The id that comes next; false: it is none, which is answered. */
static bool read_id(struct control_request *request, uint8_t id[QUEUE_ID_MAX], size_t *length) {
    struct slice text = control_argument(&request->arguments);
    if (base64url_parse(text, id, QUEUE_ID_MAX, length) == SMQ_OK)
        return true;
    control_error(request, "Failed reading: invalid ID");
    control_done(request);
    return false;
}

/* Nothing may follow; false: something does, which is answered. */
static bool is_end(struct control_request *request) {
    if (request->arguments.length == 0)
        return true;
    control_error(request, "endOfInput");
    control_done(request);
    return false;
}

/* ---- status */

static void write_record(struct control_request *request, const struct queue_record *record) {
    struct text_buffer *text = &request->answer;
    struct smp_blocking_info info = info_of(record);
    int64_t updated = (int64_t)record->updated_day * DATE_DAY_S;
    bool is_messaging = record->mode == 'M';
    if (request->is_json) {
        text_add(text, "{");
        json_status(text, record->status, &info);
        if (record->updated_day > 0)
            text_add(text, ",\"updatedAt\":%" PRId64, updated);
        if (record->mode != 0)
            text_add(text, ",\"queueMode\":\"%s\"", is_messaging ? "messaging" : "contact");
        text_add(text, "}\n");
        return;
    }
    text_add(text, "status: ");
    show_status(text, record->status, &info);
    if (record->updated_day > 0)
        text_add(text, ", updatedAt: Just (RoundedSystemTime {roundedSeconds = %" PRId64 "})", updated);
    else
        text_add(text, ", updatedAt: Nothing");
    text_add(text, ", queueMode: %s\n",
             record->mode == 0 ? "Nothing"
             : is_messaging    ? "Just QMMessaging"
                               : "Just QMContact");
}

void control_status(void *context, struct control_request *request) {
    struct smp_router *router = context;
    uint8_t id[QUEUE_ID_MAX];
    size_t length;
    struct store_reader *reader = NULL;
    struct store_txn *txn;
    struct queue_record record;
    if (!read_id(request, id, &length) || !is_end(request))
        return;
    enum smq_result result = store_reader_create(router->store, &reader);
    if (result == SMQ_OK)
        result = store_reader_begin(reader, &txn);
    if (result == SMQ_OK)
        result = find(txn, slice_of(id, length), &record);
    if (result == SMQ_OK)
        write_record(request, &record);
    else
        answer_result(router, request, result);
    store_reader_destroy(&reader);
    control_done(request);
}

/* ---- changes */

static struct queue_change *change_of(struct store_operation *operation) {
    return (struct queue_change *)(void *)writer_request_of(operation);
}

static void finish(struct queue_change *change) {
    struct control_request *asked = change->asked;
    if (change->outcome == SMQ_OK)
        change->answer(change);
    else
        answer_result(change->router, asked, change->outcome);
    control_done(asked); /* which frees the change, too */
}

static void notice_done(struct queue_notice *notice) {
    finish(owner_of(notice, struct queue_change, notice));
}

static void note(struct queue_change *change, const struct queue_record *record) {
    struct queue_notice *notice = &change->notice;
    notice->queue = record->number;
    notice->recipient.length = (uint8_t)record->recipient_id.length;
    memcpy(notice->recipient.bytes, record->recipient_id.bytes, record->recipient_id.length);
    notifier_move_note(&notice->move, record->notifier.service_id);
    change->before = record->status;
}

/* An operation may be applied again after it was taken back. */
static void give_quota_back(struct queue_change *change) {
    if (change->is_counted)
        change->router->blocked.count--;
    change->is_counted = false;
}

/* What the change comes to is recorded: only a broken transaction fails the operation. */
static enum smq_result change_apply(struct store_operation *operation, struct store_txn *txn) {
    struct queue_change *change = change_of(operation);
    struct queue_record record;
    give_quota_back(change);
    change->is_told = false;
    change->outcome = find(txn, slice_of(change->id, change->id_length), &record);
    if (change->outcome == SMQ_OK) {
        note(change, &record);
        change->outcome = change->change(change, txn, &record);
    }
    return change->outcome == SMQ_ERR_NOT_FOUND || change->outcome == SMQ_ERR_NO_CREDIT ? SMQ_OK : change->outcome;
}

/* On the writer's thread. */
static void change_completed(struct store_operation *operation, enum smq_result result) {
    struct queue_change *change = change_of(operation);
    if (result != SMQ_OK) {
        give_quota_back(change);
        change->outcome = result;
    }
    if (change->outcome != SMQ_OK || !change->is_told) {
        finish(change);
        return;
    }
    change->notice.move.order = writer_next_order(change->router->writer);
    queue_notice_send(change->router, &change->notice);
}

/* NULL: it was answered. */
static struct queue_change *make_change(struct smp_router *router, struct control_request *request) {
    struct queue_change *change = memory_zalloc(sizeof *change);
    if (change == NULL) {
        control_error(request, "%s", smq_result_text(SMQ_ERR_NO_MEMORY));
        control_done(request);
        return NULL;
    }
    request->owned = change;
    change->router = router;
    change->asked = request;
    change->notice.done = notice_done;
    change->request.operation =
        (struct store_operation){.bytes = INFO_SIZE, .apply = change_apply, .completed = change_completed};
    return read_id(request, change->id, &change->id_length) ? change : NULL;
}

/* ---- block */

/* Whether one more may be blocked today: on the writer's thread. */
static bool take_quota(struct queue_change *change) {
    struct blocked_today *blocked = &change->router->blocked;
    int32_t quota = operator_block_quota(change->router->operator);
    int64_t day = date_day(clock_realtime_s());
    if (blocked->day != day)
        *blocked = (struct blocked_today){.day = day};
    if (quota == 0 || blocked->count < quota)
        return true;
    change->outcome = SMQ_ERR_NO_CREDIT;
    return false;
}

static enum smq_result block(struct queue_change *change, struct store_txn *txn, const struct queue_record *record) {
    uint8_t bytes[INFO_SIZE];
    struct writer writer = writer_of(bytes, sizeof bytes);
    struct smp_blocking_info before = info_of(record);
    bool was_active;
    if (!take_quota(change))
        return SMQ_ERR_NO_CREDIT;
    if (record->status == QUEUE_BLOCKED && smp_blocking_info_equal(&before, &change->info))
        return SMQ_OK;
    smp_blocking_info_write(&writer, &change->info);
    enum smq_result result = queue_store_block(txn, (struct queue_reference){record->number, record->auth_version},
                                               slice_of(bytes, writer_length(&writer)), &was_active);
    if (result != SMQ_OK)
        return result;
    change->is_told = true;
    change->notice.kind = QUEUE_NOTICE_BLOCKED;
    change->notice.blocked = change->info;
    change->is_counted = was_active;
    change->router->blocked.count += was_active;
    return SMQ_OK;
}

static void answer_block(struct queue_change *change) {
    struct control_request *request = change->asked;
    struct text_buffer *text = &request->answer;
    bool was_active = change->before == QUEUE_ACTIVE;
    if (was_active)
        counters_add(change->router->counters, COUNT_Q_BLOCKED, 1);
    if (request->is_json) {
        text_add(text, "{\"wasActive\":%s,", was_active ? "true" : "false");
        json_status(text, QUEUE_BLOCKED, &change->info);
        text_add(text, "}\n");
        return;
    }
    text_add(text, was_active ? "ok, queue blocked: " : "ok, already inactive: ");
    show_status(text, QUEUE_BLOCKED, &change->info);
    text_add(text, "\n");
}

void control_block(void *context, struct control_request *request) {
    struct queue_change *change = make_change(context, request);
    if (change == NULL)
        return;
    struct reader reader = reader_of(request->arguments);
    smp_blocking_info_read(&reader, &change->info);
    if (reader_finish(&reader) != SMQ_OK) {
        control_error(request, request->arguments.length == 0 ? "space: not enough input"
                                                              : "Failed reading: reason=spam or reason=content, and "
                                                                "perhaps ,notice={\"ttl\":SECONDS}");
        control_done(request);
        return;
    }
    change->change = block;
    change->answer = answer_block;
    post_writer(&change->router->base, &change->request);
}

/* ---- unblock */

static enum smq_result unblock(struct queue_change *change, struct store_txn *txn, const struct queue_record *record) {
    change->info = info_of(record);
    return record->status != QUEUE_BLOCKED
               ? SMQ_OK
               : queue_store_unblock(txn, (struct queue_reference){record->number, record->auth_version});
}

static void answer_unblock(struct queue_change *change) {
    struct control_request *request = change->asked;
    struct text_buffer *text = &request->answer;
    if (request->is_json) {
        text_add(text, "{\"before\":{");
        json_status(text, change->before, &change->info);
        text_add(text, "},\"status\":\"%s\"}\n", change->before == QUEUE_OFF ? "off" : "active");
    } else if (change->before == QUEUE_BLOCKED) {
        text_add(text, "ok, queue unblocked, reason to block was: ");
        show_info(text, &change->info);
        text_add(text, "\n");
    } else {
        text_add(text, change->before == QUEUE_ACTIVE ? "ok, queue was active\n" : "error, queue is inactive\n");
    }
}

void control_unblock(void *context, struct control_request *request) {
    struct queue_change *change = make_change(context, request);
    if (change == NULL || !is_end(request))
        return;
    change->change = unblock;
    change->answer = answer_unblock;
    post_writer(&change->router->base, &change->request);
}

/* ---- delete */

static enum smq_result delete_queue(struct queue_change *change, struct store_txn *txn,
                                    const struct queue_record *record) {
    change->is_told = true;
    change->notice.kind = QUEUE_NOTICE_DELETED;
    enum smq_result result =
        queue_store_delete(txn, (struct queue_reference){record->number, record->auth_version}, &change->deleted);
    change->notice.notifier = change->deleted.notifier;
    return result;
}

static void answer_delete(struct queue_change *change) {
    struct control_request *request = change->asked;
    struct counters *counters = change->router->counters;
    counters_add(counters, COUNT_Q_DELETED_ALL, 1);
    counters_add(counters, change->deleted.secured ? COUNT_Q_DELETED_SECURED : COUNT_Q_DELETED_NEW, 1);
    text_add(&request->answer,
             request->is_json ? "{\"deletedMessages\":%" PRIu64 "}\n" : "ok, %" PRIu64 " messages deleted\n",
             change->deleted.messages);
}

void control_delete(void *context, struct control_request *request) {
    struct queue_change *change = make_change(context, request);
    if (change == NULL || !is_end(request))
        return;
    change->change = delete_queue;
    change->answer = answer_delete;
    post_writer(&change->router->base, &change->request);
}
