/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Initialisation, in the order of the reference (Server/CLI.hs). */
#include "bin/common/server_init.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bin/common/server_print.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "queues/base/secret.h"
#include "transport/tls/credentials.h"
#include "transport/wire/text.h"

enum { GIVEN_MAX = 64, RANDOM_MAX = 45, COMMON_NAME_MAX = 64 };

const char *const server_algorithms[] = {"ED25519", "ED448", NULL};

enum key_algorithm server_algorithm(int index) {
    return index == 0 ? KEY_ED25519 : KEY_ED448;
}

void server_random_text(char text[SERVER_SECRET_SIZE], size_t byte_count) {
    uint8_t bytes[RANDOM_MAX];
    random_bytes(bytes, byte_count);
    struct writer writer = writer_of(text, SERVER_SECRET_SIZE - 1);
    write_base64(&writer, slice_of(bytes, byte_count), BASE64_URL);
    text[writer_length(&writer)] = '\0';
    secret_wipe(bytes, sizeof bytes);
}

static bool accept_option(const struct ini_row *row, const struct server_option *option) {
    char accepted[256];
    bool shown = row->type != INI_SECRET;
    if (ini_accepts(row, option->value))
        return true;
    ini_describe(row, accepted, sizeof accepted);
    (void)fprintf(stderr, "Error: --%s%s%s: expected %s\n", option->option, shown ? " " : "",
                  shown ? option->value : "", accepted);
    return false;
}

bool server_take_options(const struct server_kind *kind, const struct server_option *options, size_t option_count,
                         struct ini_given *given, size_t *given_count) {
    bool accepted = true;
    for (size_t i = 0; i < option_count; i++) {
        const struct server_option *option = &options[i];
        const struct ini_row *row = ini_find(kind->settings, option->section, option->key);
        if (option->value == NULL || row == NULL)
            continue;
        accepted = accept_option(row, option) && accepted;
        given[(*given_count)++] = (struct ini_given){option->section, option->key, option->value};
    }
    return accepted;
}

bool server_init_possible(const struct server_files *files) {
    char found[SERVER_PATH_SIZE];
    if (!server_files_any(files, found, sizeof found))
        return true;
    if (strcmp(found, files->ini) == 0)
        (void)fprintf(stderr, "Error: server is already initialized (%s exists). Run `%s start`.\n", files->ini,
                      files->kind->program);
    else
        (void)fprintf(stderr, "Error: %s is in the way of a new server; move it, or run `%s delete`.\n", found,
                      files->kind->program);
    return false;
}

static int make_folder(const char *path, bool *existed) {
    *existed = file_exists(path);
    if (!*existed && errno != ENOENT)
        return server_fail("cannot create", path, strerror(errno));
    return folder_create(path) == SMQ_OK ? 0 : server_fail("cannot create", path, strerror(errno));
}

static int make_certificates(const struct server_files *files, const struct server_new *new,
                             uint8_t fingerprint[FINGERPRINT_SIZE]) {
    char name[COMMON_NAME_MAX + 1];
    const char *host = new->address != NULL ? new->address : new->hosts;
    size_t length = strcspn(host, ", ");
    if (length > COMMON_NAME_MAX)
        return server_fail("cannot make a certificate for", host, "the name is longer than 64 bytes");
    memcpy(name, host, length);
    name[length] = '\0';
    enum smq_result result = credentials_create_files(files->configuration, name, new->algorithm, fingerprint);
    if (result == SMQ_OK)
        return 0;
    return server_fail("cannot make certificates in", files->configuration,
                       result == SMQ_ERR_SYSTEM ? strerror(errno) : smq_result_text(result));
}

static int make_settings(const struct server_files *files, const struct server_new *new) {
    struct ini_given given[GIVEN_MAX + 1];
    struct ini_report report = {.warn = NULL};
    struct ini *ini = NULL;
    void *settings = memory_zalloc(files->kind->settings_size);
    size_t count = new->given_count < GIVEN_MAX ? new->given_count : GIVEN_MAX;
    memcpy(given, new->given, count * sizeof given[0]);
    given[count++] = (struct ini_given){"TRANSPORT", "host", new->hosts};
    enum smq_result result = settings == NULL
                                 ? SMQ_ERR_NO_MEMORY
                                 : ini_create(files->ini, files->kind->settings, given, count, settings, &report, &ini);
    if (settings == NULL)
        (void)server_fail("cannot write", files->ini, smq_result_text(result));
    else if (result != SMQ_OK)
        (void)fprintf(stderr, "Error: %s\n", report.error);
    ini_destroy(&ini);
    memory_free(settings);
    return result == SMQ_OK ? 0 : 1;
}

int server_init(const struct server_files *files, const struct server_new *new) {
    struct server_identity identity = {.scheme = files->kind->scheme, .password = new->password, .hosts = new->hosts};
    char failed[SERVER_PATH_SIZE];
    bool existed[2] = {true, true};
    int status = make_folder(files->configuration, &existed[0]);
    if (status == 0)
        status = make_folder(files->data, &existed[1]);
    if (status == 0)
        status = make_certificates(files, new, identity.fingerprint);
    if (status == 0)
        status = make_settings(files, new);
    if (status != 0) {
        (void)server_files_remove(files, existed, failed, sizeof failed);
        return status;
    }
    server_files_give(files);
    printf("%s %s.\n", files->kind->initialized, files->ini);
    printf("Run `%s start` to start server.\n", files->kind->program);
    server_print_ca_key_warning(files);
    printf("%s\n", files->kind->version);
    server_print_identity(&identity);
    return 0;
}
