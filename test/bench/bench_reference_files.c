/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Makes the files of a reference server of any size, for measuring their import:
 *
 *     bench_reference_files FOLDER QUEUES MESSAGES
 *     time smp-server store import -y --from FOLDER
 *
 * Queues are secured, every fourth has a notifier, every eighth link data; messages of 16,000 bytes are spread over the
 * first queues, up to 128 in each. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "stores/logs/log_file.h"
#include "stores/logs/smp_message_log.h"
#include "stores/logs/smp_store_log.h"

enum { ID_SIZE = 24, KEY_SIZE = 44, PREFIX_SIZE = 12, BODY_SIZE = 16000, QUOTA = 128, DAY = 20000 };

static const uint8_t ed25519_prefix[PREFIX_SIZE] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                    0x2b, 0x65, 0x70, 0x03, 0x21, 0};

struct bytes {
    uint8_t recipient[ID_SIZE], sender[ID_SIZE], notifier[ID_SIZE], link[ID_SIZE];
    uint8_t keys[2 + KEY_SIZE], sender_key[KEY_SIZE], notifier_key[KEY_SIZE];
    uint8_t secret[QUEUE_SECRET_SIZE], notifier_secret[QUEUE_SECRET_SIZE];
    uint8_t fixed[200], user[1000];
};

static void make_key(uint8_t key[KEY_SIZE]) {
    memcpy(key, ed25519_prefix, PREFIX_SIZE);
}

/* The same queue for the same number. */
static void make_queue(uint64_t number, struct bytes *bytes, struct smp_log_record *record) {
    uint8_t seed[randombytes_SEEDBYTES] = {0};
    memcpy(seed, &number, sizeof number);
    randombytes_buf_deterministic(bytes, sizeof *bytes, seed);
    bytes->keys[0] = 1;
    bytes->keys[1] = KEY_SIZE;
    make_key(bytes->keys + 2);
    make_key(bytes->sender_key);
    make_key(bytes->notifier_key);
    *record = (struct smp_log_record){.queue = {
                                          .mode = number % 8 == 0 ? 'C' : 'M',
                                          .updated_day = DAY,
                                          .recipient_id = slice_of(bytes->recipient, ID_SIZE),
                                          .sender_id = slice_of(bytes->sender, ID_SIZE),
                                          .recipient_keys = slice_of(bytes->keys, sizeof bytes->keys),
                                          .recipient_dh_secret = bytes->secret,
                                          .sender_key = slice_of(bytes->sender_key, KEY_SIZE),
                                      }};
    if (number % 4 == 0)
        record->queue.notifier = (struct queue_notifier){.id = slice_of(bytes->notifier, ID_SIZE),
                                                         .key = slice_of(bytes->notifier_key, KEY_SIZE),
                                                         .dh_secret = bytes->notifier_secret};
    if (number % 8 == 0) {
        record->queue.link_id = slice_of(bytes->link, ID_SIZE);
        record->link = (struct queue_link_data){slice_of(bytes->fixed, sizeof bytes->fixed),
                                                slice_of(bytes->user, sizeof bytes->user)};
    }
}

static bool put(struct log_output *output, const struct log_record_table *table, unsigned kind, const void *record) {
    struct writer *writer = log_output_writer(output);
    return writer != NULL && log_record_write(table, writer, kind, record) == SMQ_OK;
}

static bool finish(struct log_output **output) {
    bool done = log_output_finish(*output) == SMQ_OK && log_output_publish(*output) == SMQ_OK;
    log_output_destroy(output);
    return done;
}

static bool make_queues(const char *path, uint64_t queues) {
    static struct bytes bytes;
    struct smp_log_record record;
    struct log_output *output;
    bool done = log_output_create(path, &output) == SMQ_OK;
    for (uint64_t i = 0; done && i < queues; i++) {
        make_queue(i, &bytes, &record);
        done = put(output, &smp_store_log, SMP_LOG_CREATE, &record);
    }
    return done && finish(&output);
}

static bool make_messages(const char *path, uint64_t messages) {
    static struct bytes bytes;
    static uint8_t body[BODY_SIZE];
    uint8_t id[ID_SIZE];
    struct smp_log_record record;
    struct log_output *output;
    bool done = log_output_create(path, &output) == SMQ_OK;
    for (uint64_t i = 0; done && i < messages; i++) {
        make_queue(i / QUOTA, &bytes, &record);
        randombytes_buf(id, sizeof id);
        const struct smp_log_message message = {.recipient_id = record.queue.recipient_id,
                                                .id = slice_of(id, sizeof id),
                                                .timestamp = (int64_t)DAY * 86400,
                                                .body = slice_of(body, sizeof body)};
        done = put(output, &smp_message_log, 0, &message);
    }
    return done && finish(&output);
}

int main(int argc, char **argv) {
    char queues[LOG_PATH_SIZE], messages[LOG_PATH_SIZE];
    if (argc != 4 || sodium_init() < 0) {
        (void)fprintf(stderr, "usage: bench_reference_files FOLDER QUEUES MESSAGES\n");
        return 1;
    }
    (void)snprintf(queues, sizeof queues, "%s/smp-server-store.log", argv[1]);
    (void)snprintf(messages, sizeof messages, "%s/smp-server-messages.log", argv[1]);
    return make_queues(queues, strtoull(argv[2], NULL, 10)) && make_messages(messages, strtoull(argv[3], NULL, 10)) ? 0
                                                                                                                    : 1;
}
