/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The expirer: has the store writer drop messages and notifications that are too old, in small steps, at intervals;
 * and warns of the router's own certificate before it ends. */
#pragma once

#include "actors/smp/roles.h"

/* Creates and starts the expirer under the router's supervisor. SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. */
enum smq_result expirer_create(struct smp_router *router, struct expirer **expirer);
/* The intervals or the ages of the router's live settings have changed: rounds that wait begin at once. Any attached
 * thread. */
void expirer_settings_changed(struct expirer *expirer);
/* After its thread and the writer's have ended. */
void expirer_destroy(struct expirer **expirer);
