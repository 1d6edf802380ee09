/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Initialisation of a router, in the order and in the words of the reference (Main.hs, initializeServer), which scripts
 * read. */
#include "bin/smp-server/smp_init.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bin/common/prompt.h"
#include "bin/smp-server/smp_settings.h"
#include "queues/base/random.h"
#include "queues/base/secret.h"
#include "transport/tls/credentials.h"
#include "transport/wire/text.h"

enum { ANSWER_SIZE = 512, PASSWORD_BYTES = 32, CONTROL_PASSWORD_BYTES = 18, SECRET_TEXT_SIZE = 64 };

const char *const smp_init_algorithms[] = {"ED25519", "ED448", NULL};

/* Answers given at the terminal; the options then point into them. */
struct answers {
    char host[ANSWER_SIZE], source_code[ANSWER_SIZE], pages[ANSWER_SIZE], password[ANSWER_SIZE];
};

/* Secrets made here. */
struct made_secrets {
    char password[SECRET_TEXT_SIZE];
    char control_port[2][SECRET_TEXT_SIZE];
};

static void random_text(char *text, size_t byte_count) {
    uint8_t bytes[PASSWORD_BYTES];
    random_bytes(bytes, byte_count);
    struct writer writer = writer_of(text, SECRET_TEXT_SIZE - 1);
    write_base64(&writer, slice_of(bytes, byte_count), BASE64_URL);
    text[writer_length(&writer)] = '\0';
    secret_wipe(bytes, sizeof bytes);
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
        if (result == SMQ_OK && smp_settings_password_valid(answers->password)) {
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
        if (result == SMQ_OK && (answers->source_code[0] == '\0' || strncmp(answers->source_code, "https://", 8) == 0 ||
                                 strncmp(answers->source_code, "http://", 7) == 0))
            return SMQ_OK;
        printf("Invalid source code. URI should start from http:// or https://\n");
        question[0] = '\0';
    }
}

static enum smq_result ask_text(const char *question, const char *known, char *answer, const char **value) {
    char text[ANSWER_SIZE + PATH_SIZE];
    (void)snprintf(text, sizeof text, "%s (%s): ", question, known);
    enum smq_result result = prompt_line(text, answer, ANSWER_SIZE);
    if (result == SMQ_OK && answer[0] != '\0')
        *value = answer;
    return result;
}

static enum smq_result ask(const struct smp_files *files, struct smp_init_options *options, struct answers *answers) {
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
                          options->fqdn != NULL ? options->fqdn : options->ip, answers->host, &options->fqdn);
    if (result == SMQ_OK)
        result = ask_source_code(options, answers);
    if (result == SMQ_OK)
        result =
            ask_text("Enter path to store generated server pages to show connection links",
                     options->web_path != NULL ? options->web_path : files->pages, answers->pages, &options->web_path);
    return result;
}

static void make_secrets(const struct smp_init_options *options, struct made_secrets *secrets,
                         struct smp_ini_values *values) {
    if (!options->no_password && options->password == NULL) {
        random_text(secrets->password, PASSWORD_BYTES);
        values->password = secrets->password;
    } else if (!options->no_password) {
        values->password = options->password;
    }
    for (size_t index = 0; index < 2 && options->control_port != NULL; index++) {
        random_text(secrets->control_port[index], CONTROL_PASSWORD_BYTES);
        values->control_port_passwords[index] = secrets->control_port[index];
    }
}

static int fail(const char *what, const char *path, const char *reason) {
    (void)fprintf(stderr, "Error: %s %s: %s\n", what, path, reason);
    return 1;
}

/* Certificates and smp-server.ini, in folders that have none of a router's files. */
static int make_files(const struct smp_files *files, const struct smp_init_options *options,
                      const struct smp_ini_values *values, uint8_t fingerprint[FINGERPRINT_SIZE]) {
    if (folder_create(files->configuration) != SMQ_OK)
        return fail("cannot create", files->configuration, strerror(errno));
    if (folder_create(files->data) != SMQ_OK)
        return fail("cannot create", files->data, strerror(errno));
    enum key_algorithm algorithm = options->algorithm == 0 ? KEY_ED25519 : KEY_ED448;
    const char *common_name = options->fqdn != NULL ? options->fqdn : options->ip;
    enum smq_result result = credentials_create_files(files->configuration, common_name, algorithm, fingerprint);
    if (result != SMQ_OK)
        return fail("cannot make certificates in", files->configuration,
                    result == SMQ_ERR_SYSTEM ? strerror(errno) : smq_result_text(result));
    if (smp_ini_write(files, options, values) != SMQ_OK)
        return fail("cannot write", files->ini, strerror(errno));
    return 0;
}

int smp_init(const struct smp_files *files, const struct smp_init_options *given, const char *version) {
    struct smp_init_options options = *given;
    struct answers answers;
    struct made_secrets secrets;
    struct smp_ini_values values = {.host = NULL};
    uint8_t fingerprint[FINGERPRINT_SIZE];
    char found[2 * PATH_SIZE];
    bool kept[2];
    if (smp_files_any(files, found, sizeof found)) {
        (void)fprintf(stderr, "Error: %s is in the way of a new server; move it, or run `smp-server delete`.\n", found);
        return 1;
    }
    if (!options.scripted)
        printf("Use `smp-server init -h` for available options.\n");
    const char *mistake = find_mistake(&options);
    if (mistake != NULL) {
        (void)fprintf(stderr, "%s\n", mistake);
        return 1;
    }
    if (!options.scripted && ask(files, &options, &answers) != SMQ_OK) {
        (void)fprintf(stderr, "\nError: no answer, server NOT initialized\n");
        return 1;
    }
    make_secrets(&options, &secrets, &values);
    values.host = options.fqdn != NULL                   ? options.fqdn
                  : strcmp(options.ip, "127.0.0.1") == 0 ? "<hostnames>"
                                                         : options.ip;
    int status = make_files(files, &options, &values, fingerprint);
    if (status == 0) {
        printf("Server initialized, please provide additional server information in %s.\n", files->ini);
        printf("Run `smp-server start` to start server.\n");
        smp_print_ca_key_warning(files);
        printf("%s\n", version);
        smp_print_address(fingerprint, values.password, values.host, NULL);
        smp_print_source_code(options.source_code);
    } else {
        (void)smp_files_remove(files, kept, found, sizeof found);
    }
    secret_wipe(&secrets, sizeof secrets);
    secret_wipe(&answers, sizeof answers);
    return status;
}

void smp_print_address(const uint8_t fingerprint[32], const char *password, const char *host, const char *port) {
    char text[64];
    struct writer writer = writer_of(text, sizeof text - 1);
    write_base64(&writer, slice_of(fingerprint, FINGERPRINT_SIZE), BASE64_URL);
    text[writer_length(&writer)] = '\0';
    printf("Fingerprint: %s\n", text);
    printf("Server address: smp://%s%s%s@%s%s%s\n", text, password != NULL ? ":" : "", password != NULL ? password : "",
           host, port != NULL ? ":" : "", port != NULL ? port : "");
}

void smp_print_source_code(const char *source_code) {
    if (source_code != NULL) {
        printf("Server source code: %s\n", source_code);
        return;
    }
    printf("Warning: server source code is not specified.\n");
    printf("Add 'source_code' property to [INFORMATION] section of INI file.\n");
}

void smp_print_ca_key_warning(const struct smp_files *files) {
    printf("----------\n"
           "You should store CA private key securely and delete it from the server.\n"
           "If server TLS credential is compromised this key can be used to sign a new one, keeping the same server "
           "identity and established connections.\n"
           "CA private key location:\n%s\n----------\n",
           files->ca_key);
}
