/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The web's own ports. */
#include "actors/net/listener.h"
#include "actors/net/net.h"
#include "actors/router/operator/web_private.h"

enum { TLS_MS = 10000, REQUEST_MS = 20000 };

static enum smq_result listen_on(struct web *web, struct net *net, enum web_port which, struct listen_options *options,
                                 char *error, size_t error_size) {
    if (options->port == 0)
        return SMQ_OK;
    options->manners = (struct listen_manners){.tls_timeout_ms = TLS_MS, .handshake_timeout_ms = REQUEST_MS};
    return net_listen(net, options, &web->listeners[which], error, error_size);
}

enum smq_result web_listen(struct web *web, struct net *net, const struct web_tls *tls,
                           const struct listen_options *common, char *error, size_t error_size) {
    const struct web_ports *ports = &web->options.ports;
    const char *monitor_address = web->monitor_address;
    const struct http_service *pages = web_pages(web);
    struct listen_options http = *common, https = *common;
    http.http = https.http = pages;
    http.is_plain = true;
    http.port = pages == NULL ? 0 : ports->http;
    https.port = pages == NULL || tls == NULL ? 0 : ports->https;
    struct listen_options monitor = {
        .addresses = &monitor_address,
        .address_count = 1,
        .port = ports->monitor,
        .is_plain = true,
        .http = web_health(web),
    };
    if (tls != NULL) {
        https.protocol = tls->protocol;
        https.accept = tls->accept;
        https.context = tls->context;
    }
    enum smq_result result = listen_on(web, net, WEB_HTTP, &http, error, error_size);
    if (result == SMQ_OK)
        result = listen_on(web, net, WEB_HTTPS, &https, error, error_size);
    if (result == SMQ_OK)
        result = listen_on(web, net, WEB_MONITOR, &monitor, error, error_size);
    if (result != SMQ_OK)
        web_stop_listening(web);
    return result;
}

void web_stop_listening(struct web *web) {
    for (size_t i = 0; i < WEB_PORTS; i++)
        listener_stop(&web->listeners[i]);
}

uint16_t web_bound_port(const struct web *web, enum web_port which) {
    return web->listeners[which] == NULL ? 0 : listener_port(web->listeners[which]);
}
