/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The web pages of an SMP router: information, and landing pages of links. */
#pragma once

#include "bin/common/server_files.h"
#include "bin/smp-server/smp_settings.h"

/* Writes the pages; then the router serves them as `config` says. */
void smp_pages_prepare(const struct server_files *files, const struct smp_settings *settings,
                       const uint8_t fingerprint[FINGERPRINT_SIZE], struct smp_router_config *config);
/* What of `config` is the web's, without writing anything: for a reload. */
void smp_pages_configure(const struct smp_settings *settings, struct smp_router_config *config);
/* Lines of what is served. */
void smp_pages_print(const struct smp_settings *settings, const struct smp_router *router);
