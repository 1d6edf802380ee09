/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The folder of pages, as it is written at every start: index.html with what the server says of itself, pages of links,
 * media/, well-known/. Other files in the folder are the operator's, and stay. */
#pragma once

#include <stddef.h>

#include "smq/result.h"

enum web_row_kind {
    WEB_ROW_TEXT,
    WEB_ROW_URL,   /* a link, if it begins with https:// or http:// */
    WEB_ROW_EMAIL, /* a link */
    WEB_ROW_CODE,  /* fingerprints and addresses */
};

/* Rows of one heading follow each other; those without a value are left out. Texts may hold anything. */
struct web_row {
    const char *heading, *name, *value;
    enum web_row_kind kind;
};

struct web_site {
    const char *title;       /* "SMP server", or its host */
    const char *subtitle;    /* what kind of server it is */
    const char *address;     /* shown with its QR code; NULL: none */
    const char *version;     /* of the program */
    const char *source_code; /* URL; NULL: not told */
    const struct web_row *rows;
    size_t row_count;
    const char *const *links; /* names of the pages of links, NULL behind; NULL: none */
};

/* Makes what is missing of `folder`, and replaces each file by a whole one. Blocks for the disk. SMQ_ERR_SYSTEM
 * (`error` names the path and says why), SMQ_ERR_NO_MEMORY. */
enum smq_result web_site_write(const struct web_site *site, const char *folder, char *error, size_t error_size);
