/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The XFTP router as a whole: holds the chunks of files for their recipients. Its roles and messages: post.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/net/limits.h"
#include "actors/router/operator/operator.h"
#include "smq/result.h"
#include "transport/net/keep_alive.h"
#include "transport/tls/certificate.h"
#include "transport/wire/address.h"

enum { XFTP_LISTENERS_MAX = 8, XFTP_CHUNK_SIZES_MAX = 16 };

/* Strings are borrowed during the call only. */
struct xftp_router_config {
    /* identity: PEM files, as smp-server has them */
    const char *server_certificate_path, *server_key_path, *ca_certificate_path;
    const char *web_certificate_path, *web_key_path; /* for browsers; NULL: none, and no CORS */
    /* network */
    const uint16_t *ports; /* 0: the kernel chooses */
    size_t port_count;
    const char *const *bind_addresses; /* count 0: all */
    size_t bind_address_count;
    struct net_limits limits;
    uint32_t tls_timeout_ms;
    struct keep_alive keep_alive;
    bool log_tls_errors, log_peers;
    uint32_t inactive_ttl_s; /* connections without a request for so long are closed; 0: never */
    /* storage */
    const char *store_directory; /* LMDB */
    uint64_t map_size;
    const char *files_path; /* the folder of chunk files */
    uint64_t quota;         /* bytes of chunks; UINT64_MAX: as much as the disk takes */
    uint32_t chunk_sizes[XFTP_CHUNK_SIZES_MAX];
    size_t chunk_size_count;
    uint32_t file_timeout_ms; /* for an upload */
    uint32_t file_ttl_s;      /* from creation, which counts as up to an hour later */
    uint32_t expire_interval_s;
    /* who may create files */
    bool new_files;
    struct password create_password; /* length 0: none is asked for */
    /* lanes; 0: as many as processors (disk: four) */
    unsigned receive_lanes, process_lanes, disk_lanes;
    uint64_t upload_buffer; /* bytes of uploads that may wait for the disks before connections are read no more */
    struct operator_options operator;
};

/* What the reference has, with the paths and ports to be filled in. */
void xftp_router_config_default(struct xftp_router_config *config);

struct xftp_router;

/* Opens the store and the folder, removes what expired and what a killed router left behind, and starts the roles.
 * Blocks. `error` gets one line. SMQ_ERR_INVALID (configuration), what opening the store, the folder, the certificates
 * and starting threads answer. */
enum smq_result xftp_router_create(const struct xftp_router_config *config, struct xftp_router **router, char *error,
                                   size_t error_size);
/* Binds the ports and begins to accept. */
enum smq_result xftp_router_listen(struct xftp_router *router, char *error, size_t error_size);
/* The bound port with that index of the configuration; 0: none. */
uint16_t xftp_router_port(const struct xftp_router *router, size_t index);
const uint8_t *xftp_router_fingerprint(const struct xftp_router *router); /* FINGERPRINT_SIZE bytes */
/* Readable when a role has failed: the router is to be destroyed, and the program ends with a failure. */
int xftp_router_failure_fd(const struct xftp_router *router);
/* The operator's view of it: metrics as text, the control port. Valid while the router lives. */
struct operator* xftp_router_operator(struct xftp_router *router);
/* Stops in order: uploads that are under way are given up, what was answered stays. Blocks for some seconds at most.
 * Sets the pointer to NULL, which it may be. */
void xftp_router_destroy(struct xftp_router **router);

/* Counters since the start, and figures of the store. Any attached thread. */
struct xftp_statistics {
    uint64_t files_created, file_recipients, files_uploaded, files_expired, files_deleted, files_blocked;
    uint64_t file_downloads, file_download_acks;
    uint64_t authorization_failures, quota_refusals, store_failures;
    uint64_t verifications;                          /* of signatures and authenticators, those for show included */
    uint64_t files, recipients, chunks, chunk_bytes; /* in the store */
    uint64_t quota_used;                             /* with what uploads under way have claimed */
    uint64_t upload_bytes_waiting;                   /* received, and not on the disk yet */
};
void xftp_router_statistics(struct xftp_router *router, struct xftp_statistics *statistics);

/* For the operator (control port): deletes the file that a recipient id leads to, or blocks it with `info` (as
 * smp_blocking_info_write writes it). Blocks for the commit. SMQ_ERR_NOT_FOUND, SMQ_ERR_STORE, SMQ_ERR_CLOSED. Any
 * attached thread that is no role. */
enum smq_result xftp_router_delete_file(struct xftp_router *router, struct slice recipient_id);
enum smq_result xftp_router_block_file(struct xftp_router *router, struct slice recipient_id, struct slice info);
