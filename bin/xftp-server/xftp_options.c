/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tables of options, in the words of the reference. */
#include "bin/xftp-server/xftp_options.h"

#include "bin/common/server_init.h"
#include "bin/common/settings_checks.h"
#include "bin/common/settings_transport.h"

#define INIT(field) offsetof(struct xftp_arguments, init.field)

static const char *const migrations[] = {"up", "down", NULL};

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
    {.short_name = 'a',
     .long_name = "sign-algorithm",
     .type = CLI_CHOICE,
     .offset = INIT(algorithm),
     .metavariable = "ALG",
     .choices = server_algorithms,
     .help = "Signature algorithm used for TLS certificates: ED25519, ED448 (default: ED448)"},
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
    {.short_name = 'p',
     .long_name = "path",
     .type = CLI_TEXT,
     .offset = INIT(path),
     .metavariable = "PATH",
     .help = "Path to the directory to store files"},
    {.short_name = 'q',
     .long_name = "quota",
     .type = CLI_TEXT,
     .offset = INIT(quota),
     .metavariable = "QUOTA",
     .help = "File storage quota (e.g. 100gb)"},
    {.long_name = "web-path",
     .type = CLI_TEXT,
     .offset = INIT(web_path),
     .metavariable = "PATH",
     .help = "Directory to store generated static site with server information"},
};

static const struct cli_option cert_options[] = {
    {.short_name = 'a',
     .long_name = "sign-algorithm",
     .type = CLI_CHOICE,
     .offset = offsetof(struct xftp_arguments, cert.algorithm),
     .metavariable = "ALG",
     .choices = server_algorithms,
     .help = "Set new signature algorithm used for TLS certificates: ED25519, ED448"},
    {.long_name = "cn",
     .type = CLI_TEXT,
     .offset = offsetof(struct xftp_arguments, cert.common_name),
     .metavariable = "FQDN",
     .check = settings_host_valid,
     .accepted = SETTINGS_HOST,
     .help = "Set new Common Name for TLS online certificate"},
};

static const struct cli_option start_options[] = {
    {.long_name = "log-level",
     .type = CLI_CHOICE,
     .offset = offsetof(struct xftp_arguments, start.log_level),
     .metavariable = "LOG_LEVEL",
     .choices = settings_log_levels,
     .help = "Logging level: trace, debug, info, note, warn, error (default: that of the INI file)"},
    {.long_name = "confirm-migrations",
     .type = CLI_CHOICE,
     .offset = offsetof(struct xftp_arguments, start.confirm_migrations),
     .metavariable = "CONFIRM_MIGRATIONS",
     .choices = migrations,
     .help = "Accepted; this router has no database migrations"},
};

static const struct cli_option ctl_options[] = {
    {.long_name = "json",
     .type = CLI_FLAG,
     .offset = offsetof(struct xftp_arguments, ctl.json),
     .help = "Print the answer as JSON"},
    {.long_name = "user",
     .type = CLI_FLAG,
     .offset = offsetof(struct xftp_arguments, ctl.user),
     .help = "Use the password of the user role, not the admin's"},
};

const struct cli_option_list xftp_init_option_list = CLI_OPTIONS(init_options);
const struct cli_option_list xftp_cert_option_list = CLI_OPTIONS(cert_options);
const struct cli_option_list xftp_start_option_list = CLI_OPTIONS(start_options);
const struct cli_option_list xftp_ctl_option_list = CLI_OPTIONS(ctl_options);
