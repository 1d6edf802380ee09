/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Opening and closing listeners: addresses are bound here, then the role is asked to accept on them. */
#include "actors/net/listener_private.h"

#include "actors/net/http_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "queues/base/memory.h"
#include "transport/net/socket.h"

enum { DEFAULT_TLS_TIMEOUT_MS = 10000 };

/* Has the role make the next change, which `done` (one of the listener's promises) tells, and waits for it. */
static enum smq_result change(struct listener *listener, struct promise *done) {
    promise_reference(done);
    enum smq_result result = actor_send(listener->net->addresses.listener, &listener->message);
    void *nothing;
    if (result == SMQ_OK)
        result = promise_wait(done, -1, &nothing);
    promise_release(&done);
    return result;
}

/* A promise with one reference: the listener's, for the role to decide. */
static enum smq_result make_promise(struct promise **promise) {
    enum smq_result result = promise_create(NULL, promise);
    if (result == SMQ_OK) {
        struct promise *second = *promise;
        promise_release(&second);
    }
    return result;
}

/* What binding fills. */
struct binding {
    const struct listen_options *options;
    struct listener *listener;
    char *error;
    size_t error_size;
};

static enum smq_result describe(const struct binding *binding, enum smq_result result, const char *address,
                                const char *reason) {
    if (binding->error != NULL)
        snprintf(binding->error, binding->error_size, "cannot listen on %s: %s", address, reason);
    return result;
}

/* Makes room for one more socket and binds it. The first port that the kernel chooses is used for all. */
static enum smq_result bind_one(struct binding *binding, struct net_address address, bool dual_stack) {
    struct listener *grown = memory_resize_array(
        binding->listener, sizeof *grown + (binding->listener->count + 1) * sizeof grown->sockets[0], 1);
    if (grown == NULL)
        return describe(binding, SMQ_ERR_NO_MEMORY, "a socket", smq_result_text(SMQ_ERR_NO_MEMORY));
    binding->listener = grown;
    net_address_set_port(&address, grown->port);
    char text[NET_ADDRESS_TEXT];
    net_address_text(&address, text);
    int descriptor = -1;
    enum smq_result result = socket_listen(&address, dual_stack, &descriptor);
    if (result == SMQ_OK)
        result = socket_local_address(descriptor, &address);
    if (result != SMQ_OK) {
        int saved = errno;
        socket_close(&descriptor);
        describe(binding, result, text, strerror(saved));
        errno = saved;
        return result;
    }
    grown->port = net_address_port(&address);
    grown->sockets[grown->count++] = (struct listening_socket){.descriptor = descriptor};
    return SMQ_OK;
}

static bool is_missing_family(int error) {
    return error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
}

/* Binds what `host` stands for (NULL: all addresses); addresses of a family that this machine lacks are skipped as long
 * as one is left. */
static enum smq_result bind_host(struct binding *binding, const char *host, bool dual_stack) {
    struct net_address_list *list = NULL;
    enum smq_result result = net_address_resolve(host, binding->options->port, NET_RESOLVE_LISTEN, &list);
    if (result != SMQ_OK)
        return describe(binding, SMQ_ERR_SYSTEM, host == NULL ? "all addresses" : host, "the address does not resolve");
    size_t bound = 0;
    bool has_ipv6 = false;
    for (int pass = 0; pass < 2; pass++) {
        int family = pass == 0 ? AF_INET6 : AF_INET;
        for (size_t i = 0; i < list->count; i++) {
            if (list->addresses[i].storage.ss_family != family || (dual_stack && host == NULL && has_ipv6))
                continue;
            errno = 0;
            result = bind_one(binding, list->addresses[i], dual_stack);
            if (result != SMQ_OK && !(result == SMQ_ERR_SYSTEM && is_missing_family(errno)))
                goto out;
            bound += result == SMQ_OK;
            has_ipv6 = has_ipv6 || (result == SMQ_OK && family == AF_INET6);
        }
    }
    result = bound > 0 ? SMQ_OK : SMQ_ERR_SYSTEM;
out:
    memory_free(list);
    return result;
}

/* An IPv6 socket takes IPv4, too, unless an IPv4 address is listed beside it. */
static bool wants_dual_stack(const struct listen_options *options) {
    for (size_t i = 0; i < options->address_count; i++)
        if (strchr(options->addresses[i], ':') == NULL)
            return false;
    return true;
}

static enum smq_result bind_all(struct binding *binding) {
    const struct listen_options *options = binding->options;
    if (options->address_count == 0)
        return bind_host(binding, NULL, true);
    enum smq_result result = SMQ_OK;
    for (size_t i = 0; i < options->address_count && result == SMQ_OK; i++)
        result = bind_host(binding, options->addresses[i], wants_dual_stack(options));
    return result;
}

static enum smq_result copy_proxies(struct listener *listener, const struct listen_options *options) {
    listener->options.proxies = NULL;
    if (options->proxy_count == 0)
        return SMQ_OK;
    listener->proxies = memory_zalloc_array(options->proxy_count, sizeof *listener->proxies);
    if (listener->proxies == NULL)
        return SMQ_ERR_NO_MEMORY;
    memcpy(listener->proxies, options->proxies, options->proxy_count * sizeof *listener->proxies);
    listener->proxy_count = options->proxy_count;
    return SMQ_OK;
}

/* Gives the bound sockets to the role. */
static enum smq_result begin_accepting(struct net *net, const struct listen_options *options,
                                       struct listener *listener) {
    listener->net = net;
    listener->message.kind = NET_LISTENER;
    listener->options = *options;
    listener->options.addresses = NULL;
    if (options->protocol == NULL)
        listener->options.protocol = &http_protocol;
    listener->options.address_count = 0;
    listener_change(listener, &options->manners);
    for (size_t i = 0; i < listener->count; i++)
        listener->sockets[i].listener = listener;
    enum smq_result result = atomic_load(&net->is_stopping) ? SMQ_ERR_CLOSED : listener_need_role(net);
    if (result == SMQ_OK)
        result = make_promise(&listener->added);
    if (result == SMQ_OK)
        result = make_promise(&listener->removed);
    if (result == SMQ_OK)
        result = copy_proxies(listener, options);
    return result == SMQ_OK ? change(listener, listener->added) : result;
}

enum smq_result net_listen(struct net *net, const struct listen_options *options, struct listener **listener,
                           char *error, size_t error_size) {
    struct binding binding = {.options = options, .error = error, .error_size = error_size};
    if (options->http == NULL && (options->protocol == NULL || options->is_plain))
        return describe(&binding, SMQ_ERR_INVALID, "anything", "nothing is spoken there");
    binding.listener = memory_zalloc(sizeof *binding.listener);
    if (binding.listener == NULL)
        return describe(&binding, SMQ_ERR_NO_MEMORY, "a socket", smq_result_text(SMQ_ERR_NO_MEMORY));
    binding.listener->port = options->port;
    enum smq_result result = bind_all(&binding);
    if (result == SMQ_OK) {
        result = begin_accepting(net, options, binding.listener);
        if (result != SMQ_OK)
            describe(&binding, result, "the bound addresses", smq_result_text(result));
    }
    if (result != SMQ_OK) {
        listener_close_sockets(binding.listener);
        listener_free(binding.listener);
        return result;
    }
    *listener = binding.listener;
    return SMQ_OK;
}

void listener_change(struct listener *listener, const struct listen_manners *manners) {
    uint32_t tls_timeout_ms = manners->tls_timeout_ms > 0 ? manners->tls_timeout_ms : DEFAULT_TLS_TIMEOUT_MS;
    atomic_store_explicit(&listener->tls_timeout_ms, tls_timeout_ms, memory_order_relaxed);
    atomic_store_explicit(&listener->handshake_timeout_ms, manners->handshake_timeout_ms, memory_order_relaxed);
    atomic_store_explicit(&listener->keep_alive, manners->keep_alive, memory_order_relaxed);
    atomic_store_explicit(&listener->log_tls_errors, manners->log_tls_errors, memory_order_relaxed);
    atomic_store_explicit(&listener->log_peers, manners->log_peers, memory_order_relaxed);
}

uint16_t listener_port(const struct listener *listener) {
    return listener->port;
}

void listener_stop(struct listener **listener) {
    struct listener *stopped = *listener;
    *listener = NULL;
    if (stopped == NULL)
        return;
    CHECK(change(stopped, stopped->removed) == SMQ_OK);
    listener_free(stopped);
}
