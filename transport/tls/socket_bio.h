/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The BIO between OpenSSL and a non-blocking socket: one recv or send a call, never SIGPIPE. */
#pragma once

#include <openssl/bio.h>

#include "smq/result.h"

/* The method is shared by all connections of the process and made on first use; NULL when that failed. Any thread. */
const BIO_METHOD *socket_bio_method(void);

/* A BIO over `descriptor`, which is borrowed. NULL: out of memory. */
BIO *socket_bio_create(int descriptor);
