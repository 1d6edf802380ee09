/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Pages with TLS are on the router's own ports; a port of their own is there when it is another one, and when there is
 * a certificate. */
#include "actors/router/router_web.h"

#include <stdio.h>

#include "actors/router/identity_web.h"

static enum smq_result write_metrics(void *context, struct text_buffer *text) {
    struct router *router = context;
    return router->kind->write_metrics(router, text);
}

static bool is_ready(void *context) {
    struct router *router = context;
    return !atomic_load_explicit(&router->is_drained, memory_order_acquire);
}

enum smq_result router_web_start(struct router *router, char *error, size_t error_size) {
    const struct web_options options = {
        .static_path = router->common.pages_directory,
        .ports = router->common.web_ports,
        .write_metrics = router->kind->write_metrics != NULL ? write_metrics : NULL,
        .is_ready = is_ready,
        .context = router,
    };
    enum smq_result result = web_create(&options, &router->web);
    if (result == SMQ_OK)
        return web_start(router->web, router->supervisor);
    if (error_size > 0)
        (void)snprintf(error, error_size, "[WEB] static_path: %s", smq_result_text(result));
    return result;
}

static bool has_web_certificate(struct router *router) {
    struct router_identity *current = identity_current(&router->identity);
    bool has_web = current->web != NULL;
    identity_release(&current);
    return has_web;
}

static struct listen_options common_options(const struct router *router) {
    return (struct listen_options){
        .addresses = (const char *const *)router->bind_addresses,
        .address_count = router->common.bind_address_count,
        .proxies = router->proxies,
        .proxy_count = router->common.proxy_count,
    };
}

static void listen_with_tls(struct router *router) {
    const struct web_tls tls = {&identity_web_protocol, identity_web_accept, &router->identity};
    const struct listen_options common = common_options(router);
    bool is_shared = false;
    for (size_t i = 0; i < router->common.port_count; i++)
        is_shared = is_shared || router->ports[i] == router->common.web_ports.https;
    if (!is_shared && has_web_certificate(router))
        web_listen_with_tls(router->web, router->net, &tls, &common);
}

enum smq_result router_web_listen(struct router *router, char *error, size_t error_size) {
    const struct listen_options common = common_options(router);
    enum smq_result result = web_listen(router->web, router->net, &common, error, error_size);
    if (result == SMQ_OK)
        listen_with_tls(router);
    return result;
}

enum smq_result router_web_check(struct router *router, const struct router_config *config,
                                 const struct router_identity *next, char *error, size_t error_size) {
    if (next->web != NULL || config->web_certificate_path == NULL || !has_web_certificate(router))
        return SMQ_OK;
    if (error_size > 0)
        (void)snprintf(error, error_size, "%s: the web certificate is gone", config->web_certificate_path);
    return SMQ_ERR_NOT_FOUND;
}

void router_web_identity_changed(struct router *router) {
    if (router->listener_count > 0)
        listen_with_tls(router);
}

uint16_t router_web_port(const struct router *router, enum web_port which) {
    return web_bound_port(router->web, which);
}
