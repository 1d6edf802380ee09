/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Import and export in real processes. */
#include "test/support/import_cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/text.h"
#include "transport/crypto/notification_meta.h"

static const char program[] = BUILD_DIR "/bin/smp-server";
struct import_cli import_cli;

int import_cli_setup(void **state) {
    (void)state;
    server_process_init(&import_cli.server, "map_size = 256M");
    (void)setenv("SMP_SERVER_CFG_PATH", import_cli.server.configuration, 1);
    (void)setenv("SMP_SERVER_LOG_PATH", import_cli.server.data, 1);
    (void)snprintf(import_cli.from, sizeof import_cli.from, "%s/from", import_cli.server.root);
    (void)snprintf(import_cli.out, sizeof import_cli.out, "%s/out", import_cli.server.root);
    require(mkdir(import_cli.from, 0700) == 0);
    return 0;
}

int import_cli_teardown(void **state) {
    (void)state;
    process_destroy(&import_cli.command);
    server_process_finish(&import_cli.server);
    return 0;
}

int import_cli_run(const char *input, ...) {
    const char *words[16] = {program};
    va_list arguments;
    va_start(arguments, input);
    for (size_t i = 1; i < sizeof words / sizeof words[0] && (i == 1 || words[i - 1] != NULL); i++)
        words[i] = va_arg(arguments, const char *);
    va_end(arguments);
    process_destroy(&import_cli.command);
    import_cli.command = process_start(words, input);
    return process_wait(import_cli.command, IMPORT_CLI_END_MS);
}

void import_cli_start(const char *const words[]) {
    process_destroy(&import_cli.command);
    import_cli.command = process_start(words, NULL);
}

void import_cli_expect_output(const char *text) {
    if (strstr(process_output(import_cli.command), text) == NULL)
        fail_msg("no \"%s\" in: %s", text, process_output(import_cli.command));
}

void import_cli_expect_error(const char *text) {
    if (strstr(process_errors(import_cli.command), text) == NULL)
        fail_msg("no \"%s\" in: %s", text, process_errors(import_cli.command));
}

/* ---- files ---- */

static void path_in(const char *folder, const char *name, char path[256]) {
    require(snprintf(path, 256, "%s/%s", folder, name) < 256);
}

const char *import_cli_read(const char *folder, const char *name) {
    static char texts[4][IMPORT_CLI_FILE_MAX];
    static unsigned next;
    char path[256];
    char *text = texts[next++ % 4];
    path_in(folder, name, path);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail_msg("%s is not there", path);
    size_t length = fread(text, 1, IMPORT_CLI_FILE_MAX, file);
    require(fclose(file) == 0 && length < IMPORT_CLI_FILE_MAX);
    text[length] = '\0';
    return text;
}

void import_cli_write(const char *folder, const char *name, const char *text) {
    char path[256];
    path_in(folder, name, path);
    FILE *file = fopen(path, "we");
    require(file != NULL);
    require(fwrite(text, 1, strlen(text), file) == strlen(text));
    require(fclose(file) == 0);
}

bool import_cli_has(const char *folder, const char *name) {
    char path[256];
    path_in(folder, name, path);
    return access(path, F_OK) == 0;
}

void import_cli_copy(const char *vector, const char *folder, const char *name) {
    import_cli_write(folder, name, import_cli_read("test/vectors/files/smp", vector));
}

/* ---- samples ---- */

static const char *encode(const uint8_t *bytes, size_t length) {
    static char texts[16][128];
    static unsigned next;
    char *text = texts[next++ % 16];
    struct writer writer = writer_of(text, sizeof texts[0] - 1);
    write_base64(&writer, slice_of(bytes, length), BASE64_URL);
    require(writer_finish(&writer) == SMQ_OK);
    text[writer_length(&writer)] = '\0';
    return text;
}

static void fill(uint8_t *bytes, size_t length, unsigned number) {
    memset(bytes, (int)(number & 0xff), length);
    bytes[0] = (uint8_t)(number >> 8);
    bytes[length - 1] = 0x5a;
}

const char *sample_id(unsigned number) {
    uint8_t bytes[24];
    fill(bytes, sizeof bytes, number);
    return encode(bytes, sizeof bytes);
}

const char *sample_key(unsigned number) {
    uint8_t bytes[44] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0};
    fill(bytes + 12, 32, number);
    return encode(bytes, sizeof bytes);
}

const char *sample_secret(unsigned number) {
    uint8_t bytes[32];
    fill(bytes, sizeof bytes, number);
    return encode(bytes, sizeof bytes);
}

/* What the samples are made of: the services 1 (notifier) and 2 (messaging); queue N has recipient id 100 + N, sender
 * id 200 + N, notifier id 300 + N, link id 400 + N, and keys and secrets of these numbers. */
static FILE *sample;

static void put_create(unsigned queue, const char *mode) {
    require(fprintf(sample, "CREATE rid=%s rk=%s rdh=%s sid=%s sk=", sample_id(100 + queue), sample_key(100 + queue),
                    sample_secret(100 + queue), sample_id(200 + queue)) > 0);
    require(fprintf(sample, "%s", mode) >= 0);
}

static void put_notifier(const char *before, unsigned queue, unsigned service) {
    require(fprintf(sample, "%s%s %s %s", before, sample_id(300 + queue), sample_key(300 + queue),
                    sample_secret(300 + queue)) > 0);
    if (service != 0)
        require(fprintf(sample, " nsrv=%s", sample_id(service)) > 0);
}

static void put_service(unsigned service, char role) {
    require(fprintf(sample, "NEW_SERVICE service_id=%s role=%c cert=AQID,BAUG cert_hash=%s created_at=1795910400\n",
                    sample_id(service), role, sample_secret(service)) > 0);
}

/* Each CREATE as a compacted log has it. */
static void put_compacted(void) {
    put_service(1, 'N');
    put_service(2, 'M');
    put_create(1, " queue_mode=M\n");
    put_create(2, "");
    (void)fprintf(sample, "%s queue_mode=M updated_at=1795910400\n", sample_key(202));
    put_create(3, " queue_mode=C");
    (void)fprintf(sample, " link_id=%s queue_data=AQID BAUGBw==\n", sample_id(403));
    (void)fprintf(sample, "CREATE rid=%s rk=%s,%s rdh=%s sid=%s sk= status=off\n", sample_id(104), sample_key(104),
                  sample_key(504), sample_secret(104), sample_id(204));
    put_create(5, " queue_mode=M");
    put_notifier(" notifier=", 5, 1);
    (void)fprintf(sample, "\n");
    put_create(6, " queue_mode=M status=blocked,reason=spam\n");
    put_create(7, " queue_mode=M status=blocked,reason=content,notice={\"ttl\":3600}\n");
    (void)fprintf(sample, "QUEUE_SERVICE %s R %s\n", sample_id(107), sample_id(2));
    put_create(8, " queue_mode=M");
    put_notifier(" notifier=", 8, 0);
    (void)fprintf(sample, " rsrv=%s\n", sample_id(2));
}

/* Changes, and what is left of them. */
static void put_changes(void) {
    const char *id = sample_id(109);
    put_create(9, " queue_mode=C\n");
    (void)fprintf(sample, "LINK %s %s AQID BA==\nLINK %s %s AQID BAUG\n", id, sample_id(409), id, sample_id(409));
    (void)fprintf(sample, "SECURE %s %s\n", id, sample_key(209));
    (void)fprintf(sample, "KEYS %s %s,%s\n", id, sample_key(109), sample_key(509));
    (void)fprintf(sample, "NOTIFIER %s ", id);
    put_notifier("", 9, 0);
    (void)fprintf(sample, "\nQUEUE_SERVICE %s N %s\nQUEUE_SERVICE %s R %s\n", id, sample_id(1), id, sample_id(2));
    (void)fprintf(sample, "BLOCK %s reason=spam\nUNBLOCK %s\nTIME %s 1795996800\nSUSPEND %s\n", id, id, id, id);
    id = sample_id(110);
    put_create(10, " queue_mode=M\n");
    (void)fprintf(sample, "DELETE %s\n", id);
    id = sample_id(111);
    put_create(11, " queue_mode=M\n");
    (void)fprintf(sample, "LINK %s %s AQID BAUG\nLDELETE %s\nNOTIFIER %s ", id, sample_id(411), id, id);
    put_notifier("", 11, 0);
    (void)fprintf(sample, "\nNDELETE %s\nQUEUE_SERVICE %s R %s\nQUEUE_SERVICE %s R \n", id, id, sample_id(2), id);
}

static void put_message(unsigned queue, unsigned number, const char *rest) {
    (void)fprintf(sample, "v3 %s %s %u %s\n", sample_id(100 + queue), sample_id(600 + number), 1795926000 + number,
                  rest);
}

static void put_messages(void) {
    put_message(1, 1, "flags=F bWVzc2FnZSBvbmU=");
    put_message(1, 2, "flags=T bWVzc2FnZSB0d28=");
    put_message(2, 3, "flags=F AA==");
    put_message(2, 4, "quota");
    put_message(6, 5, "flags=F YmxvY2tlZA==");
    put_message(9, 6, "flags=T b2Zm");
}

/* As a router would have encrypted it to the recipient. */
static void put_notification(unsigned queue, unsigned number) {
    uint8_t nonce[BOX_NONCE_SIZE], secret[32], id[24], meta[NOTIFICATION_META_SIZE];
    struct box_key key;
    fill(nonce, sizeof nonce, 700 + number);
    fill(secret, sizeof secret, 300 + queue);
    fill(id, sizeof id, 600 + number);
    box_key_of_secret(secret, &key);
    const struct notification_meta opened = {.message_id = slice_of(id, sizeof id), .timestamp = 1795926000 + number};
    require(notification_meta_seal(&key, nonce, &opened, meta) == SMQ_OK);
    char sealed[256];
    struct writer writer = writer_of(sealed, sizeof sealed - 1);
    write_base64(&writer, slice_of(meta, sizeof meta), BASE64_URL);
    sealed[writer_length(&writer)] = '\0';
    (void)fprintf(sample, "v1 %s %s %u %s %s\n", sample_id(300 + queue), sample_id(600 + number), 1795926000 + number,
                  encode(nonce, sizeof nonce), sealed);
}

static void put_notifications(void) {
    put_notification(5, 1);
    put_notification(5, 2);
    put_notification(8, 3);
}

static void write_sample(const char *folder, const char *name, void (*first)(void), void (*second)(void)) {
    char path[256];
    path_in(folder, name, path);
    sample = fopen(path, "we");
    require(sample != NULL);
    first();
    if (second != NULL)
        second();
    require(fclose(sample) == 0);
}

void import_cli_write_samples(const char *folder) {
    write_sample(folder, "smp-server-store.log", put_compacted, put_changes);
    write_sample(folder, "smp-server-messages.log", put_messages, NULL);
    write_sample(folder, "smp-server-ntfs.log", put_notifications, NULL);
}

static void put_left_of_changes(void) {
    (void)fprintf(sample, "CREATE rid=%s rk=%s,%s rdh=%s sid=%s sk=%s queue_mode=C link_id=%s queue_data=AQID BAUG",
                  sample_id(109), sample_key(109), sample_key(509), sample_secret(109), sample_id(209), sample_key(209),
                  sample_id(409));
    put_notifier(" notifier=", 9, 1);
    (void)fprintf(sample, " updated_at=1795996800 status=off rsrv=%s\n", sample_id(2));
    put_create(11, " queue_mode=M\n");
}

void import_cli_write_compacted_samples(const char *folder, const char *name) {
    write_sample(folder, name, put_compacted, put_left_of_changes);
}
