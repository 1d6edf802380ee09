/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Initialisation of an XFTP router. */
#include "bin/xftp-server/xftp_init.h"

#include <stdio.h>
#include <string.h>

#include "bin/common/server_init.h"
#include "bin/common/server_print.h"

enum { GIVEN_MAX = 8 };

static bool is_local(const char *ip) {
    return strcmp(ip, "127.0.0.1") == 0;
}

static const char *missing_option(const struct xftp_init_options *options) {
    if (options->path == NULL)
        return "-p/--path";
    return options->quota == NULL ? "-q/--quota" : NULL;
}

static int make(const struct server_files *files, const struct xftp_init_options *options) {
    struct ini_given given[GIVEN_MAX];
    size_t count = 0;
    const struct server_option named[] = {
        {"path", "FILES", "path", options->path},
        {"quota", "FILES", "storage_quota", options->quota},
        {"web-path", "WEB", "static_path", options->web_path != NULL ? options->web_path : files->pages},
    };
    if (!server_take_options(files->kind, named, sizeof named / sizeof named[0], given, &count))
        return 1;
    if (options->disable_store_log)
        given[count++] = (struct ini_given){"STORE_LOG", "enable", "off"};
    bool is_known = options->fqdn != NULL || !is_local(options->ip);
    const struct server_new new = {
        .hosts = !is_known               ? "<hostnames>"
                 : options->fqdn != NULL ? options->fqdn
                                         : options->ip,
        .address = is_known ? NULL : options->ip,
        .algorithm = server_algorithm(options->algorithm),
        .given = given,
        .given_count = count,
    };
    return server_init(files, &new);
}

int xftp_init(const struct server_files *files, const struct xftp_init_options *options) {
    const char *missing = missing_option(options);
    if (missing != NULL) {
        (void)fprintf(stderr, "Error: missing %s\n", missing);
        return 1;
    }
    return server_init_possible(files) ? make(files, options) : 1;
}
