/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The web pages of a router: what [INFORMATION] says, and what the router itself adds. */
#pragma once

#include "actors/router/operator/web_site.h"
#include "bin/common/server_print.h"
#include "bin/common/settings_information.h"

struct server_pages {
    const char *name;                       /* of the kind of server: "SMP server" */
    const char *folder;                     /* [WEB] static_path */
    const struct server_identity *identity; /* its password is not shown */
    const struct information_settings *information;
    const struct web_row *rows; /* the router's own, shown first */
    size_t row_count;
    const char *const *links; /* as in struct web_site */
};

/* Writes them. False: one line in the log says why, and there are none. Blocks for the disk. */
bool server_pages_write(const struct server_pages *pages, const char *version);
