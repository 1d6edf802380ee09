/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands: what the capture says of them, their authorizations verified and made again. */
#include <string.h>

#include "test/support/smp_capture_private.h"
#include "transport/crypto/authenticator.h"
#include "transport/crypto/signature.h"
#include "transport/wire/address.h"

static bool text_equal(struct slice value, const char *text) {
    return slice_equal(value, slice_of_text(text));
}

/* ---- authorizations */

/* `auth=NAME(ALGORITHM)` is the first of its name; the password of NEW and PRXY, the last, has the same. */
static struct slice authorization_of(const struct capture_line *line) {
    for (unsigned i = 0;; i++) {
        struct slice word = capture_word(line, i);
        if (word.length == 0 || (word.length > 5 && memcmp(word.bytes, "auth=", 5) == 0))
            return word.length == 0 ? word : slice_of(word.bytes + 5, word.length - 5);
    }
}

static struct slice name_of(struct slice authorization) {
    const uint8_t *parenthesis = memchr(authorization.bytes, '(', authorization.length);
    return slice_of(authorization.bytes,
                    parenthesis == NULL ? authorization.length : (size_t)(parenthesis - authorization.bytes));
}

static void verify_signature(struct smp_capture *replay, const struct capture_line *line, const struct key_pair *pair,
                             struct slice covered, const struct transmission *transmission) {
    uint8_t again[SIGNATURE_MAX];
    bool is_448 = transmission->authorization_kind == AUTHORIZATION_ED448;
    capture_check(line, pair->public_key.algorithm == (is_448 ? KEY_ED448 : KEY_ED25519));
    capture_check(line, signature_verify(&pair->public_key, covered, transmission->authorization) == SMQ_OK);
    capture_check(line, sign(pair, covered, again) == SMQ_OK);
    capture_check(line, slice_equal(slice_of(again, transmission->authorization.length), transmission->authorization));
    *(is_448 ? &replay->counts->ed448 : &replay->counts->ed25519) += 1;
}

/* The agreement is the same from both sides, where both private keys are known. */
static void verify_authenticator(struct smp_capture *replay, const struct capture_line *line,
                                 const struct key_pair *pair, const struct captured_envelope *envelope,
                                 const struct authorized *authorized, const struct transmission *transmission) {
    uint8_t again[AUTHENTICATOR_SIZE];
    struct box_key key, of_server;
    capture_check(line, transmission->authorization_kind == AUTHORIZATION_AUTHENTICATOR);
    capture_check(line, box_key_agree(&pair->private_key, &envelope->server_key.public_key, &key) == SMQ_OK);
    if (envelope->server_key.private_key.algorithm == KEY_X25519) {
        capture_check(line, box_key_agree(&envelope->server_key.private_key, &pair->public_key, &of_server) == SMQ_OK);
        capture_check(line, memcmp(key.bytes, of_server.bytes, BOX_KEY_SIZE) == 0);
    }
    capture_check(line, authenticator_verify(&key, transmission->correlation_id, authorized->parts, AUTHORIZED_PARTS,
                                             transmission->authorization) == SMQ_OK);
    capture_check(line, authenticator_create(&key, transmission->correlation_id, authorized->parts, AUTHORIZED_PARTS,
                                             again) == SMQ_OK);
    capture_check(line, slice_equal(slice_of(again, sizeof again), transmission->authorization));
    replay->counts->authenticators++;
}

/* With the session key of a service, whose private half is not in the capture. */
static void verify_with_service_key(struct smp_capture *replay, const struct capture_line *line,
                                    const struct captured_envelope *envelope, const struct transmission *transmission,
                                    struct slice signature) {
    static uint8_t scratch[AUTHORIZED_MAX];
    struct authorized authorized;
    authorized_parts(&envelope->form, slice_of(NULL, 0), transmission, &authorized);
    capture_check(line, envelope->connection != NULL && envelope->connection->has_service);
    capture_check(line,
                  signature_verify(&envelope->connection->service_key,
                                   authorized_contiguous(&authorized, scratch, sizeof scratch), signature) == SMQ_OK);
    replay->counts->service_signatures++;
}

static struct slice fingerprint_of(const struct captured_envelope *envelope, const struct transmission *transmission) {
    if (!transmission->has_service_signature)
        return slice_of(NULL, 0);
    return slice_of(envelope->connection->service_fingerprint, SMP_FINGERPRINT_SIZE);
}

static void check_authorization(struct smp_capture *replay, const struct capture_line *line,
                                const struct captured_envelope *envelope, const struct transmission *transmission) {
    static uint8_t scratch[AUTHORIZED_MAX];
    struct slice authorization = authorization_of(line);
    struct authorized authorized;
    capture_check(line, transmission->has_service_signature == capture_value_is(line, "service-sig", "ok"));
    if (transmission->has_service_signature)
        verify_with_service_key(replay, line, envelope, transmission, transmission->service_signature);
    if (text_equal(authorization, "none")) {
        capture_check(line, transmission->authorization_kind == AUTHORIZATION_NONE);
        return;
    }
    if (text_equal(authorization, "service-session-key")) {
        verify_with_service_key(replay, line, envelope, transmission, transmission->authorization);
        return;
    }
    struct key_pair pair = capture_key(&replay->capture, line, name_of(authorization));
    authorized_parts(&envelope->form, fingerprint_of(envelope, transmission), transmission, &authorized);
    if (pair.public_key.algorithm == KEY_X25519)
        verify_authenticator(replay, line, &pair, envelope, &authorized, transmission);
    else
        verify_signature(replay, line, &pair, authorized_contiguous(&authorized, scratch, sizeof scratch),
                         transmission);
}

/* ---- parameters */

static void check_new(const struct capture_line *line, uint16_t version, const struct smp_new *create) {
    capture_check(line, capture_value(line, "sub").bytes[0] == (create->subscribe ? 'S' : 'C'));
    capture_check(line, create->has_password && slice_equal(create->password, capture_value(line, "auth")));
    capture_check(line, create->has_notifier == capture_value_is(line, "ntf", "yes"));
    if (version >= SMP_VERSION_SHORT_LINKS)
        capture_check(line, create->mode == SMP_MODE_UNKNOWN
                                ? capture_value_is(line, "req", "None")
                                : capture_value(line, "req").bytes[0] == (uint8_t)create->mode);
}

static void check_send(const struct capture_line *line, const struct smp_command *command) {
    capture_check(line, capture_value_is(line, "flag", command->send.notification ? "T" : "F"));
    capture_check(line, (long)command->send.body.length == capture_number(line, "body-len"));
    if (capture_value(line, "body").length > 0)
        capture_check(line, slice_equal(command->send.body, capture_value(line, "body")));
}

static void check_proxy(const struct capture_line *line, const struct smp_command *command) {
    struct server_address address;
    struct reader reader = reader_of(command->proxy.server);
    read_server_address(&reader, ADDRESS_SMP, &address);
    capture_check(line, reader_finish(&reader) == SMQ_OK);
    capture_check(line,
                  command->proxy.has_password && slice_equal(command->proxy.password, capture_value(line, "auth")));
}

static void check_inner_command(struct smp_capture *replay, const struct capture_line *line,
                                const struct smp_command *command, struct slice corr_id, struct slice relay_session) {
    static uint8_t payload[PROXY_PAYLOAD_SIZE], again[SMP_BLOCK_SIZE];
    struct slice content;
    struct writer writer = writer_of(again, sizeof again);
    struct key_pair command_key = capture_dh_pair(line, "cmd-dh-priv");
    struct captured_envelope envelope = {.form = {command->forward.version, relay_session}, .writer = &writer};
    struct box_key key, expected = captured_box_key(line, "cmd-secret");
    envelope.server_key.public_key = capture_public_key(line, "relay-dh-pub");
    capture_check(line, public_key_equal(&command_key.public_key, &command->forward.key));
    capture_check(line, box_key_agree(&command_key.private_key, &envelope.server_key.public_key, &key) == SMQ_OK);
    capture_check(line, memcmp(key.bytes, expected.bytes, BOX_KEY_SIZE) == 0);
    memcpy(payload, command->forward.payload.bytes, PROXY_PAYLOAD_SIZE);
    capture_check(line, proxy_payload_open(&key, corr_id.bytes, payload, PROXY_PAYLOAD_SIZE, &content) == SMQ_OK);
    captured_content(replay, line + 1, true, &envelope, content);
    replay->counts->layers++;
}

static void check_forward(struct smp_capture *replay, const struct capture_line *line,
                          const struct smp_command *command, const struct transmission *transmission) {
    capture_check(line, command->forward.version == capture_number(line, "v"));
    capture_check(line, (long)command->forward.payload.length == capture_number(line, "payload-len"));
    if (capture_value(line, "cmd-dh-priv").length > 0)
        check_inner_command(replay, line, command, transmission->correlation_id, transmission->entity_id);
}

static void check_relayed(struct smp_capture *replay, const struct capture_line *line,
                          const struct captured_envelope *envelope, const struct smp_command *command,
                          struct slice corr_id) {
    static uint8_t sealed[PROXY_FORWARD_MAX];
    struct proxy_forward forward;
    struct box_key key;
    uint8_t id[SMP_CORRELATION_ID_SIZE];
    struct public_key client_key = capture_public_key(line, "fwd-key");
    capture_check(line, (long)command->payload.length == capture_number(line, "payload-len"));
    capture_check(line, command->payload.length <= sizeof sealed);
    memcpy(sealed, command->payload.bytes, command->payload.length);
    capture_check(line, box_key_agree(&envelope->connection->server_key.private_key,
                                      &envelope->connection->client_key.public_key, &key) == SMQ_OK);
    capture_check(line, proxy_forward_open(&key, corr_id.bytes, sealed, command->payload.length, &forward) == SMQ_OK);
    capture_check(line, forward.version == capture_number(line, "fwd-v"));
    capture_check(line, public_key_equal(&forward.client_key, &client_key));
    capture_check(line, slice_equal(forward.corr_id, capture_hex(line, "fwd-corr", id, sizeof id)));
    capture_check(line, (long)forward.payload.length == capture_number(line, "fwd-payload-len"));
    replay->counts->layers++;
}

static void check_parameters(struct smp_capture *replay, const struct capture_line *line,
                             const struct captured_envelope *envelope, const struct smp_command *command,
                             const struct transmission *transmission) {
    if (command->tag == SMP_NEW)
        check_new(line, envelope->form.version, &command->create);
    else if (command->tag == SMP_SEND)
        check_send(line, command);
    else if (command->tag == SMP_PRXY)
        check_proxy(line, command);
    else if (command->tag == SMP_PFWD)
        check_forward(replay, line, command, transmission);
    else if (command->tag == SMP_RFWD)
        check_relayed(replay, line, envelope, command, transmission->correlation_id);
}

/* ---- writing again */

static void write_again(const struct capture_line *line, const struct captured_envelope *envelope,
                        const struct smp_command *command, const struct transmission *transmission) {
    struct transmission_draft draft;
    struct authorized authorized;
    transmission_begin(&envelope->form, envelope->writer, transmission->authorization.length,
                       transmission->has_service_signature, transmission->correlation_id, transmission->entity_id,
                       &draft);
    smp_command_write(envelope->form.version, command, envelope->writer);
    capture_check(line, transmission_end(&envelope->form, envelope->writer, &draft,
                                         fingerprint_of(envelope, transmission), &authorized) == SMQ_OK);
    if (draft.authorization != NULL)
        memcpy(draft.authorization, transmission->authorization.bytes, transmission->authorization.length);
    if (draft.service_signature != NULL)
        memcpy(draft.service_signature, transmission->service_signature.bytes, transmission->service_signature.length);
}

void captured_command(struct smp_capture *replay, const struct capture_line *line,
                      const struct captured_envelope *envelope, const struct transmission *transmission) {
    struct smp_command command;
    struct smp_error error;
    capture_check(line, smp_command_parse(envelope->form.version, transmission->command, &command, &error) == SMQ_OK);
    unsigned tag = text_equal(capture_word(line, 0), "inner") ? 1 : 0;
    capture_check(line, text_equal(capture_word(line, tag), smp_command_info(command.tag)->text));
    check_authorization(replay, line, envelope, transmission);
    check_parameters(replay, line, envelope, &command, transmission);
    write_again(line, envelope, &command, transmission);
    replay->counts->commands++;
}
