/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Metrics of this program that every router has: build, memory, roles, connections, files. */
#pragma once

#include "actors/router/operator/metrics.h"

/* Rows, whose `write` take the operator as their context. */
extern const struct metric_row common_metrics[];
extern const size_t common_metric_count;
