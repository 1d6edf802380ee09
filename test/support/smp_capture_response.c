/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Responses and events: what the capture says of them, and the secrets that they agree on. */
#include <stdio.h>
#include <string.h>

#include "test/support/smp_capture_private.h"
#include "transport/crypto/hash.h"
#include "transport/crypto/message_body.h"
#include "transport/crypto/notification_meta.h"

static bool is_hex_value(const struct capture_line *line, const char *name, struct slice value) {
    uint8_t bytes[256];
    return slice_equal(capture_hex(line, name, bytes, sizeof bytes), value);
}

/* ---- secrets */

void captured_secret_add(struct smp_capture *replay, const struct capture_line *line, struct slice id,
                         const struct box_key *key) {
    capture_check(line, replay->secret_count < CAPTURE_SECRETS && id.length == SMP_ENTITY_ID_SIZE);
    struct captured_secret *secret = &replay->secrets[replay->secret_count++];
    memcpy(secret->id, id.bytes, SMP_ENTITY_ID_SIZE);
    secret->key = *key;
}

const struct box_key *captured_secret_of(struct smp_capture *replay, const struct capture_line *line, struct slice id) {
    for (size_t i = replay->secret_count; i > 0; i--)
        if (slice_equal(slice_of(replay->secrets[i - 1].id, SMP_ENTITY_ID_SIZE), id))
            return &replay->secrets[i - 1].key;
    capture_check(line, !"a secret of this queue");
    return NULL;
}

/* The router's key of a queue, the recipient's key for it, and the secret that the capture names agree. */
static void learn_secret(struct smp_capture *replay, const struct capture_line *line, const char *name,
                         const struct key_pair *own, const struct public_key *router_key, struct slice id) {
    struct dh_secret secret;
    struct box_key key;
    capture_check(line, dh(&own->private_key, router_key, &secret) == SMQ_OK);
    capture_check(line, is_hex_value(line, name, slice_of(secret.bytes, DH_SECRET_SIZE)));
    box_key_of_secret(secret.bytes, &key);
    captured_secret_add(replay, line, id, &key);
}

/* The recipient's key is that of the capture which agrees to this secret: commands do not name it. */
static struct key_pair recipient_dh_key(struct smp_capture *replay, const struct capture_line *line, const char *secret,
                                        const struct public_key *router_key) {
    for (size_t i = 0; i < replay->capture.count; i++) {
        const struct capture_line *key = &replay->capture.lines[i];
        struct dh_secret agreed;
        if (!capture_begins(key, "key ") || capture_value_is(key, "pub", "-"))
            continue;
        struct key_pair pair = capture_key(&replay->capture, line, capture_word(key, 1));
        if (pair.public_key.algorithm == KEY_X25519 && dh(&pair.private_key, router_key, &agreed) == SMQ_OK &&
            is_hex_value(line, secret, slice_of(agreed.bytes, DH_SECRET_SIZE)))
            return pair;
    }
    capture_check(line, !"a key that agrees to the secret");
    return (struct key_pair){0};
}

static void check_ids(struct smp_capture *replay, const struct capture_line *line, uint16_t version,
                      const struct smp_queue_ids *ids) {
    capture_check(line, is_hex_value(line, "rcv", ids->recipient_id));
    capture_check(line, is_hex_value(line, "snd", ids->sender_id));
    struct public_key router_key = capture_public_key(line, "dh");
    capture_check(line, public_key_equal(&router_key, &ids->dh_key));
    if (version >= SMP_VERSION_SHORT_LINKS)
        capture_check(line, ids->mode == SMP_MODE_UNKNOWN ? capture_value_is(line, "mode", "None")
                                                          : capture_value(line, "mode").bytes[0] == (uint8_t)ids->mode);
    else if (version >= SMP_VERSION_SENDER_KEY)
        capture_check(line, capture_value_is(line, "secure", ids->mode == SMP_MODE_MESSAGING ? "T" : "F"));
    capture_check(line, is_hex_value(line, "link", ids->link_id));
    capture_check(line, is_hex_value(line, "svc", ids->service_id));
    struct key_pair own = recipient_dh_key(replay, line, "queue-secret", &router_key);
    learn_secret(replay, line, "queue-secret", &own, &router_key, ids->recipient_id);
    capture_check(line, ids->has_notifier == (capture_value(line, "ntf-secret").length > 0));
    if (ids->has_notifier) {
        own = recipient_dh_key(replay, line, "ntf-secret", &ids->notifier_dh_key);
        learn_secret(replay, line, "ntf-secret", &own, &ids->notifier_dh_key, ids->notifier_id);
    }
}

static void check_notifier(struct smp_capture *replay, const struct capture_line *line,
                           const struct smp_response *response) {
    struct public_key router_key = capture_public_key(line, "dh");
    capture_check(line, is_hex_value(line, "nid", response->notifier.id));
    capture_check(line, public_key_equal(&router_key, &response->notifier.dh_key));
    struct key_pair own = recipient_dh_key(replay, line, "ntf-secret", &router_key);
    learn_secret(replay, line, "ntf-secret", &own, &router_key, response->notifier.id);
}

/* ---- what is encrypted */

/* The plaintext of a message as the capture gives it, from its parsed form. */
static size_t write_plain(const struct message_body *body, uint8_t *bytes, size_t capacity) {
    struct writer writer = writer_of(bytes, capacity);
    if (body->quota)
        write_text(&writer, "QUOTA ");
    write_i64(&writer, body->timestamp);
    if (!body->quota) {
        write_bool(&writer, body->notification);
        write_text(&writer, " ");
        write_slice(&writer, body->body);
    }
    return writer_length(&writer);
}

static void check_message(struct smp_capture *replay, const struct capture_line *line,
                          const struct smp_response *response, struct slice recipient_id) {
    static uint8_t opened[MESSAGE_BODY_SIZE], again[MESSAGE_BODY_SIZE], plain[MESSAGE_BODY_SIZE];
    uint8_t digest[HASH_SHA256_SIZE];
    struct message_body body;
    const struct box_key *key = captured_secret_of(replay, line, recipient_id);
    struct slice sealed = response->message.body, id = response->message.id;
    capture_check(line, is_hex_value(line, "id", id) && id.length == MESSAGE_ID_SIZE);
    capture_check(line, sealed.length == MESSAGE_BODY_SIZE && capture_number(line, "body-len") == MESSAGE_BODY_SIZE);
    capture_check(line, hash_slice(HASH_SHA256, sealed, digest) == SMQ_OK);
    capture_check(line, is_hex_value(line, "body-sha256", slice_of(digest, sizeof digest)));
    memcpy(opened, sealed.bytes, MESSAGE_BODY_SIZE);
    capture_check(line, message_body_open(key, id, opened, MESSAGE_BODY_SIZE, &body) == SMQ_OK);
    capture_check(line, is_hex_value(line, "plain", slice_of(plain, write_plain(&body, plain, sizeof plain))));
    if (body.quota)
        message_body_seal_quota(key, id.bytes, body.timestamp, again);
    else
        capture_check(line,
                      message_body_seal(key, id.bytes, body.timestamp, body.notification, body.body, again) == SMQ_OK);
    capture_check(line, slice_equal(slice_of(again, sizeof again), sealed));
    replay->counts->messages++;
}

static void check_notification(struct smp_capture *replay, const struct capture_line *line,
                               const struct smp_response *response, struct slice notifier_id) {
    uint8_t opened[NOTIFICATION_META_SIZE], again[NOTIFICATION_META_SIZE], plain[64];
    struct notification_meta meta;
    struct slice sealed = response->notification.metadata, nonce = response->notification.nonce;
    const struct box_key *key = captured_secret_of(replay, line, notifier_id);
    capture_check(line, is_hex_value(line, "nonce", nonce) && is_hex_value(line, "meta", sealed));
    capture_check(line, sealed.length == NOTIFICATION_META_SIZE);
    memcpy(opened, sealed.bytes, sizeof opened);
    capture_check(line, notification_meta_open(key, nonce.bytes, opened, sizeof opened, &meta) == SMQ_OK);
    struct writer writer = writer_of(plain, sizeof plain);
    write_short(&writer, meta.message_id);
    write_i64(&writer, meta.timestamp);
    capture_check(line, is_hex_value(line, "plain", slice_of(plain, writer_length(&writer))));
    capture_check(line, notification_meta_seal(key, nonce.bytes, &meta, again) == SMQ_OK);
    capture_check(line, slice_equal(slice_of(again, sizeof again), sealed));
    replay->counts->notifications++;
}

/* ---- through a proxy */

static void check_proxy_key(struct smp_capture *replay, const struct capture_line *line,
                            const struct smp_response *response) {
    bool found = false;
    capture_check(line, is_hex_value(line, "sess", response->proxy_key.session_id));
    capture_check(line, capture_value_is(line, "vr", "(8, 17)") && response->proxy_key.versions.min == 8 &&
                            response->proxy_key.versions.max == 17);
    for (size_t i = 0; i < CAPTURE_CONNECTIONS; i++) {
        const struct captured_connection *relay = &replay->connections[i];
        if (!slice_equal(slice_of(relay->session_id, relay->session_id_length), response->proxy_key.session_id))
            continue;
        found = true;
        capture_check(line, relay->server_hello.chain_key.count == response->proxy_key.chain_key.count);
        capture_check(line, slice_equal(relay->server_hello.chain_key.chain, response->proxy_key.chain_key.chain));
        capture_check(line,
                      slice_equal(relay->server_hello.chain_key.signed_key, response->proxy_key.chain_key.signed_key));
    }
    capture_check(line, found);
}

static void check_relay_response(struct smp_capture *replay, const struct capture_line *line,
                                 const struct captured_envelope *envelope, struct slice payload, struct slice corr_id) {
    static uint8_t sealed[PROXY_RESPONSE_MAX];
    struct proxy_response response;
    struct box_key key;
    capture_check(line, (long)payload.length == capture_number(line, "payload-len") && payload.length <= sizeof sealed);
    memcpy(sealed, payload.bytes, payload.length);
    capture_check(line, box_key_agree(&envelope->connection->client_key.private_key,
                                      &envelope->connection->server_key.public_key, &key) == SMQ_OK);
    capture_check(line, proxy_response_open(&key, corr_id.bytes, sealed, payload.length, &response) == SMQ_OK);
    capture_check(line, is_hex_value(line, "fwd-corr", response.corr_id));
    capture_check(line, (long)response.payload.length == capture_number(line, "fwd-payload-len"));
    replay->counts->layers++;
}

/* Its secret is on the line of the command with the same correlation id. */
static void check_result(struct smp_capture *replay, const struct capture_line *line, struct slice payload,
                         const struct transmission *transmission) {
    static uint8_t opened[PROXY_PAYLOAD_SIZE], again[SMP_BLOCK_SIZE];
    struct slice content;
    struct writer writer = writer_of(again, sizeof again);
    const struct capture_line *command = captured_partner(replay, line, "PFWD", "corr");
    struct box_key key = captured_box_key(command, "cmd-secret");
    capture_check(line, payload.length == sizeof opened);
    memcpy(opened, payload.bytes, sizeof opened);
    capture_check(line, proxy_result_open(&key, transmission->correlation_id.bytes, opened, sizeof opened, &content) ==
                            SMQ_OK);
    struct captured_envelope inner = {.form = {(uint16_t)capture_number(command, "v"), transmission->entity_id},
                                      .writer = &writer};
    captured_content(replay, line + 1, false, &inner, content);
    replay->counts->layers++;
}

/* ---- all */

static void check_parameters(struct smp_capture *replay, const struct capture_line *line,
                             const struct captured_envelope *envelope, const struct smp_response *response,
                             const struct transmission *transmission) {
    char text[128];
    switch (response->tag) {
    case SMP_IDS:
        check_ids(replay, line, envelope->form.version, &response->ids);
        break;
    case SMP_NID:
        check_notifier(replay, line, response);
        break;
    case SMP_MSG:
        check_message(replay, line, response, transmission->entity_id);
        break;
    case SMP_NMSG:
        check_notification(replay, line, response, transmission->entity_id);
        break;
    case SMP_SOK:
        capture_check(line, is_hex_value(line, "svc", response->service.id));
        break;
    case SMP_SOKS:
    case SMP_ENDS:
        capture_check(line, response->count == capture_number(line, "n"));
        break;
    case SMP_LNK:
        capture_check(line, is_hex_value(line, "snd", response->link.sender_id));
        capture_check(line, (long)response->link.data.fixed_data.length == capture_number(line, "fixed-len"));
        capture_check(line, (long)response->link.data.user_data.length == capture_number(line, "user-len"));
        break;
    case SMP_PKEY:
        check_proxy_key(replay, line, response);
        break;
    case SMP_RRES:
        check_relay_response(replay, line, envelope, response->payload, transmission->correlation_id);
        break;
    case SMP_PRES:
        check_result(replay, line, response->payload, transmission);
        break;
    case SMP_INFO:
        capture_check(line, strstr(line->text, "{") != NULL &&
                                slice_equal(response->json, slice_of_text(strstr(line->text, "{"))));
        break;
    case SMP_ERR:
        (void)smp_error_text(&response->error, text, sizeof text);
        capture_check(line, strstr(line->text, " b'") != NULL &&
                                strncmp(strstr(line->text, " b'") + 3, text, strlen(text)) == 0);
        break;
    default:
        break;
    }
}

static void write_again(const struct capture_line *line, const struct captured_envelope *envelope,
                        const struct smp_response *response, const struct transmission *transmission) {
    struct transmission_draft draft;
    transmission_begin(&envelope->form, envelope->writer, 0, false, transmission->correlation_id,
                       transmission->entity_id, &draft);
    smp_response_write(envelope->form.version, response, envelope->writer);
    capture_check(line, transmission_end(&envelope->form, envelope->writer, &draft, slice_of(NULL, 0), NULL) == SMQ_OK);
}

void captured_response(struct smp_capture *replay, const struct capture_line *line,
                       const struct captured_envelope *envelope, const struct transmission *transmission) {
    struct smp_response response;
    struct smp_error error;
    unsigned tag = capture_begins(line, "inner ") ? 1 : 0;
    capture_check(line, transmission->authorization_kind == AUTHORIZATION_NONE);
    capture_check(line, smp_response_parse(envelope->form.version, transmission->command, &response, &error) == SMQ_OK);
    capture_check(line, slice_equal(capture_word(line, tag), slice_of_text(smp_response_tag_text(response.tag))));
    capture_check(line, smp_response_check_entity(&response, transmission->entity_id.length > 0, &error) == SMQ_OK);
    check_parameters(replay, line, envelope, &response, transmission);
    write_again(line, envelope, &response, transmission);
    replay->counts->responses++;
}
