/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The reference's PostgreSQL database, as sources of the lines that its files would have. (reference:
 * QueueStore/Postgres.hs, MsgStore/Postgres.hs)
 *
 * The only file that knows libpq, which is loaded when a database is opened: routers without one need not have it. One
 * thread; blocks for the database. Reasons of failures are logged. */
#pragma once

#include "smq/result.h"
#include "stores/logs/log_lines.h"
#include "stores/logs/log_report.h"

struct smp_postgres;

/* Connects, and begins a transaction that only reads and in which nothing changes. `uri`: a connection string or URI of
 * libpq; `schema`: the reference's is "smp_server". Rows that cannot be used are told to `report`, by table and row.
 * SMQ_ERR_NOT_FOUND: no such schema, or no libpq; SMQ_ERR_NETWORK: no connection; SMQ_ERR_SYSTEM, SMQ_ERR_NO_MEMORY. */
enum smq_result smp_postgres_open(const char *uri, const char *schema, struct log_report *report,
                                  struct smp_postgres **out);
/* Takes ownership and nulls the pointer; NULL inside is allowed. */
void smp_postgres_close(struct smp_postgres **postgres);

/* Services, then the queues that are not deleted: lines of smp-server-store.log. One source at a time, each read to its
 * end. */
struct log_source smp_postgres_queues(struct smp_postgres *postgres);
/* Their messages, by queue, oldest first: lines of smp-server-messages.log. */
struct log_source smp_postgres_messages(struct smp_postgres *postgres);
