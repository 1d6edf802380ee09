/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the roles of the XFTP router share: the router's insides, and where each role is reached. Private to
 * actors/xftp. */
#pragma once

#include <stdatomic.h>

#include "actors/net/http_connection.h"
#include "actors/net/net.h"
#include "actors/router/operator/operator.h"
#include "actors/runtime/actor.h"
#include "actors/runtime/supervisor.h"
#include "actors/xftp/router.h"
#include "queues/pinning.h"
#include "stores/lmdb/store.h"
#include "stores/xftp/chunk_folder.h"
#include "stores/xftp/file_store.h"
#include "stores/xftp/quota.h"
#include "transport/tls/credentials.h"
#include "transport/tls/tls.h"

enum { XFTP_LANES_MAX = 64 };

struct xftp_disk_lane;
struct xftp_expirer;
struct xftp_process_lane;
struct xftp_writer;

/* What the router shows to prove who it is. */
struct xftp_identity {
    struct credentials *credentials;
    struct web_certificate *web; /* NULL: none */
    struct tls_context *tls;
    uint8_t fingerprint[FINGERPRINT_SIZE];
    uint8_t *chain; /* certificates as the handshake carries them */
    size_t chain_length;
    uint8_t chain_count;
};

struct xftp_router {
    struct xftp_router_config config; /* without borrowed strings */
    char **bind_addresses;
    uint16_t *ports;
    struct xftp_identity identity;
    struct store *store;
    struct chunk_folder *folder;
    struct file_quota quota;
    struct operator* operator;
    struct statistics *statistics; /* the operator's */
    struct counters *counters;     /* its */
    struct {
        int64_t day;
        int32_t count;
    } blocked;                     /* by orders, in a day; the writer's */
    _Atomic uint64_t upload_bytes; /* received, and not on the disk yet */

    struct supervisor *supervisor;
    struct net *net;
    struct http_service http;
    struct listener *listeners[XFTP_LISTENERS_MAX];
    uint16_t bound_ports[XFTP_LISTENERS_MAX];
    size_t listener_count;
    struct xftp_writer *writer;
    struct xftp_expirer *expirer;
    unsigned process_count, disk_count;
    struct xftp_process_lane *process[XFTP_LANES_MAX];
    struct xftp_disk_lane *disks[XFTP_LANES_MAX];
    struct pinning process_pinning;

    /* where each role is reached */
    struct {
        struct actor *writer, *expirer;
        struct actor *process[XFTP_LANES_MAX];
        struct actor *disks[XFTP_LANES_MAX];
    } addresses;
};

/* Each creates its role and starts it under the router's supervisor. SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM, SMQ_ERR_CLOSED.
 * Destroying: after the thread has ended. */
enum smq_result xftp_writer_create(struct xftp_router *router, struct xftp_writer **writer);
void xftp_writer_destroy(struct xftp_writer **writer);
enum smq_result xftp_process_lane_create(struct xftp_router *router, unsigned index, struct xftp_process_lane **lane);
void xftp_process_lane_destroy(struct xftp_process_lane **lane);
enum smq_result xftp_disk_lane_create(struct xftp_router *router, unsigned index, struct xftp_disk_lane **lane);
void xftp_disk_lane_destroy(struct xftp_disk_lane **lane);
enum smq_result xftp_expirer_create(struct xftp_router *router, struct xftp_expirer **expirer);
void xftp_expirer_destroy(struct xftp_expirer **expirer);

/* Before any of the roles: removes what expired, and what a killed router left behind. Logs. */
enum smq_result xftp_tidy_at_start(struct xftp_router *router);
/* What was created before then has expired, by the clock `now_s`. */
int64_t xftp_expiry_limit(const struct xftp_router_config *config, int64_t now_s);

/* What the store counts now. Any attached thread. */
void xftp_read_totals(struct xftp_router *router, struct file_totals *totals);

/* Loads and checks the files that `config` names. `error` gets one line that names the file. */
enum smq_result xftp_identity_load(const struct xftp_router_config *config, struct xftp_identity *identity, char *error,
                                   size_t error_size);
void xftp_identity_destroy(struct xftp_identity *identity);
