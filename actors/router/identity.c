/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A router's identity: loading, checking what clients will check, and replacing it while the router runs. */
#include "actors/router/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/rcu.h"

enum { DAY_S = 86400, WARNING_DAYS = 30, WEB_WARNING_DAYS = 14, DATE_SIZE = 32 };

#define RENEW "make a new one with `%s`"

static enum smq_result refuse(char *error, size_t error_size, const char *path, const char *reason) {
    if (error_size > 0)
        (void)snprintf(error, error_size, "%s: %s", path, reason);
    return SMQ_ERR_INVALID;
}

static void write_date(int64_t seconds, char date[DATE_SIZE]) {
    time_t time = (time_t)seconds;
    struct tm parts;
    if (gmtime_r(&time, &parts) == NULL || strftime(date, DATE_SIZE, "%Y-%m-%d %H:%M UTC", &parts) == 0)
        (void)snprintf(date, DATE_SIZE, "another age");
}

/* Which file a certificate of the chain stands in: those of the CA file come last. */
static const char *file_of(const struct router_config *config, size_t index, size_t server_count) {
    return index < server_count ? config->server_certificate_path : config->ca_certificate_path;
}

static enum smq_result check_dates(const struct router_config *config, int64_t now_s, size_t server_count,
                                   struct router_identity *identity, char *error, size_t error_size) {
    size_t count;
    const struct slice *chain = credentials_chain(identity->credentials, &count);
    const char *ends_first = config->server_certificate_path;
    identity->valid_until_s = INT64_MAX;
    for (size_t i = 0; i + 1 < count; i++) {
        const char *path = file_of(config, i, server_count);
        int64_t from_s, until_s;
        char date[DATE_SIZE], reason[128];
        if (certificate_validity(chain[i], &from_s, &until_s) != SMQ_OK)
            return refuse(error, error_size, path, "a certificate without dates");
        write_date(until_s <= now_s ? until_s : from_s, date);
        (void)snprintf(reason, sizeof reason,
                       until_s <= now_s ? "the certificate expired on %s; " RENEW
                                        : "the certificate is not valid before %s; check the clock, or " RENEW,
                       date, identity->renew);
        if (until_s <= now_s || from_s > now_s)
            return refuse(error, error_size, path, reason);
        if (until_s < identity->valid_until_s) {
            identity->valid_until_s = until_s;
            ends_first = path;
        }
    }
    identity->ends_first = memory_copy_of_text(ends_first);
    return identity->ends_first == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
}

/* What a client will ask: is the leaf the identity's? */
static enum smq_result check_chain(const struct router_config *config, int64_t now_s, size_t server_count,
                                   struct router_identity *identity, char *error, size_t error_size) {
    size_t count;
    char reason[256];
    const struct slice *chain = credentials_chain(identity->credentials, &count);
    switch (certificate_check_server(chain, count, identity->fingerprint, now_s)) {
    case CERTIFICATE_FAULT_NONE:
        return check_dates(config, now_s, server_count, identity, error, error_size);
    case CERTIFICATE_FAULT_EXPIRED:
        (void)snprintf(reason, sizeof reason, "the chain is not valid now; " RENEW, identity->renew);
        (void)refuse(error, error_size, config->server_certificate_path, reason);
        (void)check_dates(config, now_s, server_count, identity, error, error_size);
        return SMQ_ERR_INVALID;
    case CERTIFICATE_FAULT_CHAIN:
        return refuse(error, error_size, config->ca_certificate_path,
                      "with the server certificate, no chain of 2 to 4 certificates");
    case CERTIFICATE_FAULT_IDENTITY:
        (void)snprintf(reason, sizeof reason, "more than one certificate, and the second is not the first of %s",
                       config->ca_certificate_path);
        return refuse(error, error_size, config->server_certificate_path, reason);
    case CERTIFICATE_FAULT_FORM:
        return refuse(error, error_size, config->ca_certificate_path, "a certificate that may not issue the one below");
    default:
        (void)snprintf(reason, sizeof reason,
                       "not signed by the first certificate of %s, or that does not lead to the last one; " RENEW,
                       config->ca_certificate_path, identity->renew);
        return refuse(error, error_size, config->server_certificate_path, reason);
    }
}

/* How many of the chain stand in the server's file: the identity is the first of the other one. */
static size_t server_count_of(const struct router_identity *identity) {
    size_t count, index = 0;
    const struct slice *chain = credentials_chain(identity->credentials, &count);
    uint8_t fingerprint[FINGERPRINT_SIZE];
    while (index < count && (certificate_fingerprint(chain[index], fingerprint) != SMQ_OK ||
                             memcmp(fingerprint, identity->fingerprint, sizeof fingerprint) != 0))
        index++;
    return index;
}

/* The router serves without it, too: a new one is often got only when it runs. */
static bool is_web_missing(const struct router_config *config) {
    const char *path = config->web_certificate_path;
    if (path == NULL || config->web_key_path == NULL)
        return true;
    if (access(path, F_OK) == 0 || errno != ENOENT)
        return false;
    log_warn("%s: there is no such file, so no pages are served with TLS; get a certificate, then send SIGHUP", path);
    return true;
}

static enum smq_result load_web(const struct router_config *config, struct router_identity *identity, char *error,
                                size_t error_size) {
    if (is_web_missing(config))
        return SMQ_OK;
    enum smq_result result =
        web_certificate_load(config->web_certificate_path, config->web_key_path, &identity->web, error, error_size);
    const struct tls_server_options options = {.web = identity->web};
    return result == SMQ_OK ? tls_context_create_web_server(&options, &identity->web_tls) : result;
}

static enum smq_result make_tls(const struct router_config *config, struct router_identity *identity) {
    const struct tls_server_options options = {
        .credentials = identity->credentials,
        .request_client_certificate = config->accept_service_credentials,
        .web = identity->web,
    };
    return tls_context_create_web_server(&options, &identity->tls);
}

enum smq_result identity_load(const struct router_config *config, const char *renew, int64_t now_s,
                              struct router_identity **out, char *error, size_t error_size) {
    struct router_identity *identity = memory_zalloc(sizeof *identity);
    if (identity == NULL)
        return SMQ_ERR_NO_MEMORY;
    atomic_init(&identity->references, 1);
    identity->renew = renew;
    enum smq_result result = credentials_load(config->server_certificate_path, config->ca_certificate_path,
                                              config->server_key_path, &identity->credentials, error, error_size);
    if (result == SMQ_OK)
        result = credentials_ca_fingerprint(config->ca_certificate_path, identity->fingerprint);
    if (result == SMQ_OK)
        result = check_chain(config, now_s, server_count_of(identity), identity, error, error_size);
    if (result == SMQ_OK)
        result = load_web(config, identity, error, error_size);
    if (result == SMQ_OK)
        result = make_tls(config, identity);
    if (result == SMQ_OK)
        *out = identity;
    else
        identity_release(&identity);
    return result;
}

void identity_release(struct router_identity **identity) {
    struct router_identity *released = *identity;
    *identity = NULL;
    if (released == NULL || atomic_fetch_sub_explicit(&released->references, 1, memory_order_acq_rel) != 1)
        return;
    tls_context_destroy(&released->tls);
    tls_context_destroy(&released->web_tls);
    web_certificate_destroy(&released->web);
    credentials_destroy(&released->credentials);
    memory_free(released->ends_first);
    memory_free(released);
}

struct router_identity *identity_current(struct router_identity *_Atomic *place) {
    read_section_begin();
    struct router_identity *identity = atomic_load_explicit(place, memory_order_acquire);
    atomic_fetch_add_explicit(&identity->references, 1, memory_order_relaxed);
    read_section_end();
    return identity;
}

void identity_replace(struct router_identity *_Atomic *place, struct router_identity *identity) {
    struct router_identity *before = atomic_exchange(place, identity);
    if (before == NULL)
        return;
    grace_period_wait(); /* who has found it by now has its reference */
    identity_release(&before);
}

static void warn_of_web(const struct router_identity *identity, int64_t now_s) {
    char date[DATE_SIZE];
    int64_t ends_s = web_certificate_ends_s(identity->web);
    write_date(ends_s, date);
    if (ends_s <= now_s)
        log_error("the web certificate expired on %s and browsers refuse it; renew it, then send SIGHUP", date);
    else if (ends_s - now_s < (int64_t)WEB_WARNING_DAYS * DAY_S)
        log_warn("the web certificate expires on %s; renew it, then send SIGHUP", date);
}

void identity_warn(const struct router_identity *identity, int64_t now_s) {
    char date[DATE_SIZE];
    if (identity->web != NULL)
        warn_of_web(identity, now_s);
    write_date(identity->valid_until_s, date);
    if (identity->valid_until_s <= now_s)
        log_error("%s: the certificate expired on %s and clients refuse it; " RENEW ", then send SIGHUP",
                  identity->ends_first, date, identity->renew);
    else if (identity->valid_until_s - now_s < (int64_t)WARNING_DAYS * DAY_S)
        log_warn("%s: the certificate expires on %s; " RENEW ", then send SIGHUP", identity->ends_first, date,
                 identity->renew);
}
