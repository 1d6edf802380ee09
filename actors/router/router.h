/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What every router is: its configuration, its parts, and its life from opening the store to an ordered stop. A router
 * of a protocol extends struct router (queues/base/owner.h) and brings a struct router_kind; of its commands, a struct
 * router_commands (commands.h). No protocol is named in this folder. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/net/limits.h"
#include "actors/net/net.h"
#include "actors/router/expirer.h"
#include "actors/router/operator/web.h"
#include "actors/runtime/actor.h"
#include "actors/runtime/supervisor.h"
#include "queues/pinning.h"
#include "queues/waker.h"
#include "smq/result.h"
#include "stores/lmdb/store.h"
#include "transport/net/address_range.h"
#include "transport/net/keep_alive.h"

enum { ROUTER_LANES_MAX = 64, ROUTER_LISTENERS_MAX = 64 };

enum router_durability {
    ROUTER_DURABILITY_COMMIT,  /* fsync every group commit before its answers leave */
    ROUTER_DURABILITY_INTERVAL /* fsync every `durability_interval_ms`: a power failure loses up to that much */
};

/* What an operator configures of any router; every field follows an INI key of docs/operating.md. Strings are borrowed
 * until the router is created. */
struct router_config {
    /* credentials */
    const char *ca_certificate_path;     /* PEM; the router's identity is the fingerprint of its first certificate */
    const char *server_certificate_path; /* PEM, signed by the CA */
    const char *server_key_path;         /* PEM */
    const char *web_certificate_path, *web_key_path; /* PEM, for browsers; NULL: none. Also taken over by a reload */
    uint32_t certificate_check_interval_s; /* how often the log warns of a certificate that ends within 30 days */
    /* [TRANSPORT] */
    const char *const *bind_addresses; /* IPv4 or IPv6 literals or names; count 0: all addresses, dual stack */
    size_t bind_address_count;
    const uint16_t *ports; /* at least one; 0 lets the kernel choose, see router_port */
    size_t port_count;
    const uint16_t *websocket_ports; /* the same for WebSockets over TLS; may be none */
    size_t websocket_port_count;
    uint32_t tls_timeout_ms;         /* accept to TLS established */
    uint32_t handshake_timeout_ms;   /* TLS established to client hello accepted */
    struct keep_alive keep_alive;    /* of accepted connections */
    bool accept_service_credentials; /* ask clients for a TLS certificate */
    bool log_tls_errors;             /* a line for each failed TLS handshake */
    bool log_peers;                  /* with the address of the peer */
    /* With any, connections to every port come through them and begin with a header of the PROXY protocol. */
    const struct net_address_range *proxies;
    size_t proxy_count;
    /* [LIMITS]; taken over by a reload */
    struct net_limits limits;
    /* [STORE_LOG] */
    const char *store_directory; /* created when missing */
    uint64_t map_size;           /* most bytes the store may use on disk */
    enum router_durability durability;
    uint32_t durability_interval_ms;
    /* [INACTIVE_CLIENTS]; taken over by a reload */
    bool disconnect_inactive;
    uint32_t inactive_ttl_s; /* connections without subscriptions, silent both ways for so long, are closed */
    uint32_t inactive_check_interval_s;
    /* [WEB]: the folder that pages are served from (NULL: none), and ports; [TRANSPORT] metrics_port, metrics_bind */
    const char *pages_directory;
    struct web_ports web_ports;
    /* [ROLES]: lanes of each role; 0: the number of cores */
    unsigned receive_lanes;
    unsigned process_lanes;
    unsigned send_lanes;
};

/* The defaults of the reference; paths, ports and addresses are left empty. */
struct router_config router_config_default(void);

struct router;
struct router_commands;
struct process_lane;
struct store_writer;

/* What the router of a protocol brings. Constant. */
struct router_kind {
    const char *certificate_command; /* what the operator runs for a new certificate */
    const struct store_layout *layout;
    const struct router_commands *commands;
    const struct protocol *protocol; /* of accepted connections; their state begins with a struct session */
    /* The state of a new connection (session_init), or NULL when out of memory. Listener. */
    void *(*accept)(void *router, struct connection *connection);
    /* Checks the configuration, which extends `config`: SMQ_ERR_INVALID. May be NULL. */
    enum smq_result (*check)(const struct router_config *config);
    /* Takes over what may change while the router runs, at the start and by a reload; on failure nothing. May be
     * NULL. */
    enum smq_result (*apply)(struct router *router, const struct router_config *config);
    /* Starts the roles that only it has, under router->supervisor: after the writer, before the process lanes. May be
     * NULL. `error` may get one line. */
    enum smq_result (*start_roles)(struct router *router, char *error, size_t error_size);
    /* All roles of the kernel run, too: the last that may fail. May be NULL. */
    enum smq_result (*started)(struct router *router, char *error, size_t error_size);
    /* The metrics as text, for the web. Any attached thread. */
    enum smq_result (*write_metrics)(struct router *router, struct text_buffer *text);
    /* Frees them; every thread has ended, the store is still open. Also after a start that failed half-way. */
    void (*destroy_roles)(struct router *router);
    const struct expiry *expiries; /* what the expirer's rounds are about */
    unsigned expiry_count;         /* at most EXPIRIES_MAX */
};

/* Where messages to the kernel's roles go, for post.c. Each role fills its own place before it starts. */
struct router_addresses {
    struct actor *writer, *expirer;
    struct actor *process[ROUTER_LANES_MAX];
};

struct router {
    const struct router_kind *kind;
    struct router_config common; /* as at the start; numbers only: its strings are not kept */
    struct {
        _Atomic bool disconnect;
        _Atomic uint32_t ttl_s;
        _Atomic uint32_t check_interval_s;
    } inactivity; /* live */
    struct supervisor *supervisor;
    struct store *store;
    struct net *net;
    struct router_identity *_Atomic identity; /* in service: identity_current */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    struct listener *listeners[ROUTER_LISTENERS_MAX];
    unsigned listener_count;
    uint16_t bound_ports[ROUTER_LISTENERS_MAX];
    char **bind_addresses;
    uint16_t *ports;
    struct net_address_range *proxies;
    struct web *web;

    struct store_writer *writer;
    struct expirer *expirer;
    uint8_t hash_key[16]; /* random, of this process: for what clients should not be able to choose */
    unsigned process_count;
    struct pinning process_pinning; /* connections to process lanes */
    struct process_lane *process[ROUTER_LANES_MAX];
    struct router_addresses addresses;

    /* received blocks whose answers have not been handed to TLS, plus one while the router runs */
    _Atomic uint64_t batches_in_progress;
    struct waker quiet; /* woken when that is 0: nothing is under way any more */
    /* The stop waits no longer: process lanes and writer give back what comes to them as if they had stopped. */
    _Atomic bool is_drained;
};

/* Starts a zeroed router: loads credentials, opens the store and starts every role but the listeners, in order: writer,
 * the kind's roles, process lanes, net (send, receive, monitor), expirer, web. Blocks for as long as that takes.
 * `error` (of `error_size` bytes) holds one line for the operator on failure; router_destroy is due then, too.
 * SMQ_ERR_INVALID (credentials or configuration), SMQ_ERR_VERSION (the store is of a newer schema), SMQ_ERR_EXISTS
 * (another process uses the store), SMQ_ERR_STORE, SMQ_ERR_SYSTEM, SMQ_ERR_NO_MEMORY, SMQ_ERR_CRYPTO. */
enum smq_result router_create(struct router *router, const struct router_kind *kind, const struct router_config *config,
                              char *error, size_t error_size);

/* Binds and listens: from its return connections are accepted. SMQ_ERR_SYSTEM: an address cannot be bound; `error`
 * names it. */
enum smq_result router_listen(struct router *router, char *error, size_t error_size);

/* Takes over, without stopping anything, the certificates and key in the files of `config`, and what of it may change.
 * Connections keep the certificate that they began with, new ones get the new one. On failure nothing is changed and
 * `error` holds one line: SMQ_ERR_INVALID (also for certificates of another identity), SMQ_ERR_SYSTEM, SMQ_ERR_SYNTAX,
 * SMQ_ERR_NO_MEMORY. Blocks for the files and a grace period. From the thread that created the router. */
enum smq_result router_reload(struct router *router, const struct router_config *config, char *error,
                              size_t error_size);

/* Whether router_create would take the configuration and credentials; opens nothing. `*valid_until_s` is when the first
 * certificate ends, UTC. Errors of router_create, with `error`. Any thread; blocks for the files. */
enum smq_result router_check(const struct router_kind *kind, const struct router_config *config, int64_t *valid_until_s,
                             char *error, size_t error_size);

/* The port that the i-th configured port is bound to; those of WebSockets are counted after the others. */
uint16_t router_port(const struct router *router, size_t i);

/* Those of the web; 0: not open. */
uint16_t router_web_port(const struct router *router, enum web_port which);

/* Stops in order: listeners, reading, commands in flight, final commit, flush of answers (each with a deadline; 3 s in
 * all), then joins every thread, has the kind free its roles, and closes the store. Nothing acknowledged is lost. The
 * struct stays the caller's. From the thread that created it. */
void router_destroy(struct router *router);
