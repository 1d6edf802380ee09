/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "test/support/ratchet_capture.h"

#include <string.h>

#include <jansson.h>

#include "test/support/require.h"
#include "transport/wire/text.h"

bool captured_party_of(const struct capture_line *line, enum captured_party *party, struct slice *kind) {
    static const char *const names[] = {[CAPTURED_ALICE] = "alice-", [CAPTURED_BOB] = "bob-"};
    for (*party = CAPTURED_ALICE; *party <= CAPTURED_BOB; ++*party) {
        size_t length = strlen(names[*party]);
        if (strncmp(line->text, names[*party], length) != 0)
            continue;
        *kind = slice_of(line->text + length, strcspn(line->text, " ") - length);
        return true;
    }
    return false;
}

/* ---- JSON */

static struct slice bytes_of(const json_t *value, uint8_t *bytes, size_t capacity) {
    size_t length = 0;
    require(json_is_string(value));
    require(base64url_parse(slice_of(json_string_value(value), json_string_length(value)), bytes, capacity, &length) ==
            SMQ_OK);
    return slice_of(bytes, length);
}

static void exactly(const json_t *value, uint8_t *bytes, size_t length) {
    require(bytes_of(value, bytes, length).length == length);
}

static void secret_of(const json_t *object, const char *name, uint8_t bytes[RATCHET_KEY_SIZE]) {
    exactly(json_object_get(object, name), bytes, RATCHET_KEY_SIZE);
}

static uint32_t number_of(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    require(json_is_integer(value));
    return (uint32_t)json_integer_value(value);
}

static bool flag_of(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    require(json_is_boolean(value));
    return json_is_true(value);
}

/* A private key is the base64 of the base64 of its DER. */
static struct key_pair pair_of(const json_t *value) {
    uint8_t text[128], der[KEY_PKCS8_MAX];
    size_t length = 0;
    struct private_key private_key;
    struct key_pair pair;
    struct slice inner = bytes_of(value, text, sizeof text);
    require(base64url_parse(inner, der, sizeof der, &length) == SMQ_OK);
    require(private_key_parse(slice_of(der, length), &private_key) == SMQ_OK);
    require(key_pair_of_private(&private_key, &pair) == SMQ_OK);
    return pair;
}

static void read_kem(const json_t *kem, struct captured_state *state) {
    uint8_t public_key[SNTRUP761_PUBLIC_KEY_SIZE];
    const json_t *pair = json_object_get(kem, "rcPQRs"), *accepted = json_object_get(kem, "rcKEMs");
    if (kem == NULL)
        return;
    struct kem_state *own = &state->ratchet.kem;
    own->offer = accepted != NULL ? KEM_ACCEPTED : KEM_PROPOSED;
    exactly(json_array_get(pair, 0), public_key, sizeof public_key);
    exactly(json_array_get(pair, 1), own->secret_key, sizeof own->secret_key);
    require(memcmp(own->secret_key + SNTRUP761_PUBLIC_KEY_OFFSET, public_key, sizeof public_key) == 0);
    if (accepted == NULL)
        return;
    state->has_kem_secret = true;
    exactly(json_object_get(accepted, "rcPQRct"), own->ciphertext, sizeof own->ciphertext);
    exactly(json_object_get(accepted, "rcPQRss"), state->kem_secret, sizeof state->kem_secret);
}

static void read_sending(const json_t *chain, struct captured_state *state) {
    uint8_t der[KEY_SPKI_MAX];
    struct sending_chain *sending = &state->ratchet.sending;
    if (chain == NULL)
        return;
    sending->exists = true;
    secret_of(chain, "rcCKs", sending->chain_key);
    secret_of(chain, "rcHKs", sending->header_key);
    require(public_key_parse(bytes_of(json_object_get(chain, "rcDHRr"), der, sizeof der), &state->peer) == SMQ_OK);
}

static void read_receiving(const json_t *chain, struct receiving_chain *receiving) {
    if (chain == NULL)
        return;
    receiving->exists = true;
    secret_of(chain, "rcCKr", receiving->chain_key);
    secret_of(chain, "rcHKr", receiving->header_key);
}

static void read_ratchet(const json_t *json, struct ratchet *ratchet) {
    const json_t *versions = json_object_get(json, "rcVersion");
    ratchet->version = (uint16_t)json_integer_value(json_array_get(versions, 0));
    ratchet->version_max = (uint16_t)json_integer_value(json_array_get(versions, 1));
    exactly(json_object_get(json, "rcAD"), ratchet->associated, sizeof ratchet->associated);
    ratchet->own = pair_of(json_object_get(json, "rcDHRs"));
    ratchet->kem_supported = flag_of(json, "rcSupportKEM");
    ratchet->kem_enabled = flag_of(json, "rcEnableKEM");
    ratchet->kem_sending = flag_of(json, "rcSndKEM");
    ratchet->kem_receiving = flag_of(json, "rcRcvKEM");
    secret_of(json, "rcRK", ratchet->root_key);
    secret_of(json, "rcNHKs", ratchet->next_sending_header_key);
    secret_of(json, "rcNHKr", ratchet->next_receiving_header_key);
    ratchet->sending.count = number_of(json, "rcNs");
    ratchet->sending.previous_count = number_of(json, "rcPN");
    ratchet->receiving.count = number_of(json, "rcNr");
}

void captured_state(const struct capture_line *line, struct captured_state *state) {
    json_t *json = json_loads(strchr(line->text, ' ') + 1, 0, NULL);
    capture_check(line, json != NULL);
    memset(state, 0, sizeof *state);
    read_ratchet(json, &state->ratchet);
    read_kem(json_object_get(json, "rcKEM"), state);
    read_sending(json_object_get(json, "rcSnd"), state);
    read_receiving(json_object_get(json, "rcRcv"), &state->ratchet.receiving);
    json_decref(json);
}

/* ---- hex */

static struct slice hex_of(const struct capture *capture, const char *name, uint8_t *bytes, size_t capacity) {
    const struct capture_line *line = capture_find(capture, name);
    require(line != NULL);
    return capture_hex_of(line, capture_word(line, 1), bytes, capacity);
}

struct key_pair captured_pair(const struct capture *capture, const char *name) {
    uint8_t der[KEY_PKCS8_MAX];
    struct private_key private_key;
    struct key_pair pair;
    require(private_key_parse(hex_of(capture, name, der, sizeof der), &private_key) == SMQ_OK);
    require(key_pair_of_private(&private_key, &pair) == SMQ_OK);
    return pair;
}

void captured_parameters(const struct capture *capture, const char *name, struct e2e_parameters *parameters) {
    uint8_t bytes[E2E_PARAMETERS_MAX], again[E2E_PARAMETERS_MAX];
    struct slice captured = hex_of(capture, name, bytes, sizeof bytes);
    struct reader reader = reader_of(captured);
    read_e2e_parameters(&reader, parameters);
    require(reader_finish(&reader) == SMQ_OK);
    struct writer writer = writer_of(again, sizeof again);
    write_e2e_parameters(&writer, parameters);
    require(writer_finish(&writer) == SMQ_OK);
    require(slice_equal(slice_of(again, writer_length(&writer)), captured));
}
