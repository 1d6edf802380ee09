/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* State of a replay; see smp_capture.h. */
#pragma once

#include "test/support/capture.h"
#include "test/support/smp_capture.h"
#include "transport/crypto/box.h"
#include "transport/crypto/proxy_layer.h"
#include "transport/smp/command.h"
#include "transport/smp/handshake.h"
#include "transport/smp/response.h"
#include "transport/smp/session.h"

enum { CAPTURE_CONNECTIONS = 16, CAPTURE_SECRETS = 32 };

struct captured_connection {
    uint8_t session_id[SMP_SESSION_ID_MAX];
    size_t session_id_length;
    uint8_t server_block[SMP_BLOCK_SIZE]; /* the server's hello, which `server_hello` points into */
    uint8_t client_block[SMP_BLOCK_SIZE];
    struct smp_server_hello server_hello;
    struct smp_client_hello client_hello;
    struct key_pair server_key, client_key;
    struct smp_session server, client; /* both ends */
    bool has_service;
    struct public_key service_key; /* of the session */
    uint8_t service_fingerprint[SMP_FINGERPRINT_SIZE];
};

/* What a recipient decrypts with, by the id that messages or notifications come with. */
struct captured_secret {
    uint8_t id[SMP_ENTITY_ID_SIZE];
    struct box_key key;
};

struct smp_capture {
    struct capture capture;
    struct captured_connection connections[CAPTURE_CONNECTIONS]; /* by their numbers */
    struct captured_secret secrets[CAPTURE_SECRETS];
    size_t secret_count;
    struct smp_capture_counts *counts;
};

/* What a transmission is checked against, and where it is written again. */
struct captured_envelope {
    struct transmission_form form;
    struct key_pair server_key; /* for authenticators; only its public half when a relay is reached through a proxy */
    const struct captured_connection *connection; /* NULL inside of a proxied command */
    struct writer *writer;
};

/* A line of a hello or of the answer to a service. */
void captured_hello(struct smp_capture *replay, struct captured_connection *connection,
                    const struct capture_line *line);
struct captured_connection *captured_connection_of(struct smp_capture *replay, const struct capture_line *line);

/* The transmission as the line says, written again. `line` is the transmission's, lines of what is inside follow. */
void captured_command(struct smp_capture *replay, const struct capture_line *line,
                      const struct captured_envelope *envelope, const struct transmission *transmission);
void captured_response(struct smp_capture *replay, const struct capture_line *line,
                       const struct captured_envelope *envelope, const struct transmission *transmission);
/* Parses the content of a block, or of a proxied command, and gives its transmissions to the two above. */
void captured_content(struct smp_capture *replay, const struct capture_line *first, bool from_client,
                      const struct captured_envelope *envelope, struct slice content);

void captured_secret_add(struct smp_capture *replay, const struct capture_line *line, struct slice id,
                         const struct box_key *key);
const struct box_key *captured_secret_of(struct smp_capture *replay, const struct capture_line *line, struct slice id);

/* The key that a secret in the line stands for. */
struct box_key captured_box_key(const struct capture_line *line, const char *name);
/* The line of the transmission `tag` whose correlation id is what `line` has as `name`. */
const struct capture_line *captured_partner(struct smp_capture *replay, const struct capture_line *line,
                                            const char *tag, const char *name);
/* Content that the capture cuts, built from what the lines of its transmissions say into `buffer` of SMP_BLOCK_SIZE
 * bytes. Empty when they do not say all. */
struct slice captured_whole_content(struct smp_capture *replay, const struct capture_line *block,
                                    const struct captured_connection *connection, uint8_t *buffer);
