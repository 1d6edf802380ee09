/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Initialisation of an SMP router, in the order and in the words of the reference (Main.hs, initializeServer), which
 * scripts read. */
#include "bin/smp-server/smp_init.h"

#include <stdio.h>
#include <string.h>

#include "bin/common/prompt.h"
#include "bin/common/server_init.h"
#include "bin/common/server_print.h"
#include "bin/common/settings_checks.h"
#include "queues/base/secret.h"

enum { ANSWER_SIZE = 512, PASSWORD_BYTES = 32, CONTROL_PASSWORD_BYTES = 18, GIVEN_MAX = 40 };

/* Answers given at the terminal; the options then point into them. */
struct answers {
    char host[ANSWER_SIZE], source_code[ANSWER_SIZE], pages[ANSWER_SIZE], password[ANSWER_SIZE];
};

/* Secrets made here. */
struct made_secrets {
    char password[SERVER_SECRET_SIZE];
    char admin[SERVER_SECRET_SIZE], user[SERVER_SECRET_SIZE]; /* of the control port */
};

struct web_paths {
    char certificate[SERVER_PATH_SIZE], key[SERVER_PATH_SIZE];
};

/* What goes into the file. */
struct contents {
    struct ini_given given[GIVEN_MAX];
    size_t count;
};

static void give(struct contents *contents, const char *section, const char *key, const char *value) {
    contents->given[contents->count++] = (struct ini_given){section, key, value};
}

static bool has_server_information(const struct smp_init_options *options) {
    return options->server_operator != NULL || options->hosting != NULL || options->hosting_type != NULL ||
           options->server_country != NULL || options->website != NULL;
}

static const char *find_mistake(const struct smp_init_options *options) {
    if (options->source_code == NULL && has_server_information(options))
        return "Error: passing any server information requires passing --source-code";
    if (options->server_operator == NULL && options->operator_country != NULL)
        return "Error: passing --operator-country requires passing --operator";
    if (options->hosting == NULL && options->hosting_country != NULL)
        return "Error: passing --hosting-country requires passing --hosting";
    if (options->no_password && options->password != NULL)
        return "Error: --no-password and --password exclude each other";
    return NULL;
}

static enum smq_result ask_password(struct smp_init_options *options, struct answers *answers) {
    printf("Require a password to create new messaging queues?\n");
    const char *question =
        "'r' for random (default), 'n' - no password (recommended for public servers), or enter password: ";
    for (;;) {
        enum smq_result result = prompt_line(question, answers->password, sizeof answers->password);
        if (result == SMQ_ERR_CLOSED)
            return result;
        options->no_password = strcmp(answers->password, "n") == 0;
        options->password = NULL;
        if (result == SMQ_OK &&
            (options->no_password || answers->password[0] == '\0' || strcmp(answers->password, "r") == 0))
            return SMQ_OK;
        if (result == SMQ_OK && settings_password_valid(answers->password)) {
            options->password = answers->password;
            return SMQ_OK;
        }
        printf("Invalid password. Only latin letters, digits and symbols other than '@' and ':' are allowed\n");
        question = "";
    }
}

static enum smq_result ask_source_code(struct smp_init_options *options, struct answers *answers) {
    char question[ANSWER_SIZE];
    const char *known = options->source_code != NULL ? options->source_code : SMQ_SOURCE_URI;
    (void)snprintf(question, sizeof question, "Enter server source code URI (%s): ", known);
    for (;;) {
        enum smq_result result = prompt_line(question, answers->source_code, sizeof answers->source_code);
        if (result == SMQ_ERR_CLOSED)
            return result;
        options->source_code = answers->source_code[0] == '\0' ? known : answers->source_code;
        if (result == SMQ_OK && (answers->source_code[0] == '\0' || settings_uri_valid(answers->source_code)))
            return SMQ_OK;
        printf("Invalid source code. URI should start from http:// or https://\n");
        question[0] = '\0';
    }
}

static bool path_valid(const char *text) {
    return text[0] == '/';
}

static enum smq_result ask_text(const char *question, const char *known, bool (*valid)(const char *),
                                const char *accepted, char *answer, const char **value) {
    char text[ANSWER_SIZE + SERVER_PATH_SIZE];
    (void)snprintf(text, sizeof text, "%s (%s): ", question, known);
    for (;;) {
        enum smq_result result = prompt_line(text, answer, ANSWER_SIZE);
        if (result != SMQ_OK && result != SMQ_ERR_TOO_LARGE)
            return result;
        if (result == SMQ_OK && (answer[0] == '\0' || valid(answer))) {
            if (answer[0] != '\0')
                *value = answer;
            return SMQ_OK;
        }
        printf("Invalid answer: expected %s\n", accepted);
    }
}

static enum smq_result ask(const struct server_files *files, struct smp_init_options *options,
                           struct answers *answers) {
    char enter[ANSWER_SIZE];
    bool store_log = true;
    enum smq_result result = prompt_line("SMP server will be initialized (press Enter)", enter, sizeof enter);
    if (result == SMQ_OK)
        result = prompt_switch("Enable store log to restore queues and messages on server restart", &store_log);
    options->disable_store_log = !store_log;
    options->daily_stats = false;
    if (result == SMQ_OK)
        result = prompt_switch("Enable logging daily statistics", &options->daily_stats);
    if (result == SMQ_OK)
        result = ask_password(options, answers);
    if (result == SMQ_OK)
        result = ask_text("Enter server FQDN or IP address for certificate",
                          options->fqdn != NULL ? options->fqdn : options->ip, settings_known_hosts_valid,
                          SETTINGS_HOSTS, answers->host, &options->fqdn);
    if (result == SMQ_OK)
        result = ask_source_code(options, answers);
    if (result == SMQ_OK)
        result = ask_text("Enter path to store generated server pages to show connection links",
                          options->web_path != NULL ? options->web_path : files->pages, path_valid, "an absolute path",
                          answers->pages, &options->web_path);
    return result;
}

/* Options whose values stand in the file as they were given. */
static bool take_options(const struct server_kind *kind, const struct smp_init_options *options,
                         struct contents *contents) {
    const struct server_option named[] = {
        {"source-code", "INFORMATION", "source_code", options->source_code},
        {"server-country", "INFORMATION", "server_country", options->server_country},
        {"operator", "INFORMATION", "operator", options->server_operator},
        {"operator-country", "INFORMATION", "operator_country", options->operator_country},
        {"operator-website", "INFORMATION", "website", options->website},
        {"hosting", "INFORMATION", "hosting", options->hosting},
        {"hosting-country", "INFORMATION", "hosting_country", options->hosting_country},
        {"hosting-type", "INFORMATION", "hosting_type", options->hosting_type},
        {"database", "STORE_LOG", "db_connection", options->database},
        {"schema", "STORE_LOG", "db_schema", options->schema},
        {"pool-size", "STORE_LOG", "db_pool_size", options->pool_size},
        {"password", "AUTH", "create_password", options->password},
        {"control-port", "TRANSPORT", "control_port", options->control_port},
        {"own-domains", "PROXY", "own_server_domains", options->own_domains},
        {"socks-proxy", "PROXY", "socks_proxy", options->socks_proxy},
        {"web-path", "WEB", "static_path", options->web_path},
    };
    return server_take_options(kind, named, sizeof named / sizeof named[0], contents->given, &contents->count);
}

/* What the reference's file has live, in its values. */
static void take_rest(const struct server_files *files, const struct smp_init_options *options,
                      struct made_secrets *secrets, struct web_paths *web, struct contents *contents) {
    if (options->disable_store_log) {
        give(contents, "STORE_LOG", "enable", "off");
        give(contents, "STORE_LOG", "restore_messages", "off");
    }
    if (options->daily_stats)
        give(contents, "STORE_LOG", "log_stats", "on");
    if (!options->no_password && options->password == NULL) {
        server_random_text(secrets->password, PASSWORD_BYTES);
        give(contents, "AUTH", "create_password", secrets->password);
    }
    if (options->control_port != NULL) {
        server_random_text(secrets->admin, CONTROL_PASSWORD_BYTES);
        server_random_text(secrets->user, CONTROL_PASSWORD_BYTES);
        give(contents, "AUTH", "control_port_admin_password", secrets->admin);
        give(contents, "AUTH", "control_port_user_password", secrets->user);
    }
    give(contents, "INACTIVE_CLIENTS", "disconnect", "on");
    if (options->web_path == NULL)
        give(contents, "WEB", "static_path", files->pages);
    if (options->disable_web)
        return;
    (void)snprintf(web->certificate, sizeof web->certificate, "%s/web.crt", files->configuration);
    (void)snprintf(web->key, sizeof web->key, "%s/web.key", files->configuration);
    give(contents, "WEB", "https", "443");
    give(contents, "WEB", "cert", web->certificate);
    give(contents, "WEB", "key", web->key);
}

static bool is_local(const char *ip) {
    return strcmp(ip, "127.0.0.1") == 0;
}

static int make(const struct server_files *files, const struct smp_init_options *options) {
    struct made_secrets secrets = {.password = ""};
    struct web_paths web;
    struct contents contents = {.count = 0};
    bool known = options->fqdn != NULL || !is_local(options->ip);
    if (!take_options(files->kind, options, &contents))
        return 1;
    take_rest(files, options, &secrets, &web, &contents);
    struct server_new new = {
        .hosts = !known                  ? "<hostnames>"
                 : options->fqdn != NULL ? options->fqdn
                                         : options->ip,
        .address = known ? NULL : options->ip,
        .algorithm = server_algorithm(options->algorithm),
        .given = contents.given,
        .given_count = contents.count,
        .password = options->no_password        ? NULL
                    : options->password != NULL ? options->password
                                                : secrets.password,
    };
    int status = server_init(files, &new);
    if (status == 0)
        server_print_source_code(options->source_code);
    secret_wipe(&secrets, sizeof secrets);
    return status;
}

int smp_init(const struct server_files *files, const struct smp_init_options *given) {
    struct smp_init_options options = *given;
    struct answers answers;
    if (!server_init_possible(files))
        return 1;
    const char *mistake = find_mistake(&options);
    if (mistake != NULL) {
        (void)fprintf(stderr, "%s\n", mistake);
        return 1;
    }
    if (!options.scripted) {
        printf("Use `smp-server init -h` for available options.\n");
        if (ask(files, &options, &answers) != SMQ_OK) {
            (void)fprintf(stderr, "\nError: no answer, server NOT initialized\n");
            return 1;
        }
    }
    int status = make(files, &options);
    secret_wipe(&answers, sizeof answers);
    return status;
}
