/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The store as an operator handles it. */
#include "bin/smp-server/smp_store.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bin/common/cli.h"
#include "bin/smp-server/smp_export.h"
#include "bin/smp-server/smp_store_stats.h"
#include "queues/base/log.h"
#include "stores/smp/store_check.h"
#include "stores/smp/store_copy.h"

/* `taken`: what SMQ_ERR_EXISTS means. The log has told what else it is, where it could say more. */
static int tell_failure(const char *what, enum smq_result result, const char *taken) {
    if (log_error_count() == 0)
        (void)fprintf(stderr, "Error: %s: %s\n", what,
                      result == SMQ_ERR_EXISTS    ? taken
                      : result == SMQ_ERR_VERSION ? "of a newer version"
                                                  : smq_result_text(result));
    return 1;
}

static const char in_use[] = "in use: stop the router first";

/* ---- check ---- */

static void print_fault(void *context, const char *line) {
    (void)context;
    printf("%s\n", line);
}

static int check(const char *folder) {
    struct store *store;
    struct store_reader *reader = NULL;
    struct store_txn *txn;
    struct store_totals totals;
    enum smq_result result = store_open_to_read(&smp_store_layout, folder, &store);
    if (result != SMQ_OK)
        return tell_failure(folder, result, in_use);
    result = store_reader_create(store, &reader);
    if (result == SMQ_OK)
        result = store_reader_begin(reader, &txn);
    if (result != SMQ_OK) {
        store_reader_destroy(&reader);
        store_close(&store);
        return tell_failure(folder, result, in_use);
    }
    uint64_t faults = store_check(txn, print_fault, NULL);
    store_totals_get(txn, &totals);
    store_reader_destroy(&reader);
    store_close(&store);
    if (faults == 0)
        printf("%s: whole; %" PRIu64 " queues, %" PRIu64 " messages, %" PRIu64 " notifications\n", folder,
               totals.queues, totals.messages, totals.notifications);
    else
        printf("%s: %" PRIu64 " faults\n", folder, faults);
    return faults == 0 ? 0 : 1;
}

/* ---- actions ---- */

/* After `check`, whose findings are on stdout. */
static int not_done(const char *folder, const char *what) {
    if (log_error_count() == 0)
        (void)fprintf(stderr, "Error: %s is not %s\n", folder, what);
    return 1;
}

static int run_backup(const char *store, const char *folder) {
    enum smq_result result = store_backup(store, folder);
    if (result != SMQ_OK)
        return tell_failure(folder, result, "there is a store in it already");
    printf("%s: backup of %s\n", folder, store);
    return 0;
}

static int run_check(const char *store, const char *folder) {
    return check(folder != NULL ? folder : store);
}

static int run_compact(const char *store, const char *folder) {
    (void)folder;
    if (check(store) != 0) /* the copy would be all that is left of what can still be read */
        return not_done(store, "compacted");
    enum smq_result result = store_compact(store);
    if (result != SMQ_OK)
        return tell_failure(store, result, in_use);
    printf("%s: compacted\n", store);
    return 0;
}

static int run_restore(const char *store, const char *folder) {
    if (check(folder) != 0)
        return not_done(folder, "restored");
    enum smq_result result = store_restore(store, folder);
    if (result != SMQ_OK)
        return tell_failure(store, result, in_use);
    printf("%s: restored from %s; what was there is data.mdb.before-restore\n", store, folder);
    return 0;
}

static int run_stats(const char *store, const char *folder) {
    return smp_store_stats(folder != NULL ? folder : store, false);
}

static int run_stats_json(const char *store, const char *folder) {
    return smp_store_stats(folder != NULL ? folder : store, true);
}

static const struct {
    const char *name;
    int folders_min, folders_max;
    int (*run)(const char *store, const char *folder);
} actions[] = {{"backup", 1, 1, run_backup},
               {"check", 0, 1, run_check},
               {"compact", 0, 0, run_compact},
               {"restore", 1, 1, run_restore},
               {"stats", 0, 1, run_stats}};

/* What LMDB does on a damaged file ends the process, whoever else would handle it. */
static void let_faults_end_it(void) {
    static const int faults[] = {SIGBUS, SIGSEGV, SIGABRT, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        (void)signal(faults[i], SIG_DFL);
}

/* In a process of its own: on a damaged file LMDB may end it. It does not outlive this one. */
static int run_apart(int (*run)(const char *store, const char *folder), const char *store, const char *folder) {
    int status = 0;
    pid_t parent = getpid();
    if (!cli_flush())
        return 1;
    pid_t child = fork();
    if (child == 0) {
        let_faults_end_it();
        int code = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent ? run(store, folder) : 1;
        _exit(cli_flush() ? code : 1);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        (void)fprintf(stderr, "Error: cannot start a process\n");
        return 1;
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    printf("%s: damaged: reading it ended with signal %d\n", folder != NULL ? folder : store, WTERMSIG(status));
    return 1;
}

/* What needs more than folders of stores: files and options. */
static int run_import(const struct server_files *files, const struct smp_store_options *options) {
    return smp_import(files, &options->import);
}

static int run_export(const struct server_files *files, const struct smp_store_options *options) {
    if (options->out != NULL)
        return smp_export(files, options->out);
    (void)fprintf(stderr, "smp-server store export: say --out FOLDER\n");
    return 1;
}

static const struct {
    const char *name;
    int (*run)(const struct server_files *files, const struct smp_store_options *options);
} migrations[] = {{"import", run_import}, {"export", run_export}};

int smp_store(const struct server_files *files, const struct smp_store_options *options, int count, char **words) {
    const char *folder = count > 1 ? words[1] : NULL;
    for (size_t i = 0; i < sizeof migrations / sizeof migrations[0] && count == 1; i++)
        if (strcmp(words[0], migrations[i].name) == 0)
            return migrations[i].run(files, options);
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(words[0], actions[i].name) != 0)
            continue;
        if (count - 1 < actions[i].folders_min || count - 1 > actions[i].folders_max) {
            (void)fprintf(stderr, "smp-server store %s: expected %s\n", words[0],
                          actions[i].folders_max == 0   ? "no folder"
                          : actions[i].folders_min == 0 ? "at most one folder"
                                                        : "one folder");
            return 1;
        }
        return run_apart(options->json && actions[i].run == run_stats ? run_stats_json : actions[i].run, files->store,
                         folder);
    }
    (void)fprintf(stderr, "smp-server store: unknown action %s (try `smp-server store --help`)\n", words[0]);
    return 1;
}

int smp_store_check(const struct server_files *files) {
    return run_apart(run_check, files->store, NULL);
}
