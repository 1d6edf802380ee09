/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HKDF with HMAC-SHA512, on libsodium's state functions: nothing is allocated, and the keyed state of the expansion is
 * computed once and copied for each output block. */
#include "transport/crypto/hkdf.h"

#include <string.h>

#include <sodium.h>

#include "queues/base/check.h"
#include "queues/base/secret.h"

enum { MAC_SIZE = crypto_auth_hmacsha512_BYTES };

static void extract(struct slice salt, struct slice input_key, uint8_t pseudorandom_key[MAC_SIZE]) {
    crypto_auth_hmacsha512_state state;
    static const uint8_t no_salt[1];
    crypto_auth_hmacsha512_init(&state, salt.length > 0 ? salt.bytes : no_salt, salt.length);
    crypto_auth_hmacsha512_update(&state, input_key.bytes, input_key.length);
    crypto_auth_hmacsha512_final(&state, pseudorandom_key);
    secret_wipe(&state, sizeof state);
}

void hkdf_sha512(struct slice salt, struct slice input_key, struct slice info, uint8_t *output, size_t length) {
    CHECK(length <= HKDF_OUTPUT_MAX);
    uint8_t pseudorandom_key[MAC_SIZE];
    extract(salt, input_key, pseudorandom_key);
    crypto_auth_hmacsha512_state keyed;
    crypto_auth_hmacsha512_init(&keyed, pseudorandom_key, sizeof pseudorandom_key);
    crypto_auth_hmacsha512_state state;
    uint8_t block[MAC_SIZE];
    uint8_t number = 0;
    for (size_t done = 0; done < length;) {
        state = keyed;
        if (number > 0)
            crypto_auth_hmacsha512_update(&state, block, sizeof block);
        number++;
        crypto_auth_hmacsha512_update(&state, info.bytes, info.length);
        crypto_auth_hmacsha512_update(&state, &number, 1);
        crypto_auth_hmacsha512_final(&state, block);
        size_t part = length - done < sizeof block ? length - done : sizeof block;
        memcpy(output + done, block, part);
        done += part;
    }
    secret_wipe(pseudorandom_key, sizeof pseudorandom_key);
    secret_wipe(&keyed, sizeof keyed);
    secret_wipe(&state, sizeof state);
    secret_wipe(block, sizeof block);
}
