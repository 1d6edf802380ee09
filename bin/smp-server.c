/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server: an SMP router. Commands, options and words are those of the reference (Main.hs, CLI.hs). */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "bin/common/cli.h"
#include "bin/common/prompt.h"
#include "bin/smp-server/smp_files.h"
#include "bin/smp-server/smp_init.h"
#include "bin/smp-server/smp_settings.h"
#include "bin/smp-server/smp_start.h"
#include "bin/smp-server/smp_store.h"
#include "queues/base/descriptor.h"
#include "queues/base/setup.h"
#include "transport/tls/credentials.h"

#define VERSION_LINE "SMP server v" SMQ_VERSION

enum { COMMON_NAME_SIZE = 256 };

struct cert_options {
    int algorithm; /* index into smp_init_algorithms; -1: as before */
    const char *common_name;
};

struct arguments {
    struct smp_files files;
    struct smp_init_options init;
    struct cert_options cert;
    struct smp_start_options start;
    struct smp_store_options store;
};

#define INIT(field)  offsetof(struct arguments, init.field)
#define START(field) offsetof(struct arguments, start.field)

static const char *const migrations[] = {"console", "up", "down", NULL};

#define TEXT_OPTION(name_, field_, metavariable_, help_)                                                               \
    { .long_name = name_, .type = CLI_TEXT, .offset = INIT(field_), .metavariable = metavariable_, .help = help_ }
#define COUNTRY_OPTION(name_, field_, metavariable_, help_)                                                            \
    {                                                                                                                  \
        .long_name = name_, .type = CLI_TEXT, .offset = INIT(field_), .metavariable = metavariable_, .help = help_,    \
        .check = smp_settings_country_valid, .accepted = "a two-letter country code of ISO 3166"                       \
    }

static const struct cli_option init_options[] = {
    {.long_name = "disable-store-log",
     .type = CLI_FLAG,
     .offset = INIT(disable_store_log),
     .help = "Say `enable = off` in the INI file (this router always stores)"},
    {.short_name = 'l',
     .long_name = "store-log",
     .type = CLI_FLAG_OFF,
     .offset = INIT(disable_store_log),
     .help = "Enable store log for persistence (DEPRECATED, enabled by default)"},
    {.short_name = 'd',
     .long_name = "database",
     .type = CLI_TEXT,
     .offset = INIT(database),
     .metavariable = "DB_CONN",
     .help = "Database connection string of the reference server (unused)"},
    TEXT_OPTION("schema", schema, "DB_SCHEMA", "Database schema of the reference server (unused)"),
    TEXT_OPTION("pool-size", pool_size, "POOL_SIZE", "Database pool size of the reference server (unused)"),
    {.short_name = 's',
     .long_name = "daily-stats",
     .type = CLI_FLAG,
     .offset = INIT(daily_stats),
     .help = "Enable logging daily server statistics"},
    {.short_name = 'a',
     .long_name = "sign-algorithm",
     .type = CLI_CHOICE,
     .offset = INIT(algorithm),
     .metavariable = "ALG",
     .choices = smp_init_algorithms,
     .help = "Signature algorithm used for TLS certificates: ED25519, ED448 (default: ED25519)"},
    TEXT_OPTION("ip", ip, "IP",
                "Server IP address, used as Common Name for TLS online certificate if FQDN is not supplied (default: "
                "127.0.0.1)"),
    {.short_name = 'n',
     .long_name = "fqdn",
     .type = CLI_TEXT,
     .offset = INIT(fqdn),
     .metavariable = "FQDN",
     .help = "Server FQDN used as Common Name for TLS online certificate"},
    {.long_name = "no-password",
     .type = CLI_FLAG,
     .offset = INIT(no_password),
     .help = "Allow creating new queues without password"},
    {.long_name = "password",
     .type = CLI_TEXT,
     .offset = INIT(password),
     .metavariable = "PASSWORD",
     .check = smp_settings_password_valid,
     .accepted = "printable characters without spaces, '@', ':' and '/'",
     .help = "Set password to create new messaging queues (default: a random one)"},
    {.long_name = "control-port",
     .type = CLI_TEXT_OPTIONAL,
     .offset = INIT(control_port),
     .metavariable = "PORT",
     .implied = "5224",
     .help = "Enable control port (5224 when PORT is left out)"},
    {.long_name = "socks-proxy",
     .type = CLI_TEXT_OPTIONAL,
     .offset = INIT(socks_proxy),
     .metavariable = "PROXY",
     .implied = "localhost:9050",
     .help = "Outgoing SOCKS proxy to forward messages to onion-only servers"},
    TEXT_OPTION("own-domains", own_domains, "DOMAINS", "Own server domain names (comma-separated)"),
    {.long_name = "source-code",
     .type = CLI_TEXT_OPTIONAL,
     .offset = INIT(source_code),
     .metavariable = "URI",
     .implied = SMQ_SOURCE_URI,
     .help = "Server source code (default: " SMQ_SOURCE_URI ")"},
    TEXT_OPTION("operator", server_operator, "OPERATOR_NAME", "Server operator name"),
    COUNTRY_OPTION("operator-country", operator_country, "OPERATOR_COUNTRY", "Server operator country"),
    TEXT_OPTION("hosting", hosting, "HOSTING_NAME", "Hosting provider name"),
    COUNTRY_OPTION("hosting-country", hosting_country, "HOSTING_COUNTRY", "Hosting provider country"),
    {.long_name = "hosting-type",
     .type = CLI_TEXT,
     .offset = INIT(hosting_type),
     .metavariable = "HOSTING_TYPE",
     .check = smp_settings_hosting_type_valid,
     .accepted = "virtual, dedicated, colocation or owned",
     .help = "Hosting type: virtual, dedicated, colocation, owned"},
    COUNTRY_OPTION("server-country", server_country, "SERVER_COUNTRY", "Server datacenter country"),
    TEXT_OPTION("operator-website", website, "WEBSITE", "Operator public website"),
    TEXT_OPTION("web-path", web_path, "PATH", "Directory to store generated static site with server information"),
    {.long_name = "disable-web",
     .type = CLI_FLAG,
     .offset = INIT(disable_web),
     .help = "Disable starting static web server (this version has none)"},
    {.short_name = 'y',
     .long_name = "yes",
     .type = CLI_FLAG,
     .offset = INIT(scripted),
     .help = "Non-interactive initialization using command-line options"},
};

static const struct cli_option cert_options[] = {
    {.short_name = 'a',
     .long_name = "sign-algorithm",
     .type = CLI_CHOICE,
     .offset = offsetof(struct arguments, cert.algorithm),
     .metavariable = "ALG",
     .choices = smp_init_algorithms,
     .help = "Set new signature algorithm used for TLS certificates: ED25519, ED448"},
    {.long_name = "cn",
     .type = CLI_TEXT,
     .offset = offsetof(struct arguments, cert.common_name),
     .metavariable = "FQDN",
     .help = "Set new Common Name for TLS online certificate"},
};

static const struct cli_option start_options[] = {
    {.short_name = 'm',
     .long_name = "maintenance",
     .type = CLI_FLAG,
     .offset = START(maintenance),
     .help = "Do not start the server, only perform start and stop tasks"},
    {.long_name = "compact-log",
     .type = CLI_FLAG,
     .offset = START(compact_log),
     .help = "Accepted; this router's store needs no compacting"},
    {.long_name = "log-level",
     .type = CLI_CHOICE,
     .offset = START(log_level),
     .metavariable = "LOG_LEVEL",
     .choices = smp_settings_log_levels,
     .help = "Logging level: trace, debug, info, note, warn, error (default: that of the INI file)"},
    {.long_name = "skip-warnings",
     .type = CLI_FLAG,
     .offset = START(skip_warnings),
     .help = "Start the server with non-critical start warnings"},
    {.long_name = "confirm-migrations",
     .type = CLI_CHOICE,
     .offset = START(confirm_migrations),
     .metavariable = "CONFIRM_MIGRATIONS",
     .choices = migrations,
     .help = "Accepted; this router has no database migrations"},
    {.short_name = 'y',
     .long_name = "yes",
     .type = CLI_FLAG,
     .offset = START(yes),
     .help = "Import the reference server's files, when there is no store yet, without asking"},
};

static bool set_up(void) {
    if (base_setup() == SMQ_OK)
        return true;
    (void)fprintf(stderr, "Error: libsodium or RCU cannot be set up\n");
    return false;
}

static int run_init(void *target, int count, char **words) {
    struct arguments *arguments = target;
    (void)count;
    (void)words;
    if (!set_up())
        return 1;
    if (file_exists(arguments->files.ini)) {
        (void)fprintf(stderr, "Error: server is already initialized (%s exists).\nRun `smp-server start`.\n",
                      arguments->files.ini);
        return 1;
    }
    return smp_init(&arguments->files, &arguments->init, VERSION_LINE);
}

static int run_start(void *target, int count, char **words) {
    struct arguments *arguments = target;
    (void)count;
    (void)words;
    if (smp_import_at_start(&arguments->files, arguments->start.yes) != 0)
        return 1;
    return smp_start(&arguments->files, &arguments->start, VERSION_LINE);
}

/* Key algorithm and common name of the certificate in use, for those that the command line leaves as they are. */
static bool read_certificate(const char *path, enum key_algorithm *algorithm, char name[COMMON_NAME_SIZE]) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        (void)fprintf(stderr, "Error: %s: %s\n", path, strerror(errno));
        return false;
    }
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    (void)fclose(file);
    if (certificate == NULL) {
        (void)fprintf(stderr, "No certificate found at %s\n", path);
        return false;
    }
    int key_type = EVP_PKEY_get_base_id(X509_get0_pubkey(certificate));
    int length = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, COMMON_NAME_SIZE);
    X509_free(certificate);
    *algorithm = key_type == EVP_PKEY_ED448 ? KEY_ED448 : KEY_ED25519;
    if (length > 0)
        return true;
    (void)fprintf(stderr, "Certificate subject has no CN element\n");
    return false;
}

static int run_cert(void *target, int count, char **words) {
    const struct arguments *arguments = target;
    const struct smp_files *files = &arguments->files;
    const struct cert_options *options = &arguments->cert;
    char name[COMMON_NAME_SIZE];
    enum key_algorithm algorithm = KEY_ED25519;
    (void)count;
    (void)words;
    if (!file_exists(files->ini)) {
        (void)fprintf(stderr, "Error: server is not initialized (%s does not exist).\nRun `smp-server init`.\n",
                      files->ini);
        return 1;
    }
    if (!set_up())
        return 1;
    if ((options->algorithm < 0 || options->common_name == NULL) &&
        !read_certificate(files->server_certificate, &algorithm, name))
        return 1;
    if (options->algorithm >= 0)
        algorithm = options->algorithm == 0 ? KEY_ED25519 : KEY_ED448;
    enum smq_result result = credentials_renew_files(
        files->configuration, options->common_name != NULL ? options->common_name : name, algorithm);
    if (result != SMQ_OK) {
        (void)fprintf(stderr, "Error: cannot make a certificate with %s: %s\n", files->ca_key,
                      result == SMQ_ERR_SYSTEM ? strerror(errno) : smq_result_text(result));
        return 1;
    }
    printf("Generated new server credentials\n");
    smp_print_ca_key_warning(files);
    return 0;
}

#define STORE(field) offsetof(struct arguments, store.field)

static const struct cli_option store_options[] = {
    {.long_name = "json", .type = CLI_FLAG, .offset = STORE(json), .help = "Print the figures of stats as JSON"},
    {.short_name = 'y',
     .long_name = "yes",
     .type = CLI_FLAG,
     .offset = STORE(import.yes),
     .help = "Import without asking"},
    {.long_name = "from",
     .type = CLI_TEXT,
     .offset = STORE(import.from),
     .metavariable = "FOLDER",
     .help = "Import the reference server's files from there (default: the folder of the data)"},
    {.long_name = "postgres",
     .type = CLI_TEXT,
     .offset = STORE(import.postgres),
     .metavariable = "URI",
     .help = "Import queues and messages from the reference server's PostgreSQL database"},
    {.long_name = "schema",
     .type = CLI_TEXT,
     .offset = STORE(import.schema),
     .metavariable = "DB_SCHEMA",
     .help = "Its schema (default: smp_server)"},
    {.long_name = "messages",
     .type = CLI_CHOICE,
     .offset = STORE(import.messages),
     .metavariable = "KIND",
     .choices = smp_import_messages,
     .help = "Import messages from the file, or from the journal, when there are both"},
    {.long_name = "out", .type = CLI_TEXT, .offset = STORE(out), .metavariable = "FOLDER", .help = "Export to there"},
};

static int run_store(void *target, int count, char **words) {
    const struct arguments *arguments = target;
    return smp_store(&arguments->files, &arguments->store, count, words);
}

static int run_delete(void *target, int count, char **words) {
    const struct smp_files *files = &((const struct arguments *)target)->files;
    const char *const folders[2] = {files->configuration, files->data};
    char failed[2 * PATH_SIZE];
    bool kept[2] = {false, false};
    (void)count;
    (void)words;
    if (!prompt_confirm("WARNING: deleting the server will make all queues inaccessible, because the server identity "
                        "(certificate fingerprint) will change.\nTHIS CANNOT BE UNDONE!")) {
        printf("Server NOT deleted\n");
        return 1;
    }
    if (smp_files_remove(files, kept, failed, sizeof failed) != SMQ_OK) {
        (void)fprintf(stderr, "Error: cannot remove %s: %s\n", failed, strerror(errno));
        return 1;
    }
    printf("Deleted configuration and log files\n");
    for (size_t index = 0; index < 2; index++)
        if (kept[index])
            printf("%s stays: it holds other files\n", folders[index]);
    return 0;
}

#define OPTIONS(table) .options = table, .option_count = sizeof table / sizeof table[0]

static const struct cli_command commands[] = {
    {.name = "init",
     .summary = "Initialize server - creates configuration and data folders, certificates, smp-server.ini",
     OPTIONS(init_options),
     .run = run_init},
    {.name = "cert", .summary = "Generate new online TLS server credentials", OPTIONS(cert_options), .run = run_cert},
    {.name = "start", .summary = "Start server", OPTIONS(start_options), .run = run_start},
    {.name = "store",
     .summary = "Look after the store: backup FOLDER, check [FOLDER], compact, restore FOLDER, stats [FOLDER], import, "
                "export",
     OPTIONS(store_options),
     .arguments = "backup|check|compact|restore|stats|import|export [FOLDER]",
     .arguments_min = 1,
     .arguments_max = 2,
     .run = run_store},
    {.name = "delete", .summary = "Delete configuration and log files", .run = run_delete},
};

int main(int argc, char **argv) {
    struct arguments arguments = {.init = {.ip = "127.0.0.1"},
                                  .cert = {.algorithm = -1},
                                  .start = {.log_level = -1},
                                  .store = {.import = {.messages = -1}}};
    struct cli_program program = {
        .name = "smp-server",
        .version = VERSION_LINE,
        .summary = "A router of the SimpleX Messaging Protocol.",
        .commands = commands,
        .command_count = sizeof commands / sizeof commands[0],
        .target = &arguments,
        .notes = "Environment:\n"
                 "  SMP_SERVER_CFG_PATH         Folder of the configuration (default: /etc/opt/simplex)\n"
                 "  SMP_SERVER_LOG_PATH         Folder of the data (default: /var/opt/simplex)\n",
    };
    if (descriptors_occupy_standard() != SMQ_OK)
        return 1;
    if (smp_files_locate(&arguments.files) != SMQ_OK) {
        (void)fprintf(stderr, "Error: SMP_SERVER_CFG_PATH or SMP_SERVER_LOG_PATH is too long\n");
        return 1;
    }
    return cli_run(&program, argc, argv);
}
