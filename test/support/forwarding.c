/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Proxied commands as tests make them. */
#include "test/support/forwarding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/random.h"
#include "transport/crypto/authenticator.h"
#include "transport/crypto/signature.h"
#include "transport/crypto/signed_key.h"
#include "transport/wire/address.h"

static struct forwarding make(uint16_t version, struct slice session_id, const struct public_key *relay_key) {
    struct forwarding forwarding = {
        .version = version, .session_id_length = (uint8_t)session_id.length, .relay_key = *relay_key};
    assert_true(session_id.length <= sizeof forwarding.session_id);
    memcpy(forwarding.session_id, session_id.bytes, session_id.length);
    return forwarding;
}

static struct slice session_of(const struct forwarding *forwarding) {
    return slice_of(forwarding->session_id, forwarding->session_id_length);
}

struct forwarding forwarding_to(const struct peer *proxy, uint16_t version) {
    return make(version, slice_of(proxy->session.session_id, proxy->session.session_id_length), &proxy->server_key);
}

struct forwarding forwarding_of_key(const struct peer_answer *pkey, uint16_t version) {
    struct signed_key signed_key;
    assert_int_equal(SMP_PKEY, pkey->response.tag);
    assert_int_equal(SMQ_OK, signed_key_parse(pkey->response.proxy_key.chain_key.signed_key, &signed_key));
    return make(version, pkey->response.proxy_key.session_id, &signed_key.key);
}

void forwarding_begin_connect(struct peer *client, const char *address, const char *password, uint8_t id[24]) {
    struct server_address server;
    uint8_t binary[ADDRESS_TEXT_MAX];
    struct writer writer = writer_of(binary, sizeof binary);
    struct smp_command command = {.tag = SMP_PRXY};
    assert_int_equal(SMQ_OK, server_address_parse(slice_of_text(address), ADDRESS_SMP, &server));
    write_server_address(&writer, &server);
    assert_int_equal(SMQ_OK, writer_finish(&writer));
    command.proxy.server = slice_of(binary, writer_length(&writer));
    command.proxy.has_password = password != NULL;
    command.proxy.password = slice_of_text(password == NULL ? "" : password);
    peer_begin(client);
    peer_add(client, NULL, slice_of(NULL, 0), &command);
    peer_send(client);
    memcpy(id, client->correlation_id, 24);
}

void forwarding_end_connect(struct peer *client, const uint8_t id[24], struct peer_answer *answer) {
    do
        peer_receive(client, answer);
    while (!slice_equal(slice_of(id, 24), answer->correlation_id));
    assert_int_equal(0, answer->entity_id.length);
}

void forwarding_connect(struct peer *client, const char *address, const char *password, struct peer_answer *answer) {
    uint8_t id[24];
    forwarding_begin_connect(client, address, password, id);
    forwarding_end_connect(client, id, answer);
}

void forwarding_send(struct peer *client, const struct forwarding *forwarding) {
    struct smp_command command = {.tag = SMP_PFWD};
    command.forward.version = forwarding->version;
    command.forward.key = forwarding->key.public_key;
    command.forward.payload = forwarding->sealed;
    peer_begin(client);
    peer_add_with(client, NULL, session_of(forwarding), slice_of(forwarding->nonce, BOX_NONCE_SIZE), &command);
    peer_send(client);
}

void forwarding_await(struct peer *client, const struct forwarding *forwarding, struct peer_answer *answer) {
    do
        peer_receive(client, answer);
    while (!slice_equal(slice_of(forwarding->nonce, BOX_NONCE_SIZE), answer->correlation_id));
    assert_true(slice_equal(session_of(forwarding), answer->entity_id));
}

void forwarding_run_by_proxy(struct peer *client, struct forwarding *forwarding, const struct key_pair *key,
                             struct slice entity_id, const struct smp_command *command, struct peer_answer *answer) {
    struct peer_answer outer;
    forwarding_seal(forwarding, key, entity_id, command);
    forwarding_send(client, forwarding);
    forwarding_await(client, forwarding, &outer);
    assert_string_equal("PRES", smp_response_tag_text(outer.response.tag));
    forwarding_open(forwarding, outer.response.payload, answer);
}

static void authorize(const struct forwarding *forwarding, const struct key_pair *key, const struct authorized *parts,
                      uint8_t *out) {
    static uint8_t scratch[AUTHORIZED_MAX];
    struct box_key agreed;
    if (key->private_key.algorithm != KEY_X25519) {
        assert_int_equal(SMQ_OK, sign(key, authorized_contiguous(parts, scratch, sizeof scratch), out));
        return;
    }
    assert_int_equal(SMQ_OK, box_key_agree(&key->private_key, &forwarding->relay_key, &agreed));
    assert_int_equal(SMQ_OK, authenticator_create(&agreed, slice_of(forwarding->nonce, BOX_NONCE_SIZE), parts->parts,
                                                  AUTHORIZED_PARTS, out));
}

static struct box_key box_of(const struct forwarding *forwarding) {
    struct box_key box;
    assert_int_equal(SMQ_OK, box_key_agree(&forwarding->key.private_key, &forwarding->relay_key, &box));
    return box;
}

static void make_fresh(struct forwarding *forwarding) {
    random_bytes(forwarding->nonce, BOX_NONCE_SIZE);
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_X25519, &forwarding->key));
}

static void seal(struct forwarding *forwarding, size_t length) {
    struct box_key box = box_of(forwarding);
    assert_int_equal(SMQ_OK, proxy_payload_seal(&box, forwarding->nonce, forwarding->payload, length));
    forwarding->sealed = slice_of(forwarding->payload, PROXY_PAYLOAD_SIZE);
}

void forwarding_seal(struct forwarding *forwarding, const struct key_pair *key, struct slice entity_id,
                     const struct smp_command *command) {
    struct transmission_form form = {forwarding->version, session_of(forwarding)};
    struct writer writer = writer_of(forwarding->payload + BOX_PADDED_OFFSET, PROXY_PAYLOAD_CONTENT_MAX);
    struct transmission_draft draft;
    struct authorized parts;
    size_t length = key == NULL                                ? 0
                    : key->private_key.algorithm == KEY_X25519 ? (size_t)AUTHENTICATOR_SIZE
                                                               : signature_size(key->private_key.algorithm);
    make_fresh(forwarding);
    write_u8(&writer, 1);
    transmission_begin(&form, &writer, length, false, slice_of(forwarding->nonce, BOX_NONCE_SIZE), entity_id, &draft);
    smp_command_write(form.version, command, &writer);
    assert_int_equal(SMQ_OK, transmission_end(&form, &writer, &draft, slice_of(NULL, 0), &parts));
    if (draft.authorization != NULL)
        authorize(forwarding, key, &parts, draft.authorization);
    seal(forwarding, writer_length(&writer));
}

void forwarding_seal_content(struct forwarding *forwarding, struct slice content) {
    make_fresh(forwarding);
    assert_true(content.length <= PROXY_PAYLOAD_CONTENT_MAX);
    memcpy(forwarding->payload + BOX_PADDED_OFFSET, content.bytes, content.length);
    seal(forwarding, content.length);
}

void forwarding_open(struct forwarding *forwarding, struct slice payload, struct peer_answer *answer) {
    struct transmission_form form = {forwarding->version, session_of(forwarding)};
    struct box_key box = box_of(forwarding);
    struct block_content reader;
    struct transmission transmission;
    struct smp_error error;
    struct slice content, bytes;
    assert_int_equal(PROXY_PAYLOAD_SIZE, payload.length);
    memcpy(forwarding->opened, payload.bytes, payload.length);
    assert_int_equal(SMQ_OK, proxy_result_open(&box, forwarding->nonce, forwarding->opened, payload.length, &content));
    assert_int_equal(SMQ_OK, block_content_open(content, &reader));
    assert_int_equal(1, reader.count);
    assert_true(block_content_next(&reader, &bytes));
    assert_int_equal(SMQ_OK, smp_transmission_parse(&form, bytes, &transmission, &error));
    assert_int_equal(SMQ_OK, smp_response_parse(form.version, transmission.command, &answer->response, &error));
    answer->correlation_id = transmission.correlation_id;
    answer->entity_id = transmission.entity_id;
}

static struct box_key proxy_box(const struct peer *proxy) {
    struct box_key box;
    assert_int_equal(SMQ_OK, box_key_agree(&proxy->key.private_key, &proxy->server_key, &box));
    return box;
}

static void ask_sealed(struct peer *proxy, const uint8_t nonce[BOX_NONCE_SIZE], struct slice sealed,
                       struct peer_answer *answer) {
    struct smp_command command = {.tag = SMP_RFWD, .payload = sealed};
    memcpy(proxy->correlation_id, nonce, BOX_NONCE_SIZE);
    peer_begin(proxy);
    peer_add_with(proxy, NULL, slice_of(NULL, 0), slice_of(nonce, BOX_NONCE_SIZE), &command);
    peer_send(proxy);
    peer_receive(proxy, answer);
    assert_true(slice_equal(slice_of(nonce, BOX_NONCE_SIZE), answer->correlation_id));
    assert_int_equal(0, answer->entity_id.length);
}

void forwarding_ask_raw(struct peer *proxy, struct slice plaintext, struct peer_answer *answer) {
    uint8_t sealed[PROXY_FORWARD_MAX], nonce[BOX_NONCE_SIZE];
    struct box_key box = proxy_box(proxy);
    assert_true(BOX_TAG_SIZE + plaintext.length <= sizeof sealed);
    random_bytes(nonce, sizeof nonce);
    if (plaintext.length > 0)
        memcpy(sealed + BOX_TAG_SIZE, plaintext.bytes, plaintext.length);
    box_seal(&box, nonce, sealed, plaintext.length);
    ask_sealed(proxy, nonce, slice_of(sealed, BOX_TAG_SIZE + plaintext.length), answer);
}

void forwarding_ask(struct peer *proxy, const struct forwarding *forwarding, struct peer_answer *answer) {
    uint8_t sealed[PROXY_FORWARD_MAX], nonce[BOX_NONCE_SIZE];
    struct box_key box = proxy_box(proxy);
    size_t length;
    struct proxy_forward forward = {slice_of(forwarding->nonce, BOX_NONCE_SIZE), forwarding->version,
                                    forwarding->key.public_key, forwarding->sealed};
    random_bytes(nonce, sizeof nonce);
    assert_int_equal(SMQ_OK, proxy_forward_seal(&box, nonce, &forward, sealed, sizeof sealed, &length));
    ask_sealed(proxy, nonce, slice_of(sealed, length), answer);
}

struct slice forwarding_unwrap(struct peer *proxy, const struct forwarding *forwarding,
                               const struct peer_answer *answer) {
    static uint8_t opened[PROXY_RESPONSE_MAX];
    struct box_key box = proxy_box(proxy);
    struct proxy_response response;
    assert_int_equal(SMP_RRES, answer->response.tag);
    assert_int_equal(PROXY_RESPONSE_MAX, answer->response.payload.length);
    memcpy(opened, answer->response.payload.bytes, PROXY_RESPONSE_MAX);
    assert_int_equal(SMQ_OK, proxy_response_open(&box, proxy->correlation_id, opened, PROXY_RESPONSE_MAX, &response));
    assert_true(slice_equal(slice_of(forwarding->nonce, BOX_NONCE_SIZE), response.corr_id));
    return response.payload;
}

void forwarding_run(struct peer *proxy, struct forwarding *forwarding, const struct key_pair *key,
                    struct slice entity_id, const struct smp_command *command, struct peer_answer *answer) {
    struct peer_answer outer;
    forwarding_seal(forwarding, key, entity_id, command);
    forwarding_ask(proxy, forwarding, &outer);
    forwarding_open(forwarding, forwarding_unwrap(proxy, forwarding, &outer), answer);
}
