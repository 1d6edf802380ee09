/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Export of the store. */
#include "bin/smp-server/smp_export.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bin/smp-server/smp_reference_files.h"
#include "stores/smp/export.h"
#include "transport/crypto/box.h"
#include "transport/crypto/notification_meta.h"
#include "transport/crypto/setup.h"

/* Their order is that in which they get their names: the store log, which the reference starts on, is the last. */
enum { OUT_MESSAGES, OUT_NOTIFICATIONS, OUT_QUEUES, OUT_COUNT };

struct exporting {
    struct store *store;
    struct store_reader *reader;
    struct store_txn *txn;
    struct log_output *outputs[OUT_COUNT];
    struct smp_export_counts counts;
};

/* Which message a notification is of, as its recipient would find out. */
static bool message_id_of(const uint8_t dh_secret[QUEUE_SECRET_SIZE], struct slice nonce, struct slice meta,
                          struct queue_id *id) {
    uint8_t sealed[NOTIFICATION_META_SIZE];
    struct notification_meta opened;
    struct box_key key;
    if (nonce.length != BOX_NONCE_SIZE || meta.length != sizeof sealed)
        return false;
    memcpy(sealed, meta.bytes, sizeof sealed);
    box_key_of_secret(dh_secret, &key);
    bool is_open = notification_meta_open(&key, nonce.bytes, sealed, sizeof sealed, &opened) == SMQ_OK &&
                   opened.message_id.length > 0 && opened.message_id.length <= QUEUE_ID_MAX;
    if (is_open) {
        id->length = (uint8_t)opened.message_id.length;
        memcpy(id->bytes, opened.message_id.bytes, id->length);
    }
    box_key_wipe(&key);
    return is_open;
}

static const struct smp_export_notification notifications = {BOX_NONCE_SIZE, message_id_of};

static enum smq_result create_outputs(struct exporting *exporting, const struct smp_reference_files *out) {
    const char *const paths[OUT_COUNT] = {
        [OUT_MESSAGES] = out->messages, [OUT_NOTIFICATIONS] = out->notifications, [OUT_QUEUES] = out->store_log};
    enum smq_result result = SMQ_OK;
    for (int i = 0; i < OUT_COUNT && result == SMQ_OK; i++)
        result = log_output_create(paths[i], &exporting->outputs[i]);
    return result;
}

static enum smq_result open_snapshot(struct exporting *exporting, const char *store) {
    enum smq_result result = store_open_to_read(&smp_store_layout, store, &exporting->store);
    if (result == SMQ_OK)
        result = store_reader_create(exporting->store, &exporting->reader);
    if (result == SMQ_OK)
        result = store_reader_begin(exporting->reader, &exporting->txn);
    return result;
}

static enum smq_result write_all(struct exporting *exporting) {
    enum smq_result result = smp_export_queues(exporting->txn, exporting->outputs[OUT_QUEUES], &exporting->counts);
    if (result == SMQ_OK)
        result = smp_export_messages(exporting->txn, exporting->outputs[OUT_MESSAGES], &exporting->counts);
    if (result == SMQ_OK)
        result = smp_export_notifications(exporting->txn, exporting->outputs[OUT_NOTIFICATIONS], &notifications,
                                          &exporting->counts);
    for (int i = 0; i < OUT_COUNT && result == SMQ_OK; i++)
        result = log_output_finish(exporting->outputs[i]);
    return result;
}

static enum smq_result publish_all(struct exporting *exporting, const struct server_files *files,
                                   const struct smp_reference_files *out) {
    struct smp_reference_files own;
    enum smq_result result = SMQ_OK;
    if (smp_reference_files_locate(files->data, &own) && file_exists(own.statistics))
        result = log_file_copy(own.statistics, out->statistics);
    for (int i = 0; i < OUT_COUNT && result == SMQ_OK; i++)
        result = log_output_publish(exporting->outputs[i]);
    return result;
}

static void end(struct exporting *exporting) {
    for (int i = 0; i < OUT_COUNT; i++)
        log_output_destroy(&exporting->outputs[i]);
    store_reader_destroy(&exporting->reader);
    store_close(&exporting->store);
}

static int tell_failure(const char *what, enum smq_result result) {
    (void)fprintf(stderr, "Error: %s is not exported: %s\n", what,
                  result == SMQ_ERR_EXISTS       ? "a file of that name is there already"
                  : result == SMQ_ERR_VERSION    ? "it is of a newer version"
                  : result == SMQ_ERR_STORE_FULL ? "the disk is full"
                                                 : smq_result_text(result));
    return 1;
}

static void tell_left_out(const struct smp_export_counts *counts) {
    if (counts->empty_messages > 0)
        printf("Left out: %" PRIu64 " messages without a body, which the reference cannot read\n",
               counts->empty_messages);
    if (counts->empty_links > 0)
        printf("Left out: %" PRIu64 " links with empty data, which the reference cannot read\n", counts->empty_links);
    if (counts->lost_notifications > 0)
        printf("Left out: %" PRIu64 " notifications that cannot be decrypted\n", counts->lost_notifications);
}

int smp_export(const struct server_files *files, const char *folder) {
    struct exporting exporting = {0};
    struct smp_reference_files out;
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is told as a full disk is */
    if (crypto_setup() != SMQ_OK || folder_create(folder) != SMQ_OK || !smp_reference_files_locate(folder, &out)) {
        (void)fprintf(stderr, "Error: %s: %s\n", folder, strerror(errno));
        return 1;
    }
    enum smq_result result = open_snapshot(&exporting, files->store);
    if (result == SMQ_OK)
        result = create_outputs(&exporting, &out);
    if (result == SMQ_OK)
        result = write_all(&exporting);
    if (result == SMQ_OK)
        result = publish_all(&exporting, files, &out);
    end(&exporting);
    if (result != SMQ_OK)
        return tell_failure(files->store, result);
    tell_left_out(&exporting.counts);
    printf(
        "Export completed: %" PRIu64 " services, %" PRIu64 " queues, %" PRIu64 " messages, %" PRIu64 " notifications\n",
        exporting.counts.services, exporting.counts.queues, exporting.counts.messages, exporting.counts.notifications);
    return 0;
}
