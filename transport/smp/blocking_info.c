/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Why a queue is blocked. */
#include "transport/smp/blocking_info.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "transport/wire/tag.h"

static const char *const reason_tags[] = {[SMP_BLOCKED_SPAM] = "spam", [SMP_BLOCKED_CONTENT] = "content"};

const char *smp_blocking_reason_text(enum smp_blocking_reason reason) {
    return reason_tags[reason];
}

bool smp_blocking_info_equal(const struct smp_blocking_info *a, const struct smp_blocking_info *b) {
    if (a->reason != b->reason || a->has_notice != b->has_notice)
        return false;
    if (!a->has_notice)
        return true;
    return a->has_ttl == b->has_ttl && (!a->has_ttl || a->ttl_seconds == b->ttl_seconds);
}

/* A JSON object whose optional `ttl` is an integer or null. */
static void read_notice(struct reader *reader, struct smp_blocking_info *info) {
    struct slice text = read_tail(reader);
    json_t *notice = json_loadb((const char *)text.bytes, text.length, 0, NULL);
    const json_t *ttl = json_object_get(notice, "ttl");

    info->has_notice = true;
    info->has_ttl = json_is_integer(ttl);
    info->ttl_seconds = info->has_ttl ? json_integer_value(ttl) : 0;
    if (!json_is_object(notice) || !(ttl == NULL || json_is_integer(ttl) || json_is_null(ttl)))
        reader_fail(reader);
    json_decref(notice);
}

void smp_blocking_info_read(struct reader *reader, struct smp_blocking_info *info) {
    memset(info, 0, sizeof *info);
    read_literal(reader, "reason=");
    struct reader reason = reader_of(read_until(reader, ','));
    info->reason = (enum smp_blocking_reason)READ_TAG(&reason, reason_tags);
    if (reader_finish(&reason) != SMQ_OK) {
        reader_fail(reader);
        return;
    }
    if (reader_left(reader) > 0) {
        read_literal(reader, ",notice=");
        read_notice(reader, info);
    }
}

void smp_blocking_info_write(struct writer *writer, const struct smp_blocking_info *info) {
    write_text(writer, "reason=");
    WRITE_TAG(writer, reason_tags, info->reason);
    if (!info->has_notice)
        return;
    write_text(writer, ",notice={");
    if (info->has_ttl) {
        char ttl[32];
        (void)snprintf(ttl, sizeof ttl, "\"ttl\":%lld", (long long)info->ttl_seconds);
        write_text(writer, ttl);
    }
    write_u8(writer, '}');
}
