/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes lines of the reference's logs. The first byte selects the log. What is read is written; what was written is
 * read and written the same. */
#include "stores/logs/ntf_store_log.h"
#include "stores/logs/smp_message_log.h"
#include "stores/logs/smp_store_log.h"
#include "stores/logs/xftp_store_log.h"
#include "test/fuzz/fuzz.h"

enum { WRITTEN_MAX = 1 << 20 };

static const struct log_record_table *const tables[] = {&smp_store_log, &smp_message_log, &smp_notification_log,
                                                        &xftp_store_log, &ntf_store_log};

static union {
    struct smp_log_record store;
    struct smp_log_message message;
    struct smp_log_notification notification;
    struct xftp_log_record xftp;
    struct ntf_log_record ntf;
} record;
static uint8_t first[WRITTEN_MAX], second[WRITTEN_MAX];

/* Up to the first end of a line: a record may be written as two. */
static struct slice write_line(const struct log_record_table *table, unsigned kind, uint8_t *bytes) {
    struct writer writer = writer_of(bytes, WRITTEN_MAX);
    PROMISE(log_record_write(table, &writer, kind, &record) == SMQ_OK);
    const uint8_t *end = memchr(bytes, '\n', writer_length(&writer));
    PROMISE(end != NULL);
    return slice_of(bytes, (size_t)(end - bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    unsigned kind, again;
    if (length == 0)
        return 0;
    const struct log_record_table *table = tables[bytes[0] % (sizeof tables / sizeof tables[0])];
    uint8_t *room = malloc(length);
    PROMISE(room != NULL);
    if (memchr(bytes + 1, '\n', length - 1) == NULL &&
        log_record_read(table, slice_of(bytes + 1, length - 1), room, length, &kind, &record) == SMQ_OK) {
        struct slice line = write_line(table, kind, first);
        uint8_t *more = malloc(line.length);
        PROMISE(more != NULL);
        PROMISE(log_record_read(table, line, more, line.length, &again, &record) == SMQ_OK && again == kind);
        PROMISE(fuzz_equal(line, write_line(table, kind, second)));
        free(more);
    }
    free(room);
    return 0;
}
