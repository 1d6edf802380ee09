/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Start and stop of a router, for which its main thread awaits signals. */
#include "bin/xftp-server/xftp_start.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bin/common/patient_output.h"
#include "bin/common/server_care.h"
#include "bin/common/server_descriptors.h"
#include "bin/common/server_operator.h"
#include "bin/common/server_print.h"
#include "bin/common/signals.h"
#include "bin/xftp-server/xftp_settings.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/setup.h"

static void print_mistake(void *context, const char *line) {
    (void)context;
    (void)fprintf(stderr, "Error: %s\n", line);
}

static void print_line(void *context, const char *line) {
    (void)context;
    (void)fprintf(stderr, "%s\n", line);
}

/* ---- what it says of itself, in the words and the order of the reference */

static void print_identity(const struct server_files *files, const struct xftp_settings *settings,
                           const uint8_t fingerprint[FINGERPRINT_SIZE]) {
    struct server_identity identity = {.scheme = ADDRESS_XFTP, .hosts = settings->transport.host};
    identity.port = settings->ports[0] == files->kind->default_port ? 0 : settings->ports[0];
    memcpy(identity.fingerprint, fingerprint, FINGERPRINT_SIZE);
    printf("%s\n", files->kind->version);
    server_print_identity(&identity);
    server_print_source_code(settings->information.source_code);
}

/* "2 days", "90 minutes": in the largest unit that leaves nothing over. */
static void print_expiry(uint64_t seconds) {
    static const struct {
        const char *name;
        uint64_t seconds;
    } units[] = {{"days", 86400}, {"hours", 3600}, {"minutes", 60}, {"seconds", 1}};
    size_t unit = 0;
    while (seconds % units[unit].seconds != 0)
        unit++;
    printf("expiring files after %" PRIu64 " %s\n", seconds / units[unit].seconds, units[unit].name);
}

static void print_configuration(const struct server_files *files, const struct xftp_settings *settings,
                                const struct xftp_router_config *config) {
    printf("Store log: %s\n", files->store);
    print_expiry(config->file_ttl_s);
    if (config->inactive_ttl_s > 0)
        printf("expiring clients inactive for %" PRIu32 " seconds every %" PRId64 " seconds\n", config->inactive_ttl_s,
               settings->inactive.check_interval);
    else
        printf("not expiring inactive clients\n");
    printf("Uploading new files %s.\n", !config->new_files                   ? "NOT allowed"
                                        : config->create_password.length > 0 ? "requires password"
                                                                             : "allowed");
}

static int introduce(const struct server_files *files, const struct xftp_settings *settings,
                     const struct xftp_router_config *config, const struct xftp_router *router) {
    print_identity(files, settings, xftp_router_fingerprint(router));
    print_configuration(files, settings, config);
    for (size_t i = 0; i < settings->port_count; i++)
        printf("Listening on port %" PRIu16 "...\n", xftp_router_port(router, i));
    server_operator_print(&config->operator);
    if (patient_output_error() == 0)
        return 0;
    (void)fprintf(stderr, "Error: cannot write to stdout: %s\n", strerror(patient_output_error()));
    return 1;
}

/* ---- serving */

/* Waits until one of the two is readable, and meanwhile looks after the router. */
static void wait_and_care(struct pollfd polled[2], struct server_care *care) {
    do
        server_care_look(care);
    while (poll(polled, 2, server_care_interval_ms(care)) <= 0);
}

/* Serves until a signal to stop (0), or until a role has failed (1). */
static int serve_until_stop(const struct xftp_router *router, struct server_care *care) {
    int descriptor = signals_open();
    if (descriptor < 0) {
        (void)fprintf(stderr, "Error: cannot wait for signals: %s\n", strerror(errno));
        return 1;
    }
    struct pollfd polled[2] = {{.fd = descriptor, .events = POLLIN},
                               {.fd = xftp_router_failure_fd(router), .events = POLLIN}};
    enum signal_wish wish = SIGNAL_NONE;
    int number = 0;
    while (wish != SIGNAL_STOP && polled[1].revents == 0) {
        wait_and_care(polled, care);
        wish = polled[0].revents != 0 ? signals_take(descriptor, &number) : SIGNAL_NONE;
        if (wish == SIGNAL_RELOAD)
            log_warn("settings and certificates are read at the start only");
    }
    service_notify_stopping(&care->notify);
    (void)close(descriptor);
    if (wish == SIGNAL_STOP)
        log_info("stopping: %s", strsignal(number));
    else
        log_error("stopping: a part of the router has failed");
    return wish == SIGNAL_STOP ? 0 : 1;
}

static struct xftp_router_config configure(const struct server_files *files, const struct xftp_settings *settings) {
    struct xftp_router_config config = xftp_settings_router_config(settings);
    server_fit_limits(&config.limits);
    config.ca_certificate_path = files->ca_certificate;
    config.server_certificate_path = files->server_certificate;
    config.server_key_path = files->server_key;
    config.store_directory = files->store;
    server_operator_locate(&config.operator, files, SMQ_VERSION);
    return config;
}

/* What failed is told once: by the log, where that could say more. */
static int fail(uint64_t errors_before, const char *error) {
    if (log_error_count() == errors_before)
        (void)fprintf(stderr, "Error: %s\n", error);
    return 1;
}

static int run(const struct server_files *files, const struct xftp_settings *settings, struct server_care *care) {
    uint8_t fingerprint[FINGERPRINT_SIZE];
    char error[512] = "";
    struct xftp_router *router = NULL;
    uint64_t errors = log_error_count();
    if (!server_read_fingerprint(files, fingerprint))
        return 1;
    struct xftp_router_config config = configure(files, settings);
    if (xftp_router_create(&config, &router, error, sizeof error) != SMQ_OK)
        return fail(errors, error);
    int status = 1;
    if (xftp_router_listen(router, error, sizeof error) != SMQ_OK)
        (void)fail(errors, error);
    else
        status = introduce(files, settings, &config, router);
    if (status == 0) {
        service_notify_ready(&care->notify);
        status = serve_until_stop(router, care);
    }
    xftp_router_destroy(&router);
    password_wipe(&config.create_password);
    return status;
}

int xftp_start(const struct server_files *files, const struct xftp_start_options *options) {
    struct xftp_settings settings;
    struct ini_report report = {.warn = print_line, .mistake = print_mistake};
    patient_output_begin();
    signals_prepare();
    if (!server_files_initialized(files) || server_files_exposed(files) ||
        xftp_settings_load(files->ini, &settings, &report) != SMQ_OK)
        return 1;
    settings_set_log_level(options->log_level, &settings.log);
    server_raise_descriptor_limit();
    memory_keep_unused();
    struct server_care care = {.given_back_ms = 0};
    service_notify_open(&care.notify);
    int status = 1;
    if (base_setup() == SMQ_OK)
        status = run(files, &settings, &care);
    else
        (void)fprintf(stderr, "Error: libsodium, RCU or SMQ_FAULT cannot be set up\n");
    service_notify_close(&care.notify);
    xftp_settings_destroy(&settings);
    return status;
}
