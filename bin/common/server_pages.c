/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bin/common/server_pages.h"

#include <stdio.h>
#include <string.h>

#include "queues/base/log.h"
#include "queues/base/memory.h"

enum { ROWS_MAX = 48 };

struct rows {
    struct web_row rows[ROWS_MAX];
    size_t count;
};

static void add(struct rows *rows, const char *heading, const char *name, const char *value, enum web_row_kind kind) {
    if (value != NULL && rows->count < ROWS_MAX)
        rows->rows[rows->count++] = (struct web_row){heading, name, value, kind};
}

static void add_contact(struct rows *rows, const char *heading, const struct contact_settings *contact) {
    add(rows, heading, "SimpleX", contact->simplex, WEB_ROW_URL);
    add(rows, heading, "E-mail", contact->email, WEB_ROW_EMAIL);
    add(rows, heading, "PGP key", contact->pgp, WEB_ROW_URL);
    add(rows, heading, "PGP fingerprint", contact->pgp_fingerprint, WEB_ROW_CODE);
}

static void add_information(struct rows *rows, const struct information_settings *information) {
    add(rows, "Conditions of use", "Conditions", information->usage_conditions, WEB_ROW_URL);
    add(rows, "Conditions of use", "Amendments", information->condition_amendments, WEB_ROW_URL);
    add(rows, "Operator", "Name", information->operator_name, WEB_ROW_TEXT);
    add(rows, "Operator", "Country", information->operator_country, WEB_ROW_TEXT);
    add(rows, "Operator", "Website", information->website, WEB_ROW_URL);
    add_contact(rows, "Administrator", &information->admin);
    add_contact(rows, "Complaints and feedback", &information->complaints);
    add(rows, "Location", "Country of the server", information->server_country, WEB_ROW_TEXT);
    add(rows, "Location", "Hosting provider", information->hosting, WEB_ROW_TEXT);
    add(rows, "Location", "Country of the provider", information->hosting_country, WEB_ROW_TEXT);
    add(rows, "Location", "Kind of hosting", information->hosting_type, WEB_ROW_TEXT);
}

/* The first host, for the title; false: there is none. */
static bool first_host(const char *hosts, char *host, size_t size) {
    size_t length = hosts == NULL ? 0 : strcspn(hosts, ", ");
    if (length == 0 || length >= size || hosts[0] == '<')
        return false;
    memcpy(host, hosts, length);
    host[length] = '\0';
    return true;
}

bool server_pages_write(const struct server_pages *pages, const char *version) {
    char address[ADDRESS_TEXT_MAX + 1], host[256], error[1024] = "";
    struct rows *rows = memory_zalloc(sizeof *rows);
    struct server_identity identity = *pages->identity;
    if (rows == NULL)
        return false;
    identity.password = NULL;
    server_address_text(&identity, address);
    for (size_t i = 0; i < pages->row_count; i++)
        add(rows, pages->rows[i].heading, pages->rows[i].name, pages->rows[i].value, pages->rows[i].kind);
    add_information(rows, pages->information);
    bool has_host = first_host(identity.hosts, host, sizeof host);
    const struct web_site site = {
        .title = has_host ? host : pages->name,
        .subtitle = has_host ? pages->name : "Server information",
        .address = has_host ? address : NULL,
        .version = version,
        .source_code = pages->information->source_code,
        .rows = rows->rows,
        .row_count = rows->count,
        .links = pages->links,
    };
    bool is_written = web_site_write(&site, pages->folder, error, sizeof error) == SMQ_OK;
    if (!is_written)
        log_error("the web pages cannot be written, and there are none: %s", error);
    memory_free(rows);
    return is_written;
}
