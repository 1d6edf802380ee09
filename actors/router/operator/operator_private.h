/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Inside of the operator's side of a router. */
#pragma once

#include <stdatomic.h>

#include "actors/router/operator/operator.h"
#include "queues/wheel.h"

struct operator{
    struct operator_table table;
    const char *version;
    char *statistics_path, *daily_path, *metrics_path; /* NULL: not written */
    uint32_t metrics_interval_s;
    _Atomic int32_t block_quota;
    struct statistics *statistics;
    _Atomic uint64_t file_failures; /* of statistics, daily lines and metrics */
    struct statistics_role *role;
    struct actor *statistics_actor; /* NULL: not started */
    struct control *control;        /* NULL: off */
};

/* statistics_role.c: writes files when their time has come. */
enum smq_result statistics_role_create(struct operator* operator, struct statistics_role ** role);
struct actor *statistics_role_actor(struct statistics_role *role);
void statistics_role_destroy(struct statistics_role **role);
