/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tables of options, in the words of the reference (Main.hs, CLI.hs). */
#include "bin/smp-server/smp_options.h"

#include "bin/common/server_init.h"
#include "bin/common/settings_checks.h"
#include "bin/common/settings_transport.h"

#define INIT(field)  offsetof(struct smp_arguments, init.field)
#define START(field) offsetof(struct smp_arguments, start.field)

static const char *const migrations[] = {"console", "up", "down", NULL};

#define TEXT_OPTION(name_, field_, metavariable_, help_)                                                               \
    { .long_name = name_, .type = CLI_TEXT, .offset = INIT(field_), .metavariable = metavariable_, .help = help_ }
#define COUNTRY_OPTION(name_, field_, metavariable_, help_)                                                            \
    {                                                                                                                  \
        .long_name = name_, .type = CLI_TEXT, .offset = INIT(field_), .metavariable = metavariable_, .help = help_,    \
        .check = settings_country_valid, .accepted = SETTINGS_COUNTRY                                                  \
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
     .choices = server_algorithms,
     .help = "Signature algorithm used for TLS certificates: ED25519, ED448 (default: ED25519)"},
    {.long_name = "ip",
     .type = CLI_TEXT,
     .offset = INIT(ip),
     .metavariable = "IP",
     .check = settings_ip_valid,
     .accepted = SETTINGS_IP,
     .help = "Server IP address, used as Common Name for TLS online certificate if FQDN is not supplied (default: "
             "127.0.0.1)"},
    {.short_name = 'n',
     .long_name = "fqdn",
     .type = CLI_TEXT,
     .offset = INIT(fqdn),
     .metavariable = "FQDN",
     .check = settings_known_hosts_valid,
     .accepted = SETTINGS_HOSTS,
     .help = "Server FQDN used as Common Name for TLS online certificate"},
    {.long_name = "no-password",
     .type = CLI_FLAG,
     .offset = INIT(no_password),
     .help = "Allow creating new queues without password"},
    {.long_name = "password",
     .type = CLI_TEXT,
     .offset = INIT(password),
     .metavariable = "PASSWORD",
     .check = settings_password_valid,
     .accepted = SETTINGS_PASSWORD,
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
     .implied = "127.0.0.1:9050",
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
     .check = settings_hosting_type_valid,
     .accepted = SETTINGS_HOSTING_TYPE,
     .help = "Hosting type: virtual, dedicated, colocation, owned"},
    COUNTRY_OPTION("server-country", server_country, "SERVER_COUNTRY", "Server datacenter country"),
    TEXT_OPTION("operator-website", website, "WEBSITE", "Operator public website"),
    TEXT_OPTION("web-path", web_path, "PATH", "Directory to store generated static site with server information"),
    {.long_name = "disable-web",
     .type = CLI_FLAG,
     .offset = INIT(disable_web),
     .help = "Disable starting static web server with server information"},
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
     .offset = offsetof(struct smp_arguments, cert.algorithm),
     .metavariable = "ALG",
     .choices = server_algorithms,
     .help = "Set new signature algorithm used for TLS certificates: ED25519, ED448"},
    {.long_name = "cn",
     .type = CLI_TEXT,
     .offset = offsetof(struct smp_arguments, cert.common_name),
     .metavariable = "FQDN",
     .check = settings_host_valid,
     .accepted = SETTINGS_HOST,
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
     .choices = settings_log_levels,
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

#define STORE(field) offsetof(struct smp_arguments, store.field)

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

#define DATABASE_OPTION(short_, name_, field_, metavariable_, help_)                                                   \
    {                                                                                                                  \
        .short_name = short_, .long_name = name_, .type = CLI_TEXT,                                                    \
        .offset = offsetof(struct smp_arguments, reference.field_), .metavariable = metavariable_, .help = help_       \
    }

static const struct cli_option database_options[] = {
    DATABASE_OPTION(0, "table", table, "TABLE", "Database tables: queues/messages"),
    DATABASE_OPTION('d', "database", database, "DB_CONN", "Database connection string"),
    DATABASE_OPTION(0, "schema", schema, "DB_SCHEMA", "Database schema"),
    DATABASE_OPTION(0, "pool-size", pool_size, "POOL_SIZE", "Database pool size"),
};

static const struct cli_option ctl_options[] = {
    {.long_name = "json",
     .type = CLI_FLAG,
     .offset = offsetof(struct smp_arguments, ctl.json),
     .help = "Print the answer as JSON"},
    {.long_name = "user",
     .type = CLI_FLAG,
     .offset = offsetof(struct smp_arguments, ctl.user),
     .help = "Use the password of the user role, not the admin's"},
};

const struct cli_option_list smp_init_option_list = CLI_OPTIONS(init_options);
const struct cli_option_list smp_cert_option_list = CLI_OPTIONS(cert_options);
const struct cli_option_list smp_start_option_list = CLI_OPTIONS(start_options);
const struct cli_option_list smp_store_option_list = CLI_OPTIONS(store_options);
const struct cli_option_list smp_ctl_option_list = CLI_OPTIONS(ctl_options);
const struct cli_option_list smp_database_option_list = CLI_OPTIONS(database_options);
