/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The SMP router: its configuration and its life, from opening the store to an ordered stop. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/client/smq/network.h"
#include "actors/router/operator/operator.h"
#include "actors/router/router.h"
#include "queues/base/owner.h"
#include "smq/result.h"

/* [PROXY]: forwarding of clients' commands to other routers. */
struct smp_proxy_config {
    bool enabled;
    uint32_t client_concurrency;    /* proxied commands that a client may have under way; then it is not read */
    const char *own_server_domains; /* separated by spaces or commas: relays that are counted apart; NULL: none */
    uint32_t connect_timeout_ms;    /* for a connection to a relay, all in all */
    uint32_t forward_timeout_ms;    /* for a relay's answer */
    bool allow_private;             /* relays may be at addresses that are not of the public internet */
    uint32_t relay_connections;     /* to relays, at most, those that are being set up included */
    uint32_t relay_attempts;        /* of them, those that are being set up */
    uint32_t client_attempts;       /* and those that one client waits for */
    uint32_t relay_idle_ms;         /* a relay's connection that was not used for so long is closed */
    uint64_t forward_bytes;         /* of commands that are being forwarded, for all clients */
    uint32_t error_persistence_ms;  /* how long a relay that could not be reached is not tried again; 0: not at all */
    /* A relay that has been silent for `silence_ms`, while commands to it time out, is given up; this is looked at
     * every `ping_interval_ms`. */
    uint32_t ping_interval_ms;
    uint32_t silence_ms;
};

/* What an operator configures; every field follows an INI key of docs/operating.md. Strings are borrowed until
 * smp_router_create returns. */
struct smp_router_config {
    EXTENDS(router_config);
    /* [TRANSPORT] */
    uint16_t version_min, version_max; /* SMP protocol versions offered, within 6..18 */
    /* [LIMITS]: of new queues, see actors/smp/new_quota.h; 0: no limit */
    uint32_t new_queues_per_address, new_queues_per_password; /* in an hour */
    uint64_t unused_queues;                                   /* made since the start, and not used yet */
    /* [AUTH] */
    bool new_queues;             /* NEW is allowed */
    const char *create_password; /* NULL: NEW needs no password */
    /* [STORE_LOG] */
    uint32_t queue_quota;               /* messages a queue holds, then QUOTA */
    uint64_t message_ttl_s;             /* age at which an undelivered message expires; 0: never */
    uint32_t message_expiry_interval_s; /* how often expired messages are looked for */
    bool expire_messages_on_start;
    bool expire_messages_on_send;
    uint64_t notification_ttl_s;
    uint32_t notification_expiry_interval_s;
    uint32_t notification_delivery_interval_ms;
    uint32_t end_delivery_interval_ms; /* END and DELD of a connection are gathered for so long; 0: told at once */
    /* [PROXY]: how other routers are reached for clients: SOCKS proxy, host mode. No SOCKS proxy, and public hosts, by
     * default; with one, only onion hosts go through it. */
    struct smq_network_options proxy_network;
    const char *dns_servers; /* [TRANSPORT]: for names of relays, "address[:port]" with commas; NULL: the system's */
    struct smp_proxy_config proxy;
    /* [STORE_LOG] log_stats, prometheus_interval; [TRANSPORT] control_port; [AUTH] control_port_*, daily quota */
    struct operator_options operator;
};

/* The defaults of the reference (smp-server 6.5.5, Main.hs and Env/STM.hs); paths, ports and addresses are left
 * empty. */
struct smp_router_config smp_router_config_default(void);

struct smp_router;

/* Loads credentials, opens the store and starts every role but the listeners, in order. Blocks for as long as that
 * takes. On failure everything is undone and `error` (of `error_size` bytes) holds one line for the operator. Errors:
 * SMQ_ERR_INVALID (credentials or configuration), SMQ_ERR_VERSION (the store is of a newer schema), SMQ_ERR_EXISTS
 * (another process uses the store), SMQ_ERR_STORE, SMQ_ERR_SYSTEM. */
enum smq_result smp_router_create(const struct smp_router_config *config, struct smp_router **router, char *error,
                                  size_t error_size);

/* Binds and listens: from its return connections are accepted. SMQ_ERR_SYSTEM: an address cannot be bound; `error`
 * names it. */
enum smq_result smp_router_listen(struct smp_router *router, char *error, size_t error_size);

/* Takes over, without stopping anything, the certificates and key in the files of `config`, and those of its fields
 * that are live (`live` in the tables of its settings); it ignores the others, its paths excepted. Connections keep
 * the certificate that they began with, new ones get the new one. On failure nothing is changed and `error` holds one
 * line for the operator: SMQ_ERR_INVALID (also for certificates of another identity), SMQ_ERR_SYSTEM, SMQ_ERR_SYNTAX,
 * SMQ_ERR_NO_MEMORY. Blocks for the files and a grace period. From the thread that created the router. */
enum smq_result smp_router_reload(struct smp_router *router, const struct smp_router_config *config, char *error,
                                  size_t error_size);

/* Whether smp_router_create would take the configuration and credentials; opens nothing. `*valid_until_s` is when the
 * first certificate ends, UTC. Errors of smp_router_create, with `error`. Any thread; blocks for the files. */
enum smq_result smp_router_check(const struct smp_router_config *config, int64_t *valid_until_s, char *error,
                                 size_t error_size);

/* Counts a reload that did not come so far, for a mistake in the INI file; smp_router_reload counts its own. */
void smp_router_reload_failed(struct smp_router *router);

/* The port that the i-th configured port is bound to; those of WebSockets are counted after the others. */
uint16_t smp_router_port(const struct smp_router *router, size_t i);

/* Those of the web; 0: not open. */
uint16_t smp_router_web_port(const struct smp_router *router, enum web_port which);

/* Fingerprint of the identity certificate: 32 bytes, valid while the router lives. */
const uint8_t *smp_router_fingerprint(const struct smp_router *router);

/* A descriptor, readable once a role has failed for good: the process should then stop in order. Valid while the router
 * lives. */
int smp_router_failure_fd(const struct smp_router *router);

/* Stops in order: listeners, reading, commands in flight, final commit, flush of replies (each with a deadline; 3 s in
 * all), then joins every thread and closes the store. Nothing acknowledged is lost. Call from the thread that created
 * the router. Nulls `*router`. */
void smp_router_destroy(struct smp_router **router);

/* The operator's view of it: metrics as text, the control port. Valid while the router lives. */
struct operator* smp_router_operator(struct smp_router *router);

struct smp_proxy_statistics {
    uint64_t requests, successes;
    uint64_t errors_connect; /* the relay could not be reached, or its connection is gone */
    uint64_t errors_compat;  /* it speaks no version that can be proxied */
    uint64_t errors_other;
};

/* Counters since start, and totals of the store. Any thread; reads are not a snapshot of one instant. */
struct smp_router_statistics {
    uint64_t queues, messages, notifications; /* stored now */
    uint64_t connections, subscriptions;      /* open now */
    uint64_t queues_created, queues_deleted, queues_secured;
    uint64_t messages_sent, messages_received, messages_expired, quota_refusals;
    uint64_t notifications_sent, notifications_expired;
    uint64_t authorization_failures, store_failures;
    uint64_t forwards_received; /* commands that proxies forwarded to this router */
    uint64_t new_refused_address, new_refused_password, new_refused_unused; /* NEW, by the quotas on new queues */
    uint64_t reload_failures;
    uint64_t dropped_unsent; /* connections that did not read (limits.unsent_bytes) */
    uint64_t unused_queues;  /* now, of those made since the start */
    /* As a proxy: connections asked for (PRXY) and commands forwarded (PFWD), for all relays and for our own ones. */
    struct smp_proxy_statistics relays, relays_own, forwards, forwards_own;
};
void smp_router_statistics(struct smp_router *router, struct smp_router_statistics *statistics);
