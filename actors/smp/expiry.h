/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What expires in an SMP router: messages and notifications. */
#pragma once

#include "actors/router/expirer.h"

enum { SMP_EXPIRY_COUNT = 2 };
extern const struct expiry smp_expiries[SMP_EXPIRY_COUNT];
