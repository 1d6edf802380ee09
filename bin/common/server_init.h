/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `init` of every router: folders, certificates, and the INI file by the router's table. */
#pragma once

#include "bin/common/server_files.h"
#include "transport/crypto/keys.h"

/* Where the source code of this program is. */
#ifndef SMQ_SOURCE_URI
#define SMQ_SOURCE_URI "https://github.com/simplexmq-c/simplexmq-c"
#endif

extern const char *const server_algorithms[]; /* "ED25519", "ED448", NULL, for options */
enum key_algorithm server_algorithm(int index);

enum { SERVER_SECRET_SIZE = 64 };
/* `byte_count` random bytes, 45 at most, in base64url. */
void server_random_text(char text[SERVER_SECRET_SIZE], size_t byte_count);

/* An option of the command line whose value goes into the file as it is. */
struct server_option {
    const char *option; /* its long name, for messages */
    const char *section, *key;
    const char *value; /* NULL: not given */
};
/* Adds those that are given to `given` when their rows accept them. False with one line on stderr. */
bool server_take_options(const struct server_kind *kind, const struct server_option *options, size_t option_count,
                         struct ini_given *given, size_t *given_count);

/* What a new router is like. */
struct server_new {
    const char *hosts;   /* as for [TRANSPORT] host; the first one is in the certificate */
    const char *address; /* the one for the certificate when `hosts` are not known; else NULL */
    enum key_algorithm algorithm;
    const struct ini_given *given; /* beside `host` */
    size_t given_count;
    const char *password; /* for the address that is printed; NULL: none */
};

/* One line on stderr and false when a router is there already. */
bool server_init_possible(const struct server_files *files);

/* Makes all of it and prints what the reference prints, up to the address. Files that root makes belong to the owner of
 * their folder. Returns the exit code; mistakes are told on stderr, one line each, and what was made is removed. */
int server_init(const struct server_files *files, const struct server_new *new);
