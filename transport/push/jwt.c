/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* JSON Web Tokens. */
#include "transport/push/jwt.h"

#include "transport/wire/text.h"

enum smq_result jwt_write(struct writer *writer, const struct p256_key *key, struct slice header, struct slice claims) {
    uint8_t signature[P256_SIGNATURE_SIZE];
    const uint8_t *start = writer->position;
    write_base64(writer, header, BASE64_URL_UNPADDED);
    write_text(writer, ".");
    write_base64(writer, claims, BASE64_URL_UNPADDED);
    enum smq_result result = writer_finish(writer);
    if (result == SMQ_OK)
        result = p256_sign(key, slice_of(start, (size_t)(writer->position - start)), signature);
    if (result != SMQ_OK)
        return result;
    write_text(writer, ".");
    write_base64(writer, slice_of(signature, sizeof signature), BASE64_URL_UNPADDED);
    return writer_finish(writer);
}

static bool is_identifier(struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.bytes[i], lower = byte | 0x20;
        if (!((lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9')))
            return false;
    }
    return text.length > 0;
}

/* Printable ASCII that JSON takes without escapes. */
static bool is_plain(struct slice text) {
    for (size_t i = 0; i < text.length; i++)
        if (text.bytes[i] <= 0x20 || text.bytes[i] > 0x7e || text.bytes[i] == '"' || text.bytes[i] == '\\')
            return false;
    return text.length > 0;
}

static void write_member(struct writer *writer, const char *before, struct slice value) {
    write_text(writer, before);
    write_slice(writer, value);
    write_text(writer, "\"");
}

static struct slice written(const struct writer *writer) {
    return slice_of(writer->start, writer_length(writer));
}

enum smq_result jwt_apns_write(struct writer *writer, const struct p256_key *key, struct slice key_id,
                               struct slice team_id, int64_t now) {
    uint8_t header_bytes[JWT_PART_MAX], claims_bytes[JWT_PART_MAX];
    struct writer header = writer_of(header_bytes, sizeof header_bytes);
    struct writer claims = writer_of(claims_bytes, sizeof claims_bytes);
    if (!is_identifier(key_id) || !is_identifier(team_id))
        return SMQ_ERR_INVALID;
    write_member(&header, "{\"alg\":\"ES256\",\"kid\":\"", key_id);
    write_text(&header, "}");
    write_member(&claims, "{\"iss\":\"", team_id);
    write_text(&claims, ",\"iat\":");
    write_signed_decimal(&claims, now);
    write_text(&claims, "}");
    if (writer_finish(&header) != SMQ_OK || writer_finish(&claims) != SMQ_OK)
        return SMQ_ERR_TOO_LARGE;
    return jwt_write(writer, key, written(&header), written(&claims));
}

void jwt_vapid_key_write(struct writer *writer, const struct p256_key *key) {
    uint8_t point[P256_POINT_SIZE];
    p256_key_point(key, point);
    write_base64(writer, slice_of(point, sizeof point), BASE64_URL_UNPADDED);
}

enum smq_result jwt_vapid_write(struct writer *writer, const struct p256_key *key, struct slice audience,
                                struct slice subject, int64_t now) {
    uint8_t claims_bytes[JWT_PART_MAX];
    struct slice header = slice_of_text("{\"typ\":\"JWT\",\"alg\":\"ES256\"}");
    struct writer claims = writer_of(claims_bytes, sizeof claims_bytes);
    if (!is_plain(audience) || !is_plain(subject))
        return SMQ_ERR_INVALID;
    write_text(&claims, "{\"exp\":");
    write_signed_decimal(&claims, now + JWT_VAPID_LIFE);
    write_member(&claims, ",\"aud\":\"", audience);
    write_member(&claims, ",\"sub\":\"", subject);
    write_text(&claims, "}");
    write_text(writer, "vapid t=");
    enum smq_result result = writer_finish(&claims);
    if (result == SMQ_OK)
        result = jwt_write(writer, key, header, written(&claims));
    if (result != SMQ_OK)
        return result;
    write_text(writer, ",k=");
    jwt_vapid_key_write(writer, key);
    return writer_finish(writer);
}
