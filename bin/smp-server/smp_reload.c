/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reload: the table of settings says which rows are live. */
#include "bin/smp-server/smp_reload.h"

#include "bin/common/server_descriptors.h"
#include "bin/common/server_operator.h"
#include "bin/smp-server/smp_pages.h"
#include "queues/base/log.h"

struct smp_router_config smp_reload_config(const struct server_files *files, const struct smp_settings *settings) {
    struct smp_router_config config = smp_settings_router_config(settings);
    server_fit_limits(&config.limits);
    config.ca_certificate_path = files->ca_certificate;
    config.server_certificate_path = files->server_certificate;
    config.server_key_path = files->server_key;
    config.store_directory = files->store;
    smp_pages_configure(settings, &config);
    server_operator_locate(&config.operator, files, SMQ_VERSION);
    return config;
}

static void warn(void *context, const char *line) {
    (void)context;
    log_warn("%s", line);
}

static void tell_taken_over(void *context, const char *section, const struct ini_row *row) {
    (void)context;
    if (row->live)
        log_info("reload: [%s] %s is taken over", section, row->key);
}

static void tell_left(void *context, const char *section, const struct ini_row *row) {
    (void)context;
    if (!row->live)
        log_warn("reload: [%s] %s needs a restart", section, row->key);
}

static void keep(struct smp_reload *reload, struct smp_settings *read) {
    smp_reload_end(reload);
    reload->current = *read;
    reload->has_current = true;
}

void smp_reload(struct smp_reload *reload, struct smp_router *router) {
    struct smp_settings read;
    struct ini_report report = {.warn = warn};
    char error[512];
    if (smp_settings_load(reload->files->ini, &read, &report) != SMQ_OK) {
        log_error("reload: nothing is changed: %s", report.error);
        smp_router_reload_failed(router);
        return;
    }
    if (report.given == 0) { /* somebody is writing it: defaults would open a router that a password closes */
        log_error("reload: nothing is changed: %s has no settings", reload->files->ini);
        smp_settings_destroy(&read);
        smp_router_reload_failed(router);
        return;
    }
    struct smp_router_config config = smp_reload_config(reload->files, &read);
    if (smp_router_reload(router, &config, error, sizeof error) != SMQ_OK) {
        log_error("reload: nothing is changed: %s", error);
        smp_settings_destroy(&read);
        return;
    }
    settings_set_log_level(reload->log_level, &read.log);
    ini_compare(&smp_settings_table, reload->has_current ? &reload->current : reload->started, &read, tell_taken_over,
                NULL);
    ini_compare(&smp_settings_table, reload->started, &read, tell_left, NULL);
    log_info("reload: certificates and settings are those of the files");
    keep(reload, &read);
}

void smp_reload_end(struct smp_reload *reload) {
    if (reload->has_current)
        smp_settings_destroy(&reload->current);
    reload->has_current = false;
}
