/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rows that only smp-server.ini has, each list of the struct of its name in smp_settings.h. */
#pragma once

#include "bin/common/ini.h"
#include "transport/wire/version.h"

extern const struct ini_rows smp_store_rows, smp_auth_rows, smp_transport_rows, smp_limit_rows, smp_proxy_rows;
extern const char smp_store_comment[];

/* A range within those that this version speaks. */
bool smp_settings_parse_versions(const char *text, struct version_range *range);
/* off, on (port 80), or a list of ports. */
bool smp_settings_parse_websockets(const char *text, uint16_t *ports, size_t *count);
