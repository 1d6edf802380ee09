/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SipHash decides by how much a run is rotated. */
#include "queues/pinning.h"

#include <sodium.h>

#include "queues/base/check.h"
#include "queues/base/random.h"

void pinning_init(struct pinning *pinning, unsigned lanes) {
    CHECK(lanes > 0);
    _Static_assert(sizeof pinning->key == crypto_shorthash_KEYBYTES, "a key of SipHash");
    random_bytes(pinning->key, sizeof pinning->key);
    pinning->lanes = lanes;
}

unsigned pinning_lane(const struct pinning *pinning, uint64_t number) {
    uint64_t run = number / pinning->lanes;
    uint64_t rotation;
    _Static_assert(sizeof rotation == crypto_shorthash_BYTES, "SipHash gives 64 bits");
    crypto_shorthash((uint8_t *)&rotation, (const uint8_t *)&run, sizeof run, pinning->key);
    return (unsigned)((number % pinning->lanes + rotation % pinning->lanes) % pinning->lanes);
}
