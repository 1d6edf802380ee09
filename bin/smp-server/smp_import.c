/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Import of the reference's files and database. */
#include "bin/smp-server/smp_import.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bin/common/prompt.h"
#include "bin/smp-server/smp_import_check.h"
#include "bin/smp-server/smp_reference_files.h"
#include "bin/smp-server/smp_settings.h"
#include "stores/lmdb/store_import.h"
#include "stores/logs/log_file.h"
#include "stores/logs/log_import.h"
#include "stores/logs/smp_journal.h"
#include "stores/logs/smp_postgres.h"
#include "stores/smp/import.h"
#include "stores/smp/store.h"
#include "transport/crypto/setup.h"

const char *const smp_import_messages[] = {"file", "journal", NULL};
enum { MESSAGES_FILE, MESSAGES_JOURNAL };
enum { STORE_QUEUES_DATABASE = 1 }; /* index of smp-server.ini's store_queues */

static const char default_schema[] = "smp_server";
static const uint64_t default_map_size = UINT64_C(64) << 30;

/* An import under way. */
struct importing {
    const struct smp_import_options *options;
    struct smp_reference_files from;
    bool has_queues, has_messages, has_journal, has_notifications; /* which of the files are to be read */
    bool recovered; /* the store log is one that the reference was compacting */
    struct store_import *store;
    struct log_report report;
    struct smp_import_last last; /* see stores/smp/import.h */
};

/* ---- records ---- */

static enum smq_result apply_record(void *context, struct store_txn *txn, unsigned kind, const void *record,
                                    const char **fault) {
    (void)context;
    *fault = smp_import_check_record((enum smp_log_kind)kind, record);
    return *fault == NULL ? smp_import_record(txn, (enum smp_log_kind)kind, record, fault) : SMQ_OK;
}

static enum smq_result apply_message(void *context, struct store_txn *txn, unsigned kind, const void *record,
                                     const char **fault) {
    struct importing *importing = context;
    (void)kind;
    *fault = smp_import_check_message(record);
    return *fault == NULL ? smp_import_message(txn, record, &importing->last, fault) : SMQ_OK;
}

static enum smq_result apply_notification(void *context, struct store_txn *txn, unsigned kind, const void *record,
                                          const char **fault) {
    (void)context;
    (void)kind;
    *fault = smp_import_check_notification(record);
    return *fault == NULL ? smp_import_notification(txn, record, fault) : SMQ_OK;
}

/* ---- sources ---- */

static enum smq_result read_lines(struct importing *importing, const struct log_import *import,
                                  struct log_source source, const char *name) {
    uint64_t lines;
    enum smq_result result = log_import_run(import, importing->store, source, name, &importing->report, &lines);
    if (result == SMQ_OK)
        printf("%s: %" PRIu64 " lines\n", name, lines);
    return result;
}

static enum smq_result read_file(struct importing *importing, const struct log_import *import, const char *path) {
    struct log_input input;
    enum smq_result result = log_input_open(&input, path);
    if (result != SMQ_OK)
        return result;
    result = read_lines(importing, import, log_input_source(&input), path);
    log_input_close(&input);
    return result;
}

static enum smq_result read_journal(struct importing *importing, const struct log_import *import) {
    struct smp_journal *journal;
    enum smq_result result = smp_journal_open(importing->from.journal, &importing->report, &journal);
    if (result != SMQ_OK)
        return result;
    result = read_lines(importing, import, smp_journal_source(journal), importing->from.journal);
    smp_journal_close(&journal);
    return result;
}

static enum smq_result read_database(struct importing *importing, const struct log_import *queues,
                                     const struct log_import *messages) {
    const struct smp_import_options *options = importing->options;
    struct smp_postgres *postgres;
    enum smq_result result = smp_postgres_open(
        options->postgres, options->schema != NULL ? options->schema : default_schema, &importing->report, &postgres);
    if (result != SMQ_OK)
        return result;
    result = read_lines(importing, queues, smp_postgres_queues(postgres), "database, queues");
    if (result == SMQ_OK)
        result = read_lines(importing, messages, smp_postgres_messages(postgres), "database, messages");
    smp_postgres_close(&postgres);
    return result;
}

static enum smq_result read_all(struct importing *importing) {
    const struct log_import queues = {&smp_store_log, SMP_STORE_LINE_MAX, apply_record, importing};
    const struct log_import messages = {&smp_message_log, SMP_MESSAGE_LINE_MAX, apply_message, importing};
    const struct log_import notifications = {&smp_notification_log, SMP_MESSAGE_LINE_MAX, apply_notification,
                                             importing};
    enum smq_result result = SMQ_OK;
    if (importing->options->postgres != NULL)
        result = read_database(importing, &queues, &messages);
    if (result == SMQ_OK && importing->has_queues)
        result = read_file(importing, &queues, importing->from.store_log_current);
    if (result == SMQ_OK && importing->has_messages)
        result = read_file(importing, &messages, importing->from.messages);
    if (result == SMQ_OK && importing->has_journal)
        result = read_journal(importing, &messages);
    if (result == SMQ_OK && importing->has_notifications)
        result = read_file(importing, &notifications, importing->from.notifications);
    return result;
}

/* ---- what there is ---- */

static bool is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool choose_messages(struct importing *importing) {
    bool in_file = file_exists(importing->from.messages);
    bool in_journal = is_folder(importing->from.journal);
    int chosen = importing->options->messages;
    if (importing->options->postgres != NULL)
        in_file = false;
    if (in_file && in_journal && chosen < 0) {
        (void)fprintf(stderr, "Error: messages are in %s and in %s: say `store import --messages file` or `journal`\n",
                      importing->from.messages, importing->from.journal);
        return false;
    }
    importing->has_messages = in_file && (!in_journal || chosen == MESSAGES_FILE);
    importing->has_journal = in_journal && (!in_file || chosen == MESSAGES_JOURNAL);
    return true;
}

static bool find_files(struct importing *importing, const struct server_files *files) {
    const char *from = importing->options->from != NULL ? importing->options->from : files->data;
    if (!is_folder(from)) {
        (void)fprintf(stderr, "Error: %s: %s\n", from, errno != 0 ? strerror(errno) : "no folder");
        return false;
    }
    if (!smp_reference_files_locate(from, &importing->from)) {
        (void)fprintf(stderr, "Error: %s: the name is too long\n", from);
        return false;
    }
    importing->has_queues =
        importing->options->postgres == NULL &&
        log_file_current(importing->from.store_log, importing->from.store_log_current, &importing->recovered);
    importing->has_notifications = file_exists(importing->from.notifications);
    if (importing->options->postgres == NULL && !importing->has_queues) {
        (void)fprintf(stderr, "Error: %s does not exist; for the reference's database say --postgres URI\n",
                      importing->from.store_log);
        return false;
    }
    return choose_messages(importing);
}

/* ---- questions ---- */

/* Nobody there to answer is told apart from a no. */
static bool may_go_on(const struct importing *importing, const char *warning) {
    if (importing->options->yes)
        return true;
    if (prompt_confirm(warning))
        return true;
    (void)fprintf(stderr, "\nError: nothing is imported%s\n",
                  feof(stdin) ? ": nobody answers; -y imports without asking" : "");
    return false;
}

static bool ask_to_begin(const struct importing *importing, const char *store) {
    char warning[4 * LOG_PATH_SIZE];
    const char *source =
        importing->options->postgres != NULL ? "the PostgreSQL database" : importing->from.store_log_current;
    (void)snprintf(warning, sizeof warning, "WARNING: %s%s%s%s%s will be imported to the store %s%s", source,
                   importing->has_messages || importing->has_journal ? ", " : "",
                   importing->has_messages  ? importing->from.messages
                   : importing->has_journal ? importing->from.journal
                                            : "",
                   importing->has_notifications ? ", " : "",
                   importing->has_notifications ? importing->from.notifications : "", store,
                   importing->recovered ? "\n(the reference was killed while it compacted its store log; this is the "
                                          "one from before)"
                                        : "");
    return may_go_on(importing, warning);
}

static bool ask_about_faults(const struct importing *importing, uint64_t queues) {
    char warning[128];
    if (importing->report.faults == 0)
        return true;
    if (queues == 0) {
        (void)fprintf(stderr, "Error: nothing is imported: no queue could be read\n");
        return false;
    }
    (void)snprintf(warning, sizeof warning, "WARNING: %" PRIu64 " faults, told above, are left out of the import",
                   importing->report.faults);
    return may_go_on(importing, warning);
}

/* ---- the whole ---- */

static void print_line(void *context, const char *text) {
    (void)context;
    printf("%s\n", text);
}

static enum smq_result count(struct store_import *import, struct store_totals *totals) {
    struct store_reader *reader;
    struct store_txn *txn;
    enum smq_result result = store_reader_create(store_import_store(import), &reader);
    if (result != SMQ_OK)
        return result;
    result = store_reader_begin(reader, &txn);
    if (result == SMQ_OK)
        store_totals_get(txn, totals);
    store_reader_destroy(&reader);
    return result;
}

static int tell_failure(enum smq_result result) {
    (void)fprintf(stderr, "Error: nothing is imported: %s\n",
                  result == SMQ_ERR_EXISTS       ? "the store is in use; stop the router first"
                  : result == SMQ_ERR_INVALID    ? "there is a store already, with queues in it"
                  : result == SMQ_ERR_VERSION    ? "the store is of a newer version"
                  : result == SMQ_ERR_STORE_FULL ? "no room: the disk is full, or map_size too small"
                                                 : smq_result_text(result));
    return 1;
}

/* The router restores its statistics from a file of the reference's form and name, so handing them over is a copy. */
static enum smq_result take_statistics(const struct importing *importing, const struct server_files *files) {
    struct smp_reference_files own;
    if (!file_exists(importing->from.statistics) || !smp_reference_files_locate(files->data, &own) ||
        file_exists(own.statistics))
        return SMQ_OK;
    return log_file_copy(importing->from.statistics, own.statistics);
}

static int finish(struct importing *importing, const struct server_files *files, const struct store_totals *totals) {
    enum smq_result result = store_import_finish(&importing->store);
    if (result != SMQ_OK)
        return tell_failure(result);
    printf("Import completed: %" PRIu64 " services, %" PRIu64 " queues, %" PRIu64 " messages, %" PRIu64
           " notifications\n",
           totals->services[0] + totals->services[1] + totals->services[2], totals->queues, totals->messages,
           totals->notifications);
    if (importing->report.faults + importing->report.torn > 0)
        printf("Left out: %" PRIu64 " faults, %" PRIu64 " cut lines\n", importing->report.faults,
               importing->report.torn);
    if (take_statistics(importing, files) != SMQ_OK)
        (void)fprintf(stderr, "WARNING: %s is not taken over: counters begin anew\n", importing->from.statistics);
    return 0;
}

static void print_mistake(void *context, const char *line) {
    (void)context;
    (void)fprintf(stderr, "Error: %s\n", line);
}

/* What smp-server.ini says, if it is there. */
struct import_settings {
    uint64_t map_size;
    bool from_database; /* the reference kept its queues there */
};

static bool read_settings(const struct server_files *files, struct import_settings *found) {
    struct smp_settings settings;
    struct ini_report report = {.mistake = print_mistake};
    *found = (struct import_settings){.map_size = default_map_size};
    if (!file_exists(files->ini))
        return true;
    if (smp_settings_load(files->ini, &settings, &report) != SMQ_OK)
        return false;
    found->map_size = (uint64_t)settings.store.map_size;
    found->from_database = settings.store.store_queues == STORE_QUEUES_DATABASE;
    smp_settings_destroy(&settings);
    return true;
}

static int import_found(struct importing *importing, const struct server_files *files) {
    struct store_totals totals;
    struct import_settings settings;
    if (!read_settings(files, &settings) || !ask_to_begin(importing, files->store))
        return 1;
    enum smq_result result = store_import_begin(&smp_store_layout, files->store, settings.map_size, &importing->store);
    if (result == SMQ_OK)
        result = read_all(importing);
    if (result == SMQ_OK)
        result = count(importing->store, &totals);
    int status = result != SMQ_OK                              ? tell_failure(result)
                 : !ask_about_faults(importing, totals.queues) ? 1
                                                               : finish(importing, files, &totals);
    store_import_abandon(&importing->store);
    return status;
}

int smp_import(const struct server_files *files, const struct smp_import_options *options) {
    struct importing importing = {.options = options, .report = {.tell = print_line}};
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is told as a full disk is */
    if (crypto_setup() != SMQ_OK) {
        (void)fprintf(stderr, "Error: libsodium cannot be set up\n");
        return 1;
    }
    return find_files(&importing, files) ? import_found(&importing, files) : 1;
}

/* A router that began with nothing would tell the clients of those queues that they are gone. */
static int refuse_to_forget_database(const struct server_files *files) {
    struct import_settings settings;
    if (!read_settings(files, &settings))
        return 1;
    if (!settings.from_database)
        return 0;
    (void)fprintf(
        stderr,
        "Error: there is no store yet, and %s says that queues are in a database: run `smp-server store import "
        "--postgres URI`, or set store_queues = memory to begin with none\n",
        files->ini);
    return 1;
}

int smp_import_at_start(const struct server_files *files, bool yes) {
    const struct smp_import_options options = {.yes = yes, .messages = -1};
    struct smp_reference_files from;
    char data[LOG_PATH_SIZE];
    bool recovered;
    (void)snprintf(data, sizeof data, "%s/data.mdb", files->store);
    if (file_exists(data) || !file_exists(files->ini) || !smp_reference_files_locate(files->data, &from))
        return 0;
    if (!log_file_current(from.store_log, from.store_log_current, &recovered))
        return refuse_to_forget_database(files);
    printf("There is no store in %s yet, but the files of a reference server\n", files->store);
    int status = smp_import(files, &options);
    (void)fflush(stdout); /* before the router's output takes its place */
    return status;
}
