/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_network: settings parsed once, and the route that they make for an address. */
#include "actors/client/network.h"

#include <stdatomic.h>
#include <string.h>

#include "actors/client/options.h"
#include "queues/base/clock.h"
#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "queues/base/secret.h"
#include "transport/wire/text.h"

enum { NETWORK_MAGIC = MAGIC('n', 'e', 't', 'w'), SESSION_TEXT = 48 };

struct smq_network {
    uint32_t magic;
    _Atomic uint32_t references;
    /* constant */
    struct host_policy policy; /* its domains are `domains` */
    struct socks_proxy proxy;  /* when the policy has one */
    enum smq_isolation isolation;
    struct keep_alive keep_alive;
    size_t session_length;
    char session[SESSION_TEXT]; /* what no other session has */
    const char **domains;       /* one allocation: pointers, then texts */
};

void smq_network_options_init_sized(struct smq_network_options *options, size_t size) {
    static const struct smq_network_options defaults = {.isolation = SMQ_ISOLATE_SESSIONS};
    options_init(options, size, &defaults, sizeof defaults);
}

static bool options_are_valid(const struct smq_network_options *options) {
    return (unsigned)options->socks_mode <= SMQ_SOCKS_ONION && (unsigned)options->isolation <= SMQ_ISOLATE_ENTITIES &&
           (unsigned)options->host_mode <= SMQ_HOST_PUBLIC && (unsigned)options->web_port <= SMQ_WEB_PORT_OFF &&
           (options->preset_domains != NULL || options->preset_domain_count == 0);
}

static enum host_mode host_mode_of(enum smq_host_mode mode) {
    static const enum host_mode modes[] = {HOST_MODE_ONION_VIA_SOCKS, HOST_MODE_ONION, HOST_MODE_PUBLIC};
    return modes[mode];
}

static enum web_port_mode web_port_of(enum smq_web_port mode) {
    static const enum web_port_mode modes[] = {WEB_PORT_PRESET, WEB_PORT_ALL, WEB_PORT_OFF};
    return modes[mode];
}

static enum smq_result copy_domains(struct smq_network *network, const struct smq_network_options *options) {
    size_t count = options->preset_domain_count;
    size_t size = count * sizeof(network->domains[0]);
    for (size_t i = 0; i < count; i++)
        size += strlen(options->preset_domains[i]) + 1;
    if (count == 0)
        return SMQ_OK;
    network->domains = memory_alloc(size);
    if (network->domains == NULL)
        return SMQ_ERR_NO_MEMORY;
    char *text = (char *)(network->domains + count);
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(options->preset_domains[i]) + 1;
        memcpy(text, options->preset_domains[i], length);
        network->domains[i] = text;
        text += length;
    }
    network->policy.preset_domains = network->domains;
    network->policy.preset_domain_count = count;
    return SMQ_OK;
}

/* The time, as in the reference, and a random number, since two sessions may begin within a microsecond. */
static void make_session(struct smq_network *network) {
    uint64_t number;
    random_bytes(&number, sizeof(number));
    struct writer writer = writer_of(network->session, sizeof(network->session));
    write_signed_decimal(&writer, clock_realtime_s());
    write_text(&writer, ".");
    write_decimal(&writer, number);
    network->session_length = writer_length(&writer);
}

enum smq_result smq_network_create(const struct smq_network_options *options, struct smq_network **network) {
    struct smq_network_options chosen;
    smq_network_options_init(&chosen);
    if (network == NULL ||
        !options_take(&chosen, OPTIONS_END(struct smq_network_options, keep_alive_probes), options) ||
        !options_are_valid(&chosen))
        return SMQ_ERR_INVALID;
    struct smq_network *made = memory_zalloc(sizeof(*made));
    if (made == NULL)
        return SMQ_ERR_NO_MEMORY;
    atomic_init(&made->references, 1);
    MAGIC_SET(made, NETWORK_MAGIC);
    made->policy = (struct host_policy){
        .host_mode = host_mode_of(chosen.host_mode),
        .host_mode_required = chosen.host_mode_required,
        .has_socks_proxy = chosen.socks_proxy != NULL,
        .socks_mode = chosen.socks_mode == SMQ_SOCKS_ALWAYS ? SOCKS_MODE_ALWAYS : SOCKS_MODE_ONION,
        .web_port = web_port_of(chosen.web_port),
    };
    made->isolation = chosen.isolation;
    made->keep_alive = (struct keep_alive){.idle_s = chosen.keep_alive_idle_s,
                                           .interval_s = chosen.keep_alive_interval_s,
                                           .probes = chosen.keep_alive_probes};
    make_session(made);
    enum smq_result result = copy_domains(made, &chosen);
    if (result == SMQ_OK && chosen.socks_proxy != NULL)
        result = socks_proxy_parse(slice_of_text(chosen.socks_proxy), &made->proxy);
    if (result != SMQ_OK) {
        smq_network_release(&made);
        return result;
    }
    *network = made;
    return SMQ_OK;
}

bool network_is_valid(const struct smq_network *network) {
    return MAGIC_IS(network, NETWORK_MAGIC);
}

struct smq_network *smq_network_reference(struct smq_network *network) {
    if (!MAGIC_IS(network, NETWORK_MAGIC))
        return NULL;
    atomic_fetch_add_explicit(&network->references, 1, memory_order_relaxed);
    return network;
}

void smq_network_release(struct smq_network **network) {
    if (network == NULL)
        return;
    struct smq_network *released = *network;
    *network = NULL;
    if (!MAGIC_IS(released, NETWORK_MAGIC))
        return;
    if (atomic_fetch_sub_explicit(&released->references, 1, memory_order_acq_rel) != 1)
        return;
    MAGIC_CLEAR(released);
    memory_free((void *)(uintptr_t)released->domains);
    secret_wipe(released, sizeof(*released));
    memory_free(released);
}

/* What the derived user name is made of. */
static enum smq_result isolate(const struct smq_network *network, const struct server_address *address, int64_t user_id,
                               struct slice entity, struct socks_credentials *credentials) {
    char text[ADDRESS_TEXT_MAX];
    struct writer writer = writer_of(text, sizeof(text));
    struct socks_isolation isolation = {.user_id = user_id};
    if (network->isolation >= SMQ_ISOLATE_SESSIONS)
        isolation.session = slice_of(network->session, network->session_length);
    if (network->isolation >= SMQ_ISOLATE_SERVERS) {
        write_server_address_text(&writer, address, NULL, 0);
        isolation.server = slice_of(text, writer_length(&writer));
    }
    if (network->isolation >= SMQ_ISOLATE_ENTITIES)
        isolation.entity = entity;
    return writer_finish(&writer) == SMQ_OK ? socks_isolation_credentials(&isolation, credentials) : SMQ_ERR_INTERNAL;
}

enum smq_result network_choose(const struct smq_network *network, const struct server_address *address,
                               struct host_choice *choice) {
    static const struct host_policy by_default = {.host_mode = HOST_MODE_ONION_VIA_SOCKS};
    return host_choose(network == NULL ? &by_default : &network->policy, address, choice);
}

enum smq_result network_route(const struct smq_network *network, const struct server_address *address, int64_t user_id,
                              struct slice entity, struct network_route *route) {
    memset(route, 0, sizeof(*route));
    enum smq_result result = network_choose(network, address, &route->choice);
    if (result != SMQ_OK || network == NULL)
        return result;
    route->keep_alive = network->keep_alive;
    if (!route->choice.use_socks)
        return SMQ_OK;
    route->proxy = &network->proxy;
    switch (network->proxy.authentication) {
    case SOCKS_NO_AUTHENTICATION:
        break;
    case SOCKS_FIXED_CREDENTIALS:
        route->has_credentials = true;
        route->credentials = network->proxy.credentials;
        break;
    case SOCKS_ISOLATE:
        route->has_credentials = true;
        result = isolate(network, address, user_id, entity, &route->credentials);
        break;
    }
    return result;
}

void network_route_wipe(struct network_route *route) {
    secret_wipe(route, sizeof(*route));
}
