/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rows that only file-server.ini has, each list of the struct of its name in xftp_settings.h. */
#pragma once

#include "bin/common/ini.h"

extern const struct ini_rows xftp_store_rows, xftp_auth_rows, xftp_transport_rows, xftp_files_rows, xftp_role_rows;
extern const char xftp_store_comment[];

/* Sizes with commas, as in "64kb,1mb". */
bool xftp_settings_parse_sizes(const char *text, uint32_t *sizes, size_t capacity, size_t *count);
