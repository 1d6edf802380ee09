/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a router shows to browsers and to monitoring, over HTTP: a folder of pages, and /metrics, /healthz, /readyz.
 * Every router's; a router says what stands on its pages (web_site.h).
 *
 * Requests come on the receive lanes; what takes a disk, or milliseconds, is done by one role, "web", and is answered
 * by the lane. So many requests are under way at most as WEB_PENDING_MAX; others are told to come again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/net/http_connection.h"
#include "actors/router/operator/text_buffer.h"
#include "smq/result.h"

struct listen_options;
struct listener;
struct net;
struct supervisor;
struct web;

enum {
    WEB_PENDING_MAX = 1024,    /* requests that the role has not answered yet */
    WEB_FILE_MAX = 4 << 20,    /* bytes of a file that is served */
    WEB_BYTES_MAX = 128 << 20, /* of answers that are being sent */
    WEB_PATH_MAX = 1024,
};

/* Ports, as an operator configures them; 0: none. */
struct web_ports {
    uint16_t http;               /* pages without TLS */
    uint16_t https;              /* pages with TLS, where it is no port of the router's own */
    uint16_t monitor;            /* /metrics, /healthz, /readyz, without TLS */
    const char *monitor_address; /* NULL: 127.0.0.1 */
};
enum web_port { WEB_HTTP, WEB_HTTPS, WEB_MONITOR, WEB_PORTS };

struct web_options {
    const char *static_path; /* the folder of pages; copied. NULL: there are none */
    struct web_ports ports;  /* the address is copied */
    /* Writes the router's metrics (Prometheus' text), on the role's thread; says whether it serves, on any, quickly.
     * NULL: /metrics is not found; it is always ready. */
    enum smq_result (*write_metrics)(void *context, struct text_buffer *text);
    bool (*is_ready)(void *context);
    void *context;
};

/* SMQ_ERR_NO_MEMORY; SMQ_ERR_SYSTEM (errno): the folder cannot be found. Blocks for that. */
enum smq_result web_create(const struct web_options *options, struct web **web);
/* Starts the role under the supervisor: after all that metrics are of, before the listeners. Whoever asks when it has
 * ended is told to come again. */
enum smq_result web_start(struct web *web, struct supervisor *supervisor);
/* When the supervisor has ended the role and the net is destroyed. NULL inside is allowed. */
void web_destroy(struct web **web);

/* What listeners give to browsers, on ports that are shared with the router's protocol and on others; and on the port
 * of monitoring. They live as long as `web`. */
const struct http_service *web_pages(const struct web *web);
const struct http_service *web_health(const struct web *web);

/* How connections of the port `https` get their TLS: as listen_options has it. */
struct web_tls {
    const struct protocol *protocol;
    void *(*accept)(void *context, struct connection *connection);
    void *context;
};
/* Opens the ports without TLS: pages on the addresses, and behind the proxies, of `common`; a port of pages that cannot
 * be bound is told in the log. Results and `error` as of net_listen, for the port of monitoring; then none is open. Any
 * attached thread that is no role of the net. */
enum smq_result web_listen(struct web *web, struct net *net, const struct listen_options *common, char *error,
                           size_t error_size);
/* The same for https, when there is a certificate; not where the router has that port itself. Nothing happens when it
 * is open. */
void web_listen_with_tls(struct web *web, struct net *net, const struct web_tls *tls,
                         const struct listen_options *common);
void web_stop_listening(struct web *web);
/* The port that is bound; 0: none. */
uint16_t web_bound_port(const struct web *web, enum web_port which);
