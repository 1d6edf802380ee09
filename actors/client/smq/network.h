/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* libsmq: how routers are reached (hosts, SOCKS proxy, web port, keep-alive), and as which service. Both are objects
 * that any number of clients and agents share through smq_client_options. */
#pragma once

#include "smq/client.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The rules of smq/client.h on threads, blocking, errors and ownership hold here, too. */

/* ---- network settings ---- */

/* Which host of an address that has several. */
enum smq_host_mode {
    SMQ_HOST_ONION_VIA_SOCKS = 0, /* an onion host when there is a SOCKS proxy, else a public one */
    SMQ_HOST_ONION,
    SMQ_HOST_PUBLIC,
};

/* When the SOCKS proxy is used. */
enum smq_socks_mode {
    SMQ_SOCKS_ALWAYS = 0,
    SMQ_SOCKS_ONION, /* only for onion hosts */
};

/* What a proxy that isolates by credentials (Tor: a circuit for each user name) keeps apart; each includes the ones
 * before it. */
enum smq_isolation {
    SMQ_ISOLATE_USERS = 0, /* smq_client_options.user_id */
    SMQ_ISOLATE_SESSIONS,  /* objects made by smq_network_create */
    SMQ_ISOLATE_SERVERS,
    SMQ_ISOLATE_ENTITIES, /* smq_client_options.entity */
};

/* For which addresses port 443 and the ALPN of web browsers are used. An address with a port keeps its port. */
enum smq_web_port {
    SMQ_WEB_PORT_PRESET = 0, /* whose first host is a name that ends with one of the preset domains */
    SMQ_WEB_PORT_ALL,
    SMQ_WEB_PORT_OFF,
};

struct smq_network_options {
    size_t size; /* set by init */
    /* NULL: no SOCKS5 proxy. Else [user:password@ or @]host[:port], the host an IP address (default 127.0.0.1), the
     * port 9050 by default. A user and password are shown as they are; `@` alone: none; nothing: a user name is
     * derived from what `isolation` says. The proxy looks the names of routers up. */
    const char *socks_proxy;
    enum smq_socks_mode socks_mode; /* SMQ_SOCKS_ALWAYS */
    enum smq_isolation isolation;   /* SMQ_ISOLATE_SESSIONS */
    enum smq_host_mode host_mode;   /* SMQ_HOST_ONION_VIA_SOCKS */
    /* false: without a host of the wanted kind the first one is taken; true: connecting fails (SMQ_ERR_NOT_FOUND) */
    bool host_mode_required;
    enum smq_web_port web_port;        /* SMQ_WEB_PORT_PRESET */
    const char *const *preset_domains; /* none */
    size_t preset_domain_count;
    /* TCP keep-alive where smq_client_options.keep_alive is on; 0: 30 s, 15 s, 4 probes */
    uint16_t keep_alive_idle_s;
    uint16_t keep_alive_interval_s;
    uint16_t keep_alive_probes;
};
/* Sets the values above. */
void smq_network_options_init_sized(struct smq_network_options *options, size_t size);
static inline void smq_network_options_init(struct smq_network_options *options) {
    smq_network_options_init_sized(options, sizeof(*options));
}

struct smq_network;

/* `options` may be NULL. SMQ_ERR_SYNTAX: the proxy; SMQ_ERR_INVALID: an enum's value, or the size. */
enum smq_result smq_network_create(const struct smq_network_options *options, struct smq_network **network);
struct smq_network *smq_network_reference(struct smq_network *network);
void smq_network_release(struct smq_network **network);

/* ---- services ----
 * A service shows a certificate of its own. A router that accepts it gives it an id, under which queues are associated
 * with it. */

enum smq_service_role {
    SMQ_SERVICE_MESSAGING = 0,
    SMQ_SERVICE_NOTIFIER,
    SMQ_SERVICE_PROXY,
};

struct smq_service;

/* Reads PEM files: the certificate (1 to 4 in all, leaf first; the identity is the second one, or the only one),
 * further certificates of its chain (`chain_path`, NULL: none) and the Ed25519 or Ed448 private key. Blocks for the
 * files. SMQ_ERR_SYSTEM (a file cannot be read), SMQ_ERR_SYNTAX, SMQ_ERR_INVALID (the key is not the certificate's),
 * SMQ_ERR_CRYPTO; error->text names the file. */
enum smq_result smq_service_load(enum smq_service_role role, const char *certificate_path, const char *chain_path,
                                 const char *key_path, struct smq_service **service, struct smq_error *error);
struct smq_service *smq_service_reference(struct smq_service *service);
void smq_service_release(struct smq_service **service);

#ifdef __cplusplus
}
#endif
