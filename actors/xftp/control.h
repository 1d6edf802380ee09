/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands of the XFTP router's control port: rows for actors/router/operator. */
#pragma once

#include "actors/router/operator/control.h"

struct xftp_router;

struct control_table xftp_control_table(struct xftp_router *router);
