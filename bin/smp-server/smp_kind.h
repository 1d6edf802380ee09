/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server by its names. */
#pragma once

#include "bin/common/server_files.h"

extern const struct server_kind smp_server_kind;
