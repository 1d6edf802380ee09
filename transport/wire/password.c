/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Passwords of servers ("basic auth"). */
#include <string.h>

#include "queues/base/secret.h"
#include "transport/wire/address.h"

bool password_valid(struct slice text) {
    if (text.length == 0 || text.length > PASSWORD_MAX)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.bytes[i];
        if (byte <= ' ' || byte >= 0x7f || byte == '@' || byte == ':' || byte == '/')
            return false;
    }
    return true;
}

struct slice read_password(struct reader *reader) {
    struct slice password = read_short(reader);
    if (password.length > 0 && !password_valid(password))
        reader_fail(reader);
    return password;
}

enum smq_result password_parse(struct slice text, struct password *password) {
    if (!password_valid(text))
        return SMQ_ERR_SYNTAX;
    *password = (struct password){.length = (uint8_t)text.length};
    memcpy(password->bytes, text.bytes, text.length);
    return SMQ_OK;
}

bool password_equal(const struct password *expected, struct slice given) {
    return given.length == expected->length && secret_equal(expected->bytes, given.bytes, given.length);
}

void password_wipe(struct password *password) {
    secret_wipe(password, sizeof *password);
}
