/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Other server certificates for a router's folder, as operators have them. Failures fail the test (cmocka). */
#pragma once

#include <stdint.h>

/* Signs a new server.crt and server.key in `directory` with its ca.key, valid from and until so many seconds from now
 * (whole days apart). */
void server_certificate_write(const char *directory, int64_t from_s, int64_t until_s);
/* server.crt alone, or server.key alone: from another folder. */
void server_file_copy(const char *from_directory, const char *to_directory, const char *name);
