/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What routers print, in the words of the reference, which scripts read. */
#pragma once

#include "bin/common/server_files.h"
#include "transport/tls/certificate.h"

/* What an address is made of; `password` NULL: none; `port` 0: the default. `hosts` as in the INI file; NULL: not
 * known. */
struct server_identity {
    enum address_scheme scheme;
    uint8_t fingerprint[FINGERPRINT_SIZE];
    const char *password, *hosts;
    uint16_t port;
};

/* "smp://fingerprint:password@host,host:port", IPv6 in brackets. `text` has ADDRESS_TEXT_MAX + 1 bytes; a secret when
 * there is a password. */
void server_address_text(const struct server_identity *identity, char *text);

/* "Fingerprint: ..." and "Server address: ...". */
void server_print_identity(const struct server_identity *identity);
/* "Server source code: ..." or the warning that there is none. */
void server_print_source_code(const char *source_code);
/* Where the CA key is and what to do with it. */
void server_print_ca_key_warning(const struct server_files *files);

/* The fingerprint of ca.crt, which must be the saved one: it guards against certificates that were swapped by mistake.
 * False with one line on stderr. */
bool server_read_fingerprint(const struct server_files *files, uint8_t fingerprint[FINGERPRINT_SIZE]);

/* "Error: WHAT PATH: REASON" on stderr; 1. */
int server_fail(const char *what, const char *path, const char *reason);
