/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The data inside the blobs of short links, and every check on reading it. */
#include "transport/crypto/link_data.h"

#include "queues/base/secret.h"
#include "transport/crypto/signature.h"
#include "transport/wire/encoding.h"

enum { LARGE_USER_DATA = 255, SHORT_USER_DATA_MAX = 254 };

/* ---- fixed data */

enum smq_result link_fixed_data_parse(struct slice data, struct link_fixed_data *fixed) {
    struct reader reader = reader_of(data);
    struct link_fixed_data parsed = {.agent_versions = read_version_range(&reader)};
    read_public_key_of(&reader, KEY_ED25519, &parsed.root_key);
    parsed.request = read_tail(&reader);
    enum smq_result result = reader_finish(&reader);
    if (result == SMQ_OK)
        *fixed = parsed;
    return result;
}

void write_link_fixed_data(struct writer *writer, const struct link_fixed_data *fixed) {
    write_version_range(writer, fixed->agent_versions);
    write_public_key(writer, &fixed->root_key);
    write_slice(writer, fixed->request);
}

/* ---- owners */

void read_link_owner(struct reader *reader, struct link_owner *owner) {
    struct reader inner = reader_of(read_short(reader)); /* may go on with fields of later versions */
    *owner = (struct link_owner){.id = read_short(&inner)};
    read_public_key_of(&inner, KEY_ED25519, &owner->key);
    owner->signature = read_short(&inner);
    if (reader_status(&inner) != SMQ_OK || owner->signature.length != SIGNATURE_ED25519_SIZE) {
        *owner = (struct link_owner){0};
        reader_fail(reader);
    }
}

/* What an owner's authorization is a signature of: its id and the DER of its key. Returns the length. */
static size_t owner_signed_bytes(struct slice id, const struct public_key *key, uint8_t bytes[255 + KEY_SPKI_MAX]) {
    struct writer writer = writer_of(bytes, 255 + KEY_SPKI_MAX);
    write_slice(&writer, id);
    write_public_key_der(&writer, key);
    return writer_length(&writer);
}

enum smq_result write_link_owner(struct writer *writer, struct slice id, const struct public_key *key,
                                 const struct key_pair *signer) {
    uint8_t signed_bytes[255 + KEY_SPKI_MAX];
    uint8_t signature[SIGNATURE_MAX];
    uint8_t encoded[255];
    if (key->algorithm != KEY_ED25519 || signer->public_key.algorithm != KEY_ED25519)
        return SMQ_ERR_CRYPTO;
    if (id.length > UINT8_MAX)
        return SMQ_ERR_TOO_LARGE;
    size_t length = owner_signed_bytes(id, key, signed_bytes);
    enum smq_result result = sign(signer, slice_of(signed_bytes, length), signature);
    if (result != SMQ_OK)
        return result;
    struct writer inner = writer_of(encoded, sizeof encoded);
    write_short(&inner, id);
    write_public_key(&inner, key);
    write_short(&inner, slice_of(signature, SIGNATURE_ED25519_SIZE));
    if (writer_finish(&inner) != SMQ_OK)
        return SMQ_ERR_TOO_LARGE;
    write_short(writer, slice_of(encoded, writer_length(&inner)));
    return writer_finish(writer);
}

static bool owner_authorized_by(const struct link_owner *owner, const struct public_key *signer) {
    uint8_t signed_bytes[255 + KEY_SPKI_MAX];
    size_t length = owner_signed_bytes(owner->id, &owner->key, signed_bytes);
    return signature_verify(signer, slice_of(signed_bytes, length), owner->signature) == SMQ_OK;
}

/* What is wrong with `owner`, the one at `index`: it is unlike the root key and all before it, and authorized by one
 * of them. */
static enum link_fault owner_fault(const struct public_key *root_key, const struct link_user_data *user,
                                   const struct link_owner *owner, size_t index) {
    if (public_key_equal(&owner->key, root_key))
        return LINK_FAULT_OWNER_IS_ROOT;
    struct link_owner earlier;
    struct reader reader = reader_of(user->owners);
    for (size_t i = 0; i < index; i++) {
        read_link_owner(&reader, &earlier);
        if (slice_equal(earlier.id, owner->id) || public_key_equal(&earlier.key, &owner->key))
            return LINK_FAULT_OWNER_TWICE;
    }
    bool authorized = owner_authorized_by(owner, root_key);
    reader = reader_of(user->owners);
    for (size_t i = 0; i < index && !authorized; i++) {
        read_link_owner(&reader, &earlier);
        authorized = owner_authorized_by(owner, &earlier.key);
    }
    return authorized ? LINK_FAULT_NONE : LINK_FAULT_OWNER_UNAUTHORIZED;
}

enum smq_result link_owners_check(const struct public_key *root_key, const struct link_user_data *user,
                                  struct link_check *check) {
    struct reader reader = reader_of(user->owners);
    *check = (struct link_check){.fault = LINK_FAULT_NONE};
    for (size_t i = 0; i < user->owner_count && check->fault == LINK_FAULT_NONE; i++) {
        struct link_owner owner;
        read_link_owner(&reader, &owner);
        if (reader.failed)
            return SMQ_ERR_SYNTAX;
        *check = (struct link_check){.fault = owner_fault(root_key, user, &owner, i), .owner_id = owner.id};
    }
    return check->fault == LINK_FAULT_NONE ? SMQ_OK : SMQ_ERR_CRYPTO;
}

/* ---- user data */

static struct slice read_owners(struct reader *reader, uint8_t *count) {
    *count = read_count(reader);
    if (*count > LINK_OWNERS_MAX)
        reader_fail(reader);
    const uint8_t *start = reader->position;
    for (size_t i = 0; i < *count && !reader->failed; i++) {
        struct link_owner owner;
        read_link_owner(reader, &owner);
    }
    return slice_of(start, (size_t)(reader->position - start));
}

static struct slice read_relays(struct reader *reader, uint8_t *count) {
    *count = read_count(reader);
    const uint8_t *start = reader->position;
    for (size_t i = 0; i < *count && !reader->failed; i++) {
        struct short_link relay;
        read_short_link(reader, &relay);
        if (relay.type == SHORT_LINK_INVITATION)
            reader_fail(reader);
    }
    return slice_of(start, (size_t)(reader->position - start));
}

static struct slice read_application_data(struct reader *reader) {
    if (reader_peek(reader) != LARGE_USER_DATA)
        return read_short(reader);
    (void)read_u8(reader);
    return read_large(reader);
}

void read_link_user_fields(struct reader *reader, struct link_user_data *user) {
    if (user->contact) {
        user->direct = read_bool(reader);
        user->owners = read_owners(reader, &user->owner_count);
        user->relays = read_relays(reader, &user->relay_count);
    }
    user->user_data = read_application_data(reader);
}

void write_link_user_fields(struct writer *writer, const struct link_user_data *user) {
    if (user->contact) {
        write_bool(writer, user->direct);
        write_count(writer, user->owner_count);
        write_slice(writer, user->owners);
        write_count(writer, user->relay_count);
        write_slice(writer, user->relays);
    }
    if (user->user_data.length <= SHORT_USER_DATA_MAX) {
        write_short(writer, user->user_data);
    } else {
        write_u8(writer, LARGE_USER_DATA);
        write_large(writer, user->user_data);
    }
}

bool read_link_user_mode(struct reader *reader) {
    uint8_t mode = read_u8(reader);
    if (mode != 'I' && mode != 'C')
        reader_fail(reader);
    return mode == 'C';
}

void write_link_user_mode(struct writer *writer, bool contact) {
    write_u8(writer, contact ? 'C' : 'I');
}

enum smq_result link_user_data_parse(struct slice data, struct link_user_data *user) {
    struct reader reader = reader_of(data);
    struct link_user_data parsed = {.contact = read_link_user_mode(&reader)};
    parsed.agent_versions = read_version_range(&reader);
    read_link_user_fields(&reader, &parsed);
    enum smq_result result = reader_status(&reader);
    if (result == SMQ_OK)
        *user = parsed;
    return result;
}

void write_link_user_data(struct writer *writer, const struct link_user_data *user) {
    write_link_user_mode(writer, user->contact);
    write_version_range(writer, user->agent_versions);
    write_link_user_fields(writer, user);
}

/* ---- everything at once */

static bool user_data_signed(const struct public_key *root_key, const struct link_user_data *user, struct slice data,
                             struct slice signature) {
    if (signature_verify(root_key, data, signature) == SMQ_OK)
        return true;
    struct reader reader = reader_of(user->owners);
    for (size_t i = 0; i < user->owner_count; i++) {
        struct link_owner owner;
        read_link_owner(&reader, &owner);
        if (signature_verify(&owner.key, data, signature) == SMQ_OK)
            return true;
    }
    return false;
}

static enum smq_result fail_check(struct link_check *check, enum link_fault fault) {
    check->fault = fault;
    return SMQ_ERR_CRYPTO;
}

enum smq_result link_data_open(const uint8_t link_key[LINK_KEY_SIZE], const struct box_key *key, uint8_t *fixed_blob,
                               size_t fixed_length, uint8_t *user_blob, size_t user_length,
                               struct link_fixed_data *fixed, struct link_user_data *user, struct link_check *check) {
    struct slice fixed_bytes, fixed_signature, user_bytes, user_signature;
    uint8_t actual_key[LINK_KEY_SIZE];
    struct link_fixed_data parsed_fixed;
    struct link_user_data parsed_user;
    *check = (struct link_check){.fault = LINK_FAULT_NONE};
    enum smq_result result = link_blob_open(key, fixed_blob, fixed_length, &fixed_bytes, &fixed_signature);
    if (result == SMQ_OK)
        result = link_blob_open(key, user_blob, user_length, &user_bytes, &user_signature);
    if (result == SMQ_OK)
        result = link_fixed_data_parse(fixed_bytes, &parsed_fixed);
    if (result == SMQ_OK)
        result = link_user_data_parse(user_bytes, &parsed_user);
    if (result == SMQ_OK)
        result = link_key_of(fixed_bytes, actual_key);
    if (result != SMQ_OK)
        return result;
    const struct public_key *root_key = &parsed_fixed.root_key;
    if (!secret_equal(actual_key, link_key, LINK_KEY_SIZE))
        return fail_check(check, LINK_FAULT_HASH);
    if (signature_verify(root_key, fixed_bytes, fixed_signature) != SMQ_OK)
        return fail_check(check, LINK_FAULT_SIGNATURE);
    result = link_owners_check(root_key, &parsed_user, check);
    if (result != SMQ_OK)
        return result;
    if (!user_data_signed(root_key, &parsed_user, user_bytes, user_signature))
        return fail_check(check, LINK_FAULT_USER_SIGNATURE);
    *fixed = parsed_fixed;
    *user = parsed_user;
    return SMQ_OK;
}
