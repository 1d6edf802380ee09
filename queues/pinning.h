/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Pinning: which lane of a role has which number. Each run of numbers as long as there are lanes goes over all of them;
 * where it begins is a keyed hash of the run, so that nobody outside can tell, or choose, a lane. */
#pragma once

#include <stdint.h>

struct pinning {
    uint8_t key[16];
    unsigned lanes;
};

/* A random key, one for each role. `lanes` > 0. */
void pinning_init(struct pinning *pinning, unsigned lanes);
/* Any thread; below `lanes`, the same for the same number. */
unsigned pinning_lane(const struct pinning *pinning, uint64_t number);
