/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `smp-server init`: folders, certificates and smp-server.ini of a new router. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bin/smp-server/smp_files.h"

/* Options of the command line; texts may be NULL when they were not given. */
struct smp_init_options {
    bool disable_store_log, daily_stats, no_password, disable_web, scripted;
    int algorithm;                             /* index into smp_init_algorithms */
    const char *database, *schema, *pool_size; /* of the reference's PostgreSQL store; written to the file */
    const char *ip, *fqdn, *password, *control_port, *socks_proxy, *own_domains, *source_code;
    const char *server_operator, *operator_country, *hosting, *hosting_country, *hosting_type, *server_country,
        *website;
    const char *web_path;
};

extern const char *const smp_init_algorithms[]; /* "ED25519", "ED448", NULL */
#define SMQ_SOURCE_URI "https://github.com/simplex-chat/simplexmq"

/* Initialises a router: asks for what matters unless options->scripted, then makes everything and prints what the
 * reference prints. `version` is the line of --version. Returns the exit code; mistakes are told on stderr in one line,
 * and what was made is removed. */
int smp_init(const struct smp_files *files, const struct smp_init_options *options, const char *version);

/* What goes into smp-server.ini besides the options. */
struct smp_ini_values {
    const char *host;
    const char *password;                  /* NULL: none */
    const char *control_port_passwords[2]; /* admin, user; NULL: none */
};
/* Writes the text of smp-server.ini; SMQ_ERR_SYSTEM with errno. */
enum smq_result smp_ini_write(const struct smp_files *files, const struct smp_init_options *options,
                              const struct smp_ini_values *values);

/* "Fingerprint: ..." and "Server address: ..." as scripts expect them; `port` is NULL for the default port. */
void smp_print_address(const uint8_t fingerprint[32], const char *password, const char *host, const char *port);
/* "Server source code: ..." or the warning that there is none. */
void smp_print_source_code(const char *source_code);
/* Where the CA key is and what to do with it. */
void smp_print_ca_key_warning(const struct smp_files *files);
