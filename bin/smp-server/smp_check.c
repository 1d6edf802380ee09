/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Every part is looked at, whatever the others are like: who mends wants to know all of it. */
#include "bin/smp-server/smp_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bin/common/server_print.h"
#include "bin/smp-server/smp_reload.h"
#include "bin/smp-server/smp_settings.h"
#include "bin/smp-server/smp_store.h"

struct findings {
    unsigned mistakes, warnings;
};

static void note_mistake(void *context, const char *line) {
    struct findings *findings = context;
    findings->mistakes++;
    (void)fprintf(stderr, "Error: %s\n", line);
}

static void note_warning(void *context, const char *line) {
    struct findings *findings = context;
    findings->warnings++;
    (void)fprintf(stderr, "%s\n", line);
}

static void print_until(const char *path, int64_t seconds) {
    time_t time = (time_t)seconds;
    struct tm parts;
    char date[32] = "";
    if (gmtime_r(&time, &parts) != NULL)
        (void)strftime(date, sizeof date, "%Y-%m-%d", &parts);
    printf("%s: whole, valid until %s\n", path, date);
}

static bool check_certificates(const struct server_files *files, const struct smp_settings *settings) {
    char error[512];
    int64_t valid_until_s = 0;
    uint8_t fingerprint[FINGERPRINT_SIZE];
    struct smp_router_config config = smp_reload_config(files, settings);
    bool exposed = server_files_exposed(files);
    if (!server_read_fingerprint(files, fingerprint))
        return false;
    if (smp_router_check(&config, &valid_until_s, error, sizeof error) != SMQ_OK) {
        (void)fprintf(stderr, "Error: %s\n", error);
        return false;
    }
    print_until(files->server_certificate, valid_until_s);
    return !exposed;
}

static bool check_store(const struct server_files *files) {
    char data[SERVER_PATH_SIZE + 16];
    (void)snprintf(data, sizeof data, "%s/data.mdb", files->store);
    if (!file_exists(data) && errno == ENOENT) {
        printf("%s: none yet, start makes it\n", files->store);
        return true;
    }
    return smp_store_check(files) == 0;
}

int smp_check(const struct server_files *files) {
    struct smp_settings settings;
    struct findings findings = {.mistakes = 0};
    struct ini_report report = {.warn = note_warning, .mistake = note_mistake, .context = &findings};
    if (!server_files_initialized(files))
        return 1;
    bool good = smp_settings_load(files->ini, &settings, &report) == SMQ_OK;
    if (good)
        printf("%s: %zu keys, %u warnings\n", files->ini, report.given, findings.warnings);
    bool certificates = good && check_certificates(files, &settings);
    if (good)
        smp_settings_destroy(&settings);
    bool store = check_store(files);
    return good && certificates && store ? 0 : 1;
}
