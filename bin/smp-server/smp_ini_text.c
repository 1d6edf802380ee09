/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The text of a new smp-server.ini: the reference's sections and keys (Main/Init.hs) and our own, each explained in
 * place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "bin/smp-server/smp_init.h"

/* "key = value", or "# key = example" when there is no value. */
static void write_key(FILE *file, const char *key, const char *value, const char *example) {
    (void)fprintf(file, "%s%s = %s\n", value == NULL ? "# " : "", key, value == NULL ? example : value);
}

static void write_information(FILE *file, const struct smp_init_options *options) {
    (void)fputs(
        "[INFORMATION]\n"
        "# The AGPLv3 license requires that users of the server can get its source code, with your changes to it.\n"
        "# Must be present if any other key of this section is.\n",
        file);
    write_key(file, "source_code", options->source_code, "URI");
    (void)fputs("\n# Everything below is optional information about the server and who runs it.\n"
                "# usage_conditions = URI\n"
                "# condition_amendments = URI\n",
                file);
    write_key(file, "server_country", options->server_country, "two-letter code of ISO 3166");
    write_key(file, "operator", options->server_operator, "organization or person");
    write_key(file, "operator_country", options->operator_country, "two-letter code of ISO 3166");
    write_key(file, "website", options->website, "URI");
    (void)fputs("\n# Contacts of the administrator, and for complaints.\n"
                "# admin_simplex = SimpleX address\n"
                "# admin_email =\n"
                "# admin_pgp =\n"
                "# admin_pgp_fingerprint =\n"
                "# complaints_simplex = SimpleX address\n"
                "# complaints_email =\n"
                "# complaints_pgp =\n"
                "# complaints_pgp_fingerprint =\n\n",
                file);
    write_key(file, "hosting", options->hosting, "organization");
    write_key(file, "hosting_country", options->hosting_country, "two-letter code of ISO 3166");
    (void)fputs("# virtual, dedicated, colocation or owned\n", file);
    write_key(file, "hosting_type", options->hosting_type, "virtual");
}

static void write_store(FILE *file, const struct smp_init_options *options) {
    const char *on_off = options->disable_store_log ? "off" : "on";
    (void)fprintf(
        file,
        "\n[STORE_LOG]\n"
        "# Queues and messages are kept in LMDB, in the folder `store` of the data folder, whatever these four say;\n"
        "# they are here so that the file also suits the reference server.\n"
        "enable = %s\n"
        "store_queues = memory\n"
        "store_messages = memory\n"
        "restore_messages = %s\n",
        on_off, on_off);
    write_key(file, "db_connection", options->database, "postgresql://smp@/smp_server_store");
    write_key(file, "db_schema", options->schema, "smp_server");
    write_key(file, "db_pool_size", options->pool_size, "10");
    (void)fprintf(
        file,
        "\n# commit: what a client was told is done is on the disk. interval: it gets there every durability_interval\n"
        "# milliseconds; faster, but a power failure may lose that much. A killed process loses nothing with either.\n"
        "# durability = commit\n"
        "# durability_interval = 1000\n"
        "# The most that the store may take on the disk; K, M, G and T are understood.\n"
        "# map_size = 64G\n"
        "\n# Messages that one queue holds.\n"
        "# queue_quota = 128\n"
        "\n# Undelivered messages and notifications expire. The keys in seconds count before days and hours.\n"
        "expire_messages_days = 21\n"
        "# expire_messages_ttl = 1814400\n"
        "# expire_messages_interval = 7200\n"
        "expire_messages_on_start = on\n"
        "expire_messages_on_send = off\n"
        "expire_ntfs_hours = 24\n"
        "# expire_ntfs_ttl = 86400\n"
        "# expire_ntfs_interval = 3600\n"
        "# Milliseconds between two deliveries of notifications.\n"
        "# deliver_ntfs_interval = 1500\n"
        "\n# Daily statistics in a CSV file, and Prometheus metrics every so many seconds.\n"
        "log_stats = %s\n"
        "# prometheus_interval = 60\n",
        options->daily_stats ? "on" : "off");
}

static void write_auth(FILE *file, const struct smp_ini_values *values) {
    (void)fputs(
        "\n[AUTH]\n"
        "# off: no new queues, for instance before the server is closed down.\n"
        "new_queues = on\n"
        "\n# Password for new queues, part of the server address: smp://fingerprint:password@host1,host2\n"
        "# Give it only to those who may create queues here. Printable characters without spaces, '@', ':' and '/'.\n",
        file);
    write_key(file, "create_password", values->password, "password");
    (void)fputs("\n", file);
    write_key(file, "control_port_admin_password", values->control_port_passwords[0], "");
    write_key(file, "control_port_user_password", values->control_port_passwords[1], "");
    (void)fputs("# Queues that may be blocked through the control port per day; 0: no limit, -1: none may.\n"
                "# daily_block_queue_quota = 20\n",
                file);
}

static void write_transport(FILE *file, const struct smp_init_options *options, const struct smp_ini_values *values) {
    (void)fprintf(file,
                  "\n[TRANSPORT]\n"
                  "# The host is only used to print the server address.\n"
                  "host = %s\n"
                  "port = 5223,443\n"
                  "# Addresses to listen on; all: every IPv4 and IPv6 address.\n"
                  "# bind = all\n"
                  "# smp_versions = 6-18\n"
                  "# Seconds until TLS, and then the SMP handshake, must be done.\n"
                  "# tls_timeout = 10\n"
                  "# handshake_timeout = 120\n"
                  "log_tls_errors = off\n"
                  "# accept_service_credentials = on\n"
                  "# WebSockets over TLS: off, on (port 80), or ports separated by commas.\n"
                  "websockets = off\n",
                  values->host);
    write_key(file, "control_port", options->control_port, "5224");
    (void)fputs("\n[ROLES]\n"
                "# Threads of each role; 0: as many as there are processors.\n"
                "# receive = 0\n"
                "# process = 0\n"
                "# send = 0\n",
                file);
}

static void write_rest(FILE *file, const struct smp_files *files, const struct smp_init_options *options) {
    (void)fputs("\n[PROXY]\n"
                "# Forwarding of messages to other servers.\n"
                "# enable = on\n"
                "# host_mode = public\n"
                "# required_host_mode = off\n",
                file);
    write_key(file, "own_server_domains", options->own_domains, "");
    write_key(file, "socks_proxy", options->socks_proxy, "127.0.0.1:9050");
    (void)fprintf(file,
                  "# socks_mode = onion\n"
                  "# client_concurrency = 32\n"
                  "# Seconds: how long a server that could not be reached is not tried again; to connect; to answer.\n"
                  "# relay_error_interval = 30\n"
                  "# relay_connect_timeout = 45\n"
                  "# relay_timeout = 30\n"
                  "\n[INACTIVE_CLIENTS]\n"
                  "# Connections without subscriptions that were silent for `ttl` seconds are closed.\n"
                  "disconnect = on\n"
                  "ttl = 21600\n"
                  "check_interval = 3600\n"
                  "\n[WEB]\n"
                  "# Pages with information about the server and connection links.\n"
                  "static_path = %s\n"
                  "# http = 8000\n",
                  options->web_path != NULL ? options->web_path : files->pages);
    (void)fprintf(file, "# https = 443\n# cert = %s/web.crt\n# key = %s/web.key\n", files->configuration,
                  files->configuration);
}

enum smq_result smp_ini_write(const struct smp_files *files, const struct smp_init_options *options,
                              const struct smp_ini_values *values) {
    int descriptor = open(files->ini, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return SMQ_ERR_SYSTEM;
    FILE *file = fdopen(descriptor, "w");
    if (file == NULL) {
        (void)close(descriptor);
        return SMQ_ERR_SYSTEM;
    }
    write_information(file, options);
    write_store(file, options);
    write_auth(file, values);
    write_transport(file, options, values);
    write_rest(file, files, options);
    bool written = fflush(file) == 0 && ferror(file) == 0 && fsync(descriptor) == 0;
    int error = errno;
    (void)fclose(file);
    errno = error;
    return written ? SMQ_OK : SMQ_ERR_SYSTEM;
}
