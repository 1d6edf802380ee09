/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Start, reload and stop of a router, for which its main thread awaits signals. */
#include "bin/smp-server/smp_start.h"

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
#include "bin/smp-server/smp_address.h"
#include "bin/smp-server/smp_pages.h"
#include "bin/smp-server/smp_reload.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/setup.h"
#include "transport/tls/credentials.h"

static void print_mistake(void *context, const char *line) {
    (void)context;
    (void)fprintf(stderr, "Error: %s\n", line);
}

static void print_line(void *context, const char *line) {
    (void)context;
    (void)fprintf(stderr, "%s\n", line);
}

static void print_identity(const struct server_files *files, const struct smp_settings *settings,
                           const uint8_t fingerprint[FINGERPRINT_SIZE]) {
    struct server_identity identity = smp_identity(settings, fingerprint);
    identity.password = NULL; /* `address` shows it; this goes to the journal */
    printf("%s\n", files->kind->version);
    server_print_identity(&identity);
    server_print_source_code(settings->information.source_code);
}

/* "21 days", "90 minutes": in the largest unit that leaves nothing over. */
static void print_expiry(uint64_t seconds) {
    static const struct {
        const char *name;
        uint64_t seconds;
    } units[] = {{"days", 86400}, {"hours", 3600}, {"minutes", 60}, {"seconds", 1}};
    size_t unit = 0;
    while (seconds % units[unit].seconds != 0)
        unit++;
    printf("expiring messages after %" PRIu64 " %s\n", seconds / units[unit].seconds, units[unit].name);
}

static void print_configuration(const struct server_files *files, const struct smp_router_config *config) {
    printf("LMDB store: %s\n", files->store);
    if (config->message_ttl_s == 0)
        printf("not expiring messages\n");
    else
        print_expiry(config->message_ttl_s);
    if (config->disconnect_inactive)
        printf("expiring clients inactive for %" PRIu32 " seconds every %" PRIu32 " seconds\n", config->inactive_ttl_s,
               config->inactive_check_interval_s);
    else
        printf("not expiring inactive clients\n");
    printf("creating new queues %s\n", !config->new_queues               ? "NOT allowed"
                                       : config->create_password != NULL ? "requires password"
                                                                         : "allowed");
    server_operator_print(&config->operator);
}

static void print_serving(const struct smp_router *router, const struct smp_settings *settings) {
    for (size_t index = 0; index < settings->port_count; index++)
        printf("Serving SMP protocol on port %" PRIu16 " (TLS)...\n", smp_router_port(router, index));
    for (size_t index = 0; index < settings->websocket_port_count; index++)
        printf("Serving SMP protocol on port %" PRIu16 " (WebSockets)...\n",
               smp_router_port(router, settings->port_count + index));
    smp_pages_print(settings, router);
    if (!smp_listens_on(settings, 443))
        printf("\nWARNING: the clients will use port 443 by default soon.\n"
               "Set `port` in smp-server.ini section [TRANSPORT] to `5223,443`\n\n");
}

/* Waits until one of the two is readable, and meanwhile looks after the router. */
static void wait_and_care(struct pollfd polled[2], struct server_care *care) {
    do
        server_care_look(care);
    while (poll(polled, 2, server_care_interval_ms(care)) <= 0);
}

/* Serves until a signal to stop (0), or until a role has failed (1). */
static int serve_until_stop(struct smp_router *router, struct smp_reload *reload, struct server_care *care) {
    int descriptor = signals_open();
    if (descriptor < 0) {
        (void)fprintf(stderr, "Error: cannot wait for signals: %s\n", strerror(errno));
        return 1;
    }
    struct pollfd polled[2] = {{.fd = descriptor, .events = POLLIN},
                               {.fd = smp_router_failure_fd(router), .events = POLLIN}};
    enum signal_wish wish;
    int number = 0;
    for (;;) {
        wait_and_care(polled, care);
        wish = polled[0].revents != 0 ? signals_take(descriptor, &number) : SIGNAL_NONE;
        if (wish == SIGNAL_STOP || polled[1].revents != 0)
            break;
        if (wish != SIGNAL_RELOAD)
            continue;
        service_notify_reloading(&care->notify);
        smp_reload(reload, router);
        service_notify_ready(&care->notify);
    }
    service_notify_stopping(&care->notify);
    (void)close(descriptor);
    if (wish == SIGNAL_STOP)
        log_info("stopping: %s", strsignal(number));
    else
        log_error("stopping: a part of the router has failed");
    return wish == SIGNAL_STOP ? 0 : 1;
}

/* What the reference keeps otherwise is said once: here it is all in one store, always. */
static void log_store(const struct smp_store_settings *store) {
    static const char *const queues[] = {"memory", "database"}, *const messages[] = {"memory", "journal", "database"};
    if (!store->enable || !store->restore_messages || store->store_queues != 0 || store->store_messages != 0)
        log_info(
            "store_queues = %s, store_messages = %s, enable = %s, restore_messages = %s: all of it is kept in LMDB",
            queues[store->store_queues], messages[store->store_messages], store->enable ? "on" : "off",
            store->restore_messages ? "on" : "off");
}

/* What failed is told once: by the log, where that could say more. */
static int fail(uint64_t errors_before, const char *error) {
    if (log_error_count() == errors_before)
        (void)fprintf(stderr, "Error: %s\n", error);
    return 1;
}

/* What it is, once it is sure to be that: mistakes are told before. */
static int introduce(const struct server_files *files, const struct smp_settings *settings,
                     const struct smp_router_config *config, const uint8_t fingerprint[FINGERPRINT_SIZE],
                     const struct smp_router *serving) {
    print_identity(files, settings, fingerprint);
    print_configuration(files, config);
    if (serving != NULL)
        print_serving(serving, settings);
    if (patient_output_error() == 0)
        return 0;
    (void)fprintf(stderr, "Error: cannot write to stdout: %s\n", strerror(patient_output_error()));
    return 1;
}

static int run(const struct server_files *files, const struct smp_start_options *options,
               const struct smp_settings *settings, struct server_care *care) {
    uint8_t fingerprint[FINGERPRINT_SIZE];
    char error[512] = "";
    struct smp_router *router = NULL;
    struct smp_reload reload = {.files = files, .log_level = options->log_level, .started = settings};
    uint64_t errors = log_error_count();
    if (!server_read_fingerprint(files, fingerprint))
        return 1;
    struct smp_router_config config = smp_reload_config(files, settings);
    smp_pages_prepare(files, settings, fingerprint, &config);
    if (smp_router_create(&config, &router, error, sizeof error) != SMQ_OK)
        return fail(errors, error);
    if (!options->maintenance && smp_router_listen(router, error, sizeof error) != SMQ_OK) {
        int status = fail(errors, error);
        smp_router_destroy(&router);
        return status;
    }
    log_store(&settings->store);
    int status = introduce(files, settings, &config, fingerprint, options->maintenance ? NULL : router);
    if (status == 0 && !options->maintenance) {
        service_notify_ready(&care->notify);
        status = serve_until_stop(router, &reload, care);
        smp_reload_end(&reload);
    }
    smp_router_destroy(&router);
    return status;
}

int smp_start(const struct server_files *files, const struct smp_start_options *options) {
    struct smp_settings settings;
    struct ini_report report = {.warn = print_line, .mistake = print_mistake};
    patient_output_begin();
    signals_prepare();
    if (!server_files_initialized(files) || server_files_exposed(files) ||
        smp_settings_load(files->ini, &settings, &report) != SMQ_OK)
        return 1;
    settings_set_log_level(options->log_level, &settings.log);
    server_raise_descriptor_limit();
    memory_keep_unused();
    struct server_care care = {.given_back_ms = 0};
    service_notify_open(&care.notify);
    int status = 1;
    if (base_setup() == SMQ_OK)
        status = run(files, options, &settings, &care);
    else
        (void)fprintf(stderr, "Error: libsodium, RCU or SMQ_FAULT cannot be set up\n");
    service_notify_close(&care.notify);
    smp_settings_destroy(&settings);
    return status;
}
