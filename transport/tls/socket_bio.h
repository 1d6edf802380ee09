/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The BIO between OpenSSL and a non-blocking socket: one recv or send a call, never SIGPIPE. */
#pragma once

#include <stdbool.h>

#include <openssl/bio.h>

#include "smq/result.h"

/* The method is shared by all connections of the process and made on first use; NULL when that failed. Any thread. */
const BIO_METHOD *socket_bio_method(void);

/* A BIO over `descriptor`. While `*more_follows` the kernel may keep what is written, to send it with what follows.
 * Both are borrowed. NULL: out of memory. */
BIO *socket_bio_create(int descriptor, const bool *more_follows);
