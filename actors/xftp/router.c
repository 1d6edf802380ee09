/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The XFTP router: starting and stopping its roles. */
#include "actors/xftp/router.h"
#include "actors/xftp/metrics.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actors/xftp/control.h"
#include "actors/xftp/metrics.h"
#include "actors/xftp/receive.h"
#include "actors/xftp/roles.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "stores/xftp/file_store.h"
#include "transport/crypto/setup.h"

enum { DISK_LANES = 4, HEAD_TIMEOUT_MS = 30000, STALL_TIMEOUT_MS = 300000 };

static enum smq_result fail(enum smq_result result, char *error, size_t error_size, const char *what) {
    if (error_size > 0 && error[0] == '\0')
        (void)snprintf(error, error_size, "%s: %s", what, smq_result_text(result));
    return result;
}

void xftp_router_config_default(struct xftp_router_config *config) {
    *config = (struct xftp_router_config){
        .tls_timeout_ms = 60000,
        .map_size = UINT64_C(16) << 30,
        .quota = UINT64_MAX,
        .chunk_sizes = {65536, 262144, 1048576, 4194304},
        .chunk_size_count = 4,
        .file_timeout_ms = 300000,
        .file_ttl_s = 48 * 3600,
        .expire_interval_s = 2 * 3600,
        .new_files = true,
        .upload_buffer = UINT64_C(256) << 20,
    };
}

/* ---- configuration ---- */

static unsigned lanes_or(unsigned configured, unsigned otherwise) {
    unsigned lanes = configured > 0 ? configured : otherwise;
    return lanes > XFTP_LANES_MAX ? XFTP_LANES_MAX : lanes;
}

static unsigned processors(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (unsigned)count : 1;
}

static bool config_is_valid(const struct xftp_router_config *config) {
    return config->port_count >= 1 && config->port_count <= XFTP_LISTENERS_MAX && config->store_directory != NULL &&
           config->files_path != NULL && config->server_certificate_path != NULL && config->server_key_path != NULL &&
           config->ca_certificate_path != NULL && config->chunk_size_count >= 1 &&
           config->chunk_size_count <= XFTP_CHUNK_SIZES_MAX && config->file_timeout_ms > 0 &&
           config->expire_interval_s > 0 && (config->web_certificate_path == NULL) == (config->web_key_path == NULL);
}

static enum smq_result keep_config(struct xftp_router *router, const struct xftp_router_config *config) {
    router->config = *config;
    router->http = (struct http_service){
        .hooks = &xftp_http_hooks,
        .context = router,
        .head_ms = HEAD_TIMEOUT_MS,
        .idle_ms = config->inactive_ttl_s > UINT32_MAX / 1000 ? UINT32_MAX : config->inactive_ttl_s * 1000,
        .exchange_ms = config->file_timeout_ms,
        .stall_ms = STALL_TIMEOUT_MS,
    };
    router->process_count = lanes_or(config->process_lanes, processors());
    router->disk_count = lanes_or(config->disk_lanes, DISK_LANES);
    pinning_init(&router->process_pinning, router->process_count);
    router->ports = memory_copy_of(config->ports, config->port_count * sizeof *config->ports);
    router->bind_addresses = memory_zalloc_array(config->bind_address_count + 1, sizeof *router->bind_addresses);
    if (router->ports == NULL || router->bind_addresses == NULL)
        return SMQ_ERR_NO_MEMORY;
    for (size_t i = 0; i < config->bind_address_count; i++)
        if ((router->bind_addresses[i] = memory_copy_of_text(config->bind_addresses[i])) == NULL)
            return SMQ_ERR_NO_MEMORY;
    return SMQ_OK;
}

static void free_config(struct xftp_router *router) {
    for (size_t i = 0; router->bind_addresses != NULL && i < router->config.bind_address_count; i++)
        memory_free(router->bind_addresses[i]);
    memory_free(router->bind_addresses);
    memory_free(router->ports);
    password_wipe(&router->config.create_password);
}

/* ---- store ---- */

void xftp_read_totals(struct xftp_router *router, struct file_totals *totals) {
    struct store_reader *reader;
    struct store_txn *txn;
    *totals = (struct file_totals){0};
    if (store_reader_create(router->store, &reader) != SMQ_OK)
        return;
    if (store_reader_begin(reader, &txn) == SMQ_OK)
        file_totals_get(txn, totals);
    store_reader_destroy(&reader);
}

static enum smq_result open_stores(struct xftp_router *router, const struct xftp_router_config *config, char *error,
                                   size_t error_size) {
    const struct store_options options = {.directory = config->store_directory, .map_size = config->map_size};
    struct file_totals totals;
    enum smq_result result = store_open(&file_store_layout, &options, &router->store);
    if (result != SMQ_OK)
        return fail(result, error, error_size, config->store_directory);
    result = chunk_folder_open(config->files_path, &router->folder);
    if (result != SMQ_OK)
        return fail(result, error, error_size, config->files_path);
    result = xftp_tidy_at_start(router);
    if (result != SMQ_OK)
        return fail(result, error, error_size, "removing what expired");
    xftp_read_totals(router, &totals);
    file_quota_begin(&router->quota, config->quota, totals.chunk_bytes);
    return SMQ_OK;
}

/* ---- roles ---- */

static enum smq_result create_operator(struct xftp_router *router, const struct operator_options *options) {
    const struct operator_table table = {
        .protocol = "XFTP",
        .statistics = xftp_statistics_table(router),
        .metrics = xftp_metrics,
        .metric_count = xftp_metric_count,
        .metrics_context = router,
        .control = xftp_control_table(router),
        .net = &router->net,
    };
    enum smq_result result = operator_create(&table, options, &router->operator);
    if (result != SMQ_OK)
        return result;
    router->statistics = operator_statistics(router->operator);
    router->counters = router->statistics->counters;
    return SMQ_OK;
}

static void stop_net(void *context) {
    struct xftp_router *router = context;
    net_destroy(&router->net);
}

static void stop_listening(void *context) {
    struct xftp_router *router = context;
    for (size_t i = 0; i < router->listener_count; i++)
        listener_stop(&router->listeners[i]);
    router->listener_count = 0;
}

static enum smq_result start_net(struct xftp_router *router) {
    const struct net_options options = {.receive_lanes = lanes_or(router->config.receive_lanes, processors()),
                                        .send_lanes = 1,
                                        .limits = router->config.limits};
    enum smq_result result = net_create(&options, &router->net);
    if (result != SMQ_OK)
        return result;
    result = supervisor_add(router->supervisor, "net", stop_net, router);
    if (result != SMQ_OK)
        net_destroy(&router->net);
    return result;
}

static enum smq_result start_roles(struct xftp_router *router, const struct operator_options *options, char *error,
                                   size_t error_size) {
    enum smq_result result = supervisor_create(&router->supervisor);
    if (result == SMQ_OK)
        result = xftp_writer_create(router, &router->writer);
    for (unsigned i = 0; i < router->disk_count && result == SMQ_OK; i++)
        result = xftp_disk_lane_create(router, i, &router->disks[i]);
    for (unsigned i = 0; i < router->process_count && result == SMQ_OK; i++)
        result = xftp_process_lane_create(router, i, &router->process[i]);
    if (result == SMQ_OK)
        result = start_net(router);
    if (result == SMQ_OK)
        result = xftp_expirer_create(router, &router->expirer);
    if (result == SMQ_OK)
        result = operator_start(router->operator, options, router->supervisor, error, error_size);
    return result;
}

enum smq_result xftp_router_create(const struct xftp_router_config *config, struct xftp_router **out, char *error,
                                   size_t error_size) {
    if (error_size > 0)
        error[0] = '\0';
    if (!config_is_valid(config))
        return fail(SMQ_ERR_INVALID, error, error_size, "configuration");
    if (crypto_setup() != SMQ_OK)
        return fail(SMQ_ERR_CRYPTO, error, error_size, "cryptographic libraries");
    struct xftp_router *router = memory_zalloc(sizeof *router);
    if (router == NULL)
        return fail(SMQ_ERR_NO_MEMORY, error, error_size, "router");
    enum smq_result result = keep_config(router, config);
    if (result == SMQ_OK)
        result = xftp_identity_load(config, &router->identity, error, error_size);
    if (result == SMQ_OK)
        result = create_operator(router, &config->operator);
    if (result == SMQ_OK)
        result = open_stores(router, config, error, error_size);
    if (result == SMQ_OK)
        result = start_roles(router, &config->operator, error, error_size);
    if (result == SMQ_OK) {
        *out = router;
        return SMQ_OK;
    }
    (void)fail(result, error, error_size, "starting the router");
    xftp_router_destroy(&router);
    return result;
}

enum smq_result xftp_router_listen(struct xftp_router *router, char *error, size_t error_size) {
    enum smq_result result = SMQ_OK;
    for (size_t i = 0; i < router->config.port_count && result == SMQ_OK; i++) {
        const struct listen_options options = {
            .addresses = (const char *const *)router->bind_addresses,
            .address_count = router->config.bind_address_count,
            .port = router->ports[i],
            .tls_context = router->identity.tls,
            .http = &router->http,
            .has_keep_alive = true,
            .manners = {.tls_timeout_ms = router->config.tls_timeout_ms,
                        .keep_alive = router->config.keep_alive,
                        .log_tls_errors = router->config.log_tls_errors,
                        .log_peers = router->config.log_peers},
        };
        result = net_listen(router->net, &options, &router->listeners[i], error, error_size);
        if (result == SMQ_OK)
            router->bound_ports[router->listener_count++] = listener_port(router->listeners[i]);
    }
    if (result == SMQ_OK)
        result = supervisor_add(router->supervisor, "listeners", stop_listening, router);
    if (result != SMQ_OK)
        stop_listening(router);
    return result;
}

uint16_t xftp_router_port(const struct xftp_router *router, size_t index) {
    return index < router->listener_count ? router->bound_ports[index] : 0;
}

const uint8_t *xftp_router_fingerprint(const struct xftp_router *router) {
    return router->identity.fingerprint;
}

int xftp_router_failure_fd(const struct xftp_router *router) {
    return supervisor_fd(router->supervisor);
}

void xftp_router_destroy(struct xftp_router **out) {
    struct xftp_router *router = *out;
    if (router == NULL)
        return;
    if (router->supervisor != NULL)
        supervisor_destroy(&router->supervisor);
    xftp_expirer_destroy(&router->expirer);
    for (unsigned i = 0; i < router->process_count; i++)
        xftp_process_lane_destroy(&router->process[i]);
    for (unsigned i = 0; i < router->disk_count; i++)
        xftp_disk_lane_destroy(&router->disks[i]);
    xftp_writer_destroy(&router->writer);
    if (router->store != NULL && router->operator!= NULL)
        (void)operator_keep(router->operator);
    operator_destroy(&router->operator);
    bool is_orderly = router->store != NULL && !store_is_dead(router->store);
    chunk_folder_close(&router->folder, is_orderly);
    store_close(&router->store);
    xftp_identity_destroy(&router->identity);
    free_config(router);
    memory_free(router);
    *out = NULL;
}

/* ---- figures ---- */

static uint64_t counted(const struct xftp_router *router, enum xftp_counter counter) {
    int64_t value = counters_read(router->counters, counter);
    return value > 0 ? (uint64_t)value : 0;
}

void xftp_router_statistics(struct xftp_router *router, struct xftp_statistics *statistics) {
    struct file_totals totals;
    xftp_read_totals(router, &totals);
    *statistics = (struct xftp_statistics){
        .files_created = counted(router, COUNT_FILES_CREATED),
        .file_recipients = counted(router, COUNT_FILE_RECIPIENTS),
        .files_uploaded = counted(router, COUNT_FILES_UPLOADED),
        .files_expired = counted(router, COUNT_FILES_EXPIRED),
        .files_deleted = counted(router, COUNT_FILES_DELETED),
        .files_blocked = counted(router, COUNT_FILES_BLOCKED),
        .file_downloads = counted(router, COUNT_FILE_DOWNLOADS),
        .file_download_acks = counted(router, COUNT_FILE_DOWNLOAD_ACKS),
        .authorization_failures = counted(router, COUNT_AUTHORIZATION_FAILURES),
        .quota_refusals = counted(router, COUNT_QUOTA_REFUSALS),
        .store_failures = counted(router, COUNT_STORE_FAILURES),
        .verifications = counted(router, COUNT_VERIFICATIONS),
        .files = totals.files,
        .recipients = totals.recipients,
        .chunks = totals.chunks,
        .chunk_bytes = totals.chunk_bytes,
        .quota_used = file_quota_used(&router->quota),
        .upload_bytes_waiting = atomic_load_explicit(&router->upload_bytes, memory_order_relaxed),
    };
}

struct operator* xftp_router_operator(struct xftp_router *router) {
    return router->operator;
}
