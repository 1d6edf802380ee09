/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A plain, blocking SMP client for tests of routers: every block and transmission can be made as the test wants it,
 * right or wrong. It shares codecs with the router, but none of its actors. All functions fail the test (cmocka) when
 * the network, a deadline or the peer's bytes are not what they say. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/block/batch.h"
#include "transport/block/transmission.h"
#include "transport/crypto/box.h"
#include "transport/crypto/keys.h"
#include "transport/smp/command.h"
#include "transport/smp/handshake.h"
#include "transport/smp/response.h"
#include "transport/smp/session.h"
#include "transport/tls/credentials.h"
#include "transport/tls/tls.h"

enum { PEER_DEADLINE_MS = 10000, PEER_EVENTS_MAX = 64 };

struct peer_options {
    uint16_t port;
    uint8_t fingerprint[FINGERPRINT_SIZE];
    uint16_t version; /* highest version to agree on; 0: 18 */
    const char *alpn; /* NULL: "smp/1"; "": none */
    bool no_key;      /* send no client key: no block encryption */
    bool is_proxy;
    const struct credentials *service;        /* a service's certificate, shown in TLS */
    enum smp_service_role service_role;       /* SMP_ROLE_ANY: the hello does not mention the service */
    const struct credentials *service_hello;  /* the chain in the hello; NULL: `service` */
    const struct credentials *service_signer; /* who signs the session key; NULL: `service_hello` */
    enum key_algorithm service_key_algorithm; /* of the session key; KEY_NONE: Ed25519 */
    int receive_buffer;                       /* SO_RCVBUF in bytes; 0: the default */
    bool websocket;                           /* blocks as WebSocket messages */
};

struct peer {
    int descriptor;
    bool websocket;
    struct tls_context *context;
    struct tls *tls;
    struct tls_facts facts;
    struct smp_session session;
    struct key_pair key;          /* handshake */
    struct public_key server_key; /* its session key, for X25519 authorizations */
    bool has_server_key;
    struct version_range announced; /* by the router */
    struct key_pair service_key;    /* of a service session */
    bool has_service;
    uint8_t service_id[24];
    uint8_t service_fingerprint[FINGERPRINT_SIZE];
    uint8_t block[SMP_BLOCK_SIZE];    /* the block being read */
    struct block_content content;     /* transmissions of it that were not taken yet */
    uint8_t outgoing[SMP_BLOCK_SIZE]; /* the block being written */
    struct smp_outgoing_block draft;
    uint8_t correlation_id[24];           /* of the last command written */
    struct slice events[PEER_EVENTS_MAX]; /* transmissions that came before an awaited answer; copies */
    unsigned event_count;
    uint8_t *event; /* the one that peer_receive gave last */
    struct smp_transport_error service_error;
};

/* One transmission from the router; slices point into the peer's block and are valid until the next one is received. */
struct peer_answer {
    struct slice correlation_id;
    struct slice entity_id;
    struct smp_response response;
};

/* TCP alone, or with TLS, or with the whole handshake. */
int peer_tcp(uint16_t port);
void peer_tls(struct peer *peer, const struct peer_options *options);
void peer_connect(struct peer *peer, const struct peer_options *options);
/* peer_connect in two steps, for a service that does not wait: the second one reads the answer to the service, if
 * there is any to come. */
void peer_connect_begin(struct peer *peer, const struct peer_options *options);
void peer_connect_end(struct peer *peer, const struct peer_options *options);
void peer_close(struct peer *peer);

/* Raw blocks. peer_read_block: false when the router closed the connection. */
void peer_write_block(struct peer *peer, const uint8_t block[SMP_BLOCK_SIZE]);
bool peer_read_block(struct peer *peer, uint8_t block[SMP_BLOCK_SIZE]);
/* Whether the router closes the connection before the deadline; what it sends is dropped. */
bool peer_is_closed(struct peer *peer);

/* A block of commands: begin, add any number, send. `key` NULL: no authorization. The correlation id is random; the
 * last one is in peer->correlation_id. */
void peer_begin(struct peer *peer);
void peer_add(struct peer *peer, const struct key_pair *key, struct slice entity_id, const struct smp_command *command);
void peer_add_raw(struct peer *peer, struct slice transmission); /* any bytes as one transmission */
/* Signs with a given correlation id, so that it can be wrong, repeated or derived. */
void peer_add_with(struct peer *peer, const struct key_pair *key, struct slice entity_id, struct slice correlation_id,
                   const struct smp_command *command);
void peer_send(struct peer *peer);

/* The next transmission; fails the test after PEER_DEADLINE_MS. */
void peer_receive(struct peer *peer, struct peer_answer *answer);
/* Whether nothing comes: true when no block arrives within `ms`. */
bool peer_is_silent(struct peer *peer, unsigned ms);
/* One command alone, and the transmission with its correlation id; what comes before it is kept for peer_receive. */
void peer_ask(struct peer *peer, const struct key_pair *key, struct slice entity_id, const struct smp_command *command,
              struct peer_answer *answer);
/* The same, expecting that tag, or that error. */
void peer_expect(struct peer *peer, const struct key_pair *key, struct slice entity_id,
                 const struct smp_command *command, enum smp_response_tag tag, struct peer_answer *answer);
void peer_expect_error(struct peer *peer, const struct key_pair *key, struct slice entity_id,
                       const struct smp_command *command, struct smp_error error);

/* Fails the test unless the answer is that error. */
void peer_check_error(const struct peer_answer *answer, struct smp_error error);

/* A queue as its recipient knows it. */
struct peer_queue {
    struct key_pair recipient_key;
    struct key_pair sender_key;
    struct box_key body_key; /* of message bodies */
    uint8_t recipient_id[24];
    uint8_t sender_id[24];
    uint8_t notifier_id[24];
    struct key_pair notifier_key;
    struct box_key notification_key;
    struct key_pair dh_key; /* of NEW, until it is answered */
    struct key_pair notifier_dh_key;
};

enum peer_queue_flags { PEER_SUBSCRIBE = 1, PEER_CONTACT = 2, PEER_WITH_NOTIFIER = 4, PEER_SECURED = 8 };

/* NEW with fresh keys, which `queue` keeps: Ed25519 for recipient and notifier, X25519 for the sender. The caller
 * may change them, in both places. */
struct smp_command peer_new_command(unsigned flags, struct peer_queue *queue);
/* Takes ids and secrets from the IDS that answered it. */
void peer_queue_created(struct peer_queue *queue, const struct peer_answer *answer);
/* Both; PEER_SECURED: followed by KEY. */
void peer_create_queue(struct peer *peer, unsigned flags, struct peer_queue *queue);
struct slice peer_recipient(const struct peer_queue *queue);
struct slice peer_sender(const struct peer_queue *queue);
/* SEND with the sender key (NULL: unsecured), expecting OK. */
void peer_send_message(struct peer *peer, const struct peer_queue *queue, const struct key_pair *key, const char *text);
/* Decrypts a MSG answer and checks that it holds `text` (NULL: the quota marker); copies its id. */
void peer_check_message(const struct peer_queue *queue, const struct peer_answer *answer, const char *text,
                        uint8_t id[24]);
/* ACK of `id`, expecting `tag` (OK or MSG). */
void peer_acknowledge(struct peer *peer, const struct peer_queue *queue, const uint8_t id[24],
                      enum smp_response_tag tag, struct peer_answer *answer);

struct smp_command peer_command(enum smp_command_tag tag); /* without parameters */
struct smp_command peer_send_command(struct slice body, bool notify);
