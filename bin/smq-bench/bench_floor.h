/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The crypto floor: what the cryptography that no router can avoid costs on this machine, with the libraries that ours
 * uses, on one thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bin/smq-bench/bench_options.h"

enum { FLOOR_PARTS_MAX = 8 };

struct bench_floor_part {
    const char *name;    /* static, for people and as a JSON key */
    unsigned count;      /* how often in one operation */
    double microseconds; /* of one */
};

struct bench_floor {
    size_t count;
    struct bench_floor_part parts[FLOOR_PARTS_MAX];
    double microseconds; /* of one operation: the sum of count x microseconds */
};

/* Measures. An operation of msg is one delivered message: five blocks (SEND, OK, MSG, ACK, OK), each a TLS record and a
 * secretbox; the box of the body; SHA-512 over the SEND with a body of `size` bytes and the X25519 of its
 * authenticator; the Ed25519 verification of the ACK. Of subs and agent: one Ed25519 verification; of queues: that and
 * one X25519. Of proxy: four TLS records (PFWD, RFWD, RRES, PRES), the secretbox of the two blocks on the client's side
 * and the box of what is forwarded and answered on the relay's. idle has none: count 0. Takes about 0.2 s of the
 * calling thread. SMQ_ERR_CRYPTO, SMQ_ERR_NO_MEMORY. */
enum smq_result bench_floor_measure(enum bench_mode mode, size_t size, struct bench_floor *floor);
