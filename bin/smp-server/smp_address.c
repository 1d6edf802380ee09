/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The address of a router. */
#include "bin/smp-server/smp_address.h"

#include <stdio.h>
#include <string.h>

#include "queues/base/secret.h"

bool smp_listens_on(const struct smp_settings *settings, uint16_t port) {
    for (size_t index = 0; index < settings->port_count; index++)
        if (settings->ports[index] == port)
            return true;
    return false;
}

struct server_identity smp_identity(const struct smp_settings *settings, const uint8_t fingerprint[FINGERPRINT_SIZE]) {
    struct server_identity identity = {.scheme = ADDRESS_SMP,
                                       .password = settings->auth.create_password,
                                       .hosts = settings->transport.host,
                                       .port = smp_listens_on(settings, SMP_DEFAULT_PORT) ? 0 : settings->ports[0]};
    memcpy(identity.fingerprint, fingerprint, FINGERPRINT_SIZE);
    return identity;
}

static void print_mistake(void *context, const char *line) {
    (void)context;
    (void)fprintf(stderr, "Error: %s\n", line);
}

int smp_address(const struct server_files *files) {
    struct smp_settings settings;
    struct ini_report report = {.mistake = print_mistake};
    uint8_t fingerprint[FINGERPRINT_SIZE];
    char text[ADDRESS_TEXT_MAX + 1];
    if (!server_files_initialized(files) || !server_read_fingerprint(files, fingerprint) ||
        smp_settings_load(files->ini, &settings, &report) != SMQ_OK)
        return 1;
    struct server_identity identity = smp_identity(&settings, fingerprint);
    server_address_text(&identity, text);
    printf("%s\n", text);
    secret_wipe(text, sizeof text);
    smp_settings_destroy(&settings);
    return 0;
}
