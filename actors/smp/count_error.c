/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which refusals and batches are counted apart. */
#include "actors/smp/metrics.h"
#include "actors/smp/roles.h"

struct error_row {
    enum smp_command_tag tag;
    enum smp_error_code code;
    enum smp_counter counter;
};

static const struct error_row rows[] = {
    {SMP_SEND, SMP_ERROR_AUTH, COUNT_MSG_SENT_AUTH},
    {SMP_SEND, SMP_ERROR_QUOTA, COUNT_MSG_SENT_QUOTA},
    {SMP_SEND, SMP_ERROR_LARGE_MESSAGE, COUNT_MSG_SENT_LARGE},
    {SMP_SEND, SMP_ERROR_BLOCKED, COUNT_MSG_SENT_BLOCK},
    {SMP_SUB, SMP_ERROR_AUTH, COUNT_Q_SUB_AUTH},
    {SMP_SUB, SMP_ERROR_COMMAND, COUNT_Q_SUB_PROHIBITED},
    {SMP_GET, SMP_ERROR_AUTH, COUNT_MSG_GET_AUTH},
    {SMP_GET, SMP_ERROR_COMMAND, COUNT_MSG_GET_PROHIBITED},
    {SMP_NSUB, SMP_ERROR_AUTH, COUNT_NTF_SUB_AUTH},
};

void smp_count_error(struct smp_router *router, enum smp_command_tag tag, const struct smp_error *error) {
    if (error->code == SMP_ERROR_AUTH)
        counters_add(router->counters, COUNT_AUTH_FAILURES, 1);
    if (error->code == SMP_ERROR_STORE)
        counters_add(router->counters, COUNT_STORE_FAILURES, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].tag == tag && rows[i].code == error->code &&
            (error->code != SMP_ERROR_COMMAND || error->command == COMMAND_PROHIBITED))
            counters_add(router->counters, rows[i].counter, 1);
}

void smp_count_batch(struct smp_router *router, enum smp_command_tag tag) {
    switch (tag) {
    case SMP_SUB:
        counters_add(router->counters, COUNT_Q_SUB_ALL_B, 1);
        break;
    case SMP_DEL:
        counters_add(router->counters, COUNT_Q_DELETED_ALL_B, 1);
        break;
    case SMP_NDEL:
        counters_add(router->counters, COUNT_NTF_DELETED_B, 1);
        break;
    case SMP_NSUB:
        counters_add(router->counters, COUNT_NTF_SUB_B, 1);
        break;
    default:
        break;
    }
}
