/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMP protocol errors: what follows `ERR `, in the binary form of the wire and in the text form of logs and command
 * lines. Pure and re-entrant: any thread. Slices inside a parsed error point into the parsed input. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/block/command_error.h"
#include "transport/smp/blocking_info.h"
#include "transport/smp/transport_error.h"

enum smp_error_code {
    SMP_ERROR_NONE, /* never on the wire: writing it fails */
    SMP_ERROR_BLOCK,
    SMP_ERROR_SESSION,
    SMP_ERROR_COMMAND, /* `command` says which */
    SMP_ERROR_PROXY,   /* `proxy` says which */
    SMP_ERROR_AUTH,
    SMP_ERROR_BLOCKED, /* `blocked` says why */
    SMP_ERROR_SERVICE,
    SMP_ERROR_CRYPTO,
    SMP_ERROR_QUOTA,
    SMP_ERROR_STORE, /* `text`: rest of the transmission, UTF-8 */
    SMP_ERROR_NO_MESSAGE,
    SMP_ERROR_LARGE_MESSAGE,
    SMP_ERROR_EXPIRED,
    SMP_ERROR_INTERNAL,
    SMP_ERROR_DUPLICATE,
};

/* The proxy's own errors. `PROXY PROTOCOL e` is not among them: it is `e` with `wrappers` counted up. */
enum smp_proxy_error { SMP_PROXY_BROKER, SMP_PROXY_BASIC_AUTH, SMP_PROXY_NO_SESSION };

enum smp_broker_error {
    SMP_BROKER_RESPONSE,   /* `text`, at most 255 bytes on the wire; a longer one is cut */
    SMP_BROKER_UNEXPECTED, /* `text`, likewise */
    SMP_BROKER_NETWORK,    /* `network`, read but never written: this protocol version sends no detail */
    SMP_BROKER_HOST,
    SMP_BROKER_TRANSPORT, /* `transport` */
    SMP_BROKER_TIMEOUT,
    SMP_BROKER_NO_SERVICE,
};

enum smp_network_code {
    SMP_NETWORK_FAILED,  /* also when the detail is missing or not understood */
    SMP_NETWORK_CONNECT, /* `text` */
    SMP_NETWORK_TLS,     /* `text` */
    SMP_NETWORK_UNKNOWN_CA,
    SMP_NETWORK_TIMEOUT,
    SMP_NETWORK_SUBSCRIBE, /* `text` */
};

struct smp_error {
    enum smp_error_code code;
    /* How many times it is wrapped as `PROXY PROTOCOL`: 0 for a router's own, 1 for a relay's answer told by a
     * proxy. */
    uint16_t wrappers;
    union {
        enum command_error command;       /* SMP_ERROR_COMMAND */
        struct smp_blocking_info blocked; /* SMP_ERROR_BLOCKED */
        struct slice text;                /* SMP_ERROR_STORE */
        struct {
            enum smp_proxy_error kind;
            enum smp_broker_error broker;         /* for SMP_PROXY_BROKER */
            struct smp_transport_error transport; /* for SMP_BROKER_TRANSPORT */
            enum smp_network_code network;        /* for SMP_BROKER_NETWORK */
            struct slice text;                    /* for RESPONSE, UNEXPECTED and the network codes that carry one */
        } proxy;                                  /* SMP_ERROR_PROXY */
    };
};

/* Constructors. `smp_error_of` is for the codes without detail. */
struct smp_error smp_error_of(enum smp_error_code code);
struct smp_error smp_error_command(enum command_error command);
struct smp_error smp_error_blocked(struct smp_blocking_info info);
struct smp_error smp_error_store(struct slice text);
struct smp_error smp_error_proxy(enum smp_proxy_error kind);     /* not for SMP_PROXY_BROKER */
struct smp_error smp_error_broker(enum smp_broker_error broker); /* the kinds without detail, and NETWORK */
struct smp_error smp_error_broker_text(enum smp_broker_error broker, struct slice text);
struct smp_error smp_error_broker_transport(struct smp_transport_error transport);
struct smp_error smp_error_protocol(struct smp_error relayed); /* `PROXY PROTOCOL relayed` */

/* Fieldwise comparison. */
bool smp_error_equal(const struct smp_error *a, const struct smp_error *b);

/* Reads one error; leaves the reader failed when the bytes are none. The caller checks for bytes left over. */
void smp_error_read(struct reader *reader, struct smp_error *error);
/* Writes the error as it is; what a version does not know is smp_error_for_version's concern. Fails on
 * SMP_ERROR_NONE. */
void smp_error_write(struct writer *writer, const struct smp_error *error);
/* The error as a session of `version` may be told it: BLOCKED becomes AUTH below 12 and loses its notice below 18.
 * Only an unwrapped error changes (reference: encodeProtocol of BrokerMsg). */
struct smp_error smp_error_for_version(uint16_t version, const struct smp_error *error);

/* Writes the text form: as the wire's, but nested texts are plain rest-of-line UTF-8. Bytes below 0x20 and 0x7f become
 * `?`, so that a peer cannot forge log lines. No terminating zero. */
void smp_error_write_text(struct writer *writer, const struct smp_error *error);
/* The text form in `buffer`, up to the last word that fits, always terminated; returns `buffer`. `capacity` ≥ 1. */
const char *smp_error_text(const struct smp_error *error, char *buffer, size_t capacity);
