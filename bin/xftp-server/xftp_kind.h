/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What xftp-server is to its operator. */
#pragma once

#include "bin/common/server_files.h"

extern const struct server_kind xftp_server_kind;
