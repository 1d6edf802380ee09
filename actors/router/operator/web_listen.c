/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The web's own ports. */
#include "actors/net/listener.h"
#include "actors/net/net.h"
#include "actors/router/operator/web_private.h"
#include "queues/base/log.h"

enum { TLS_MS = 10000, REQUEST_MS = 20000 };

static enum smq_result listen_on(struct web *web, struct net *net, enum web_port which, struct listen_options *options,
                                 char *error, size_t error_size) {
    if (options->port == 0)
        return SMQ_OK;
    options->manners = (struct listen_manners){.tls_timeout_ms = TLS_MS, .handshake_timeout_ms = REQUEST_MS};
    return net_listen(net, options, &web->listeners[which], error, error_size);
}

/* A port of pages that another program has is no reason not to serve the protocol. */
static void listen_for_pages(struct web *web, struct net *net, enum web_port which, struct listen_options *options) {
    char error[256] = "";
    if (web->listeners[which] == NULL && listen_on(web, net, which, options, error, sizeof error) != SMQ_OK)
        log_error("the web pages: %s", error);
}

enum smq_result web_listen(struct web *web, struct net *net, const struct listen_options *common, char *error,
                           size_t error_size) {
    const char *monitor_address = web->monitor_address;
    struct listen_options http = *common;
    http.http = web_pages(web);
    http.is_plain = true;
    http.port = http.http == NULL ? 0 : web->options.ports.http;
    struct listen_options monitor = {
        .addresses = &monitor_address,
        .address_count = 1,
        .port = web->options.ports.monitor,
        .is_plain = true,
        .http = web_health(web),
    };
    listen_for_pages(web, net, WEB_HTTP, &http);
    enum smq_result result = listen_on(web, net, WEB_MONITOR, &monitor, error, error_size);
    if (result != SMQ_OK)
        web_stop_listening(web);
    return result;
}

void web_listen_with_tls(struct web *web, struct net *net, const struct web_tls *tls,
                         const struct listen_options *common) {
    struct listen_options https = *common;
    https.http = web_pages(web);
    https.port = https.http == NULL ? 0 : web->options.ports.https;
    https.protocol = tls->protocol;
    https.accept = tls->accept;
    https.context = tls->context;
    listen_for_pages(web, net, WEB_HTTPS, &https);
}

void web_stop_listening(struct web *web) {
    for (size_t i = 0; i < WEB_PORTS; i++)
        listener_stop(&web->listeners[i]);
}

uint16_t web_bound_port(const struct web *web, enum web_port which) {
    return web->listeners[which] == NULL ? 0 : listener_port(web->listeners[which]);
}
