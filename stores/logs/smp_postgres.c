/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A database, row by row. */
#include "stores/logs/smp_postgres.h"

#include <dlfcn.h>
#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "stores/logs/smp_message_log.h"
#include "stores/logs/smp_store_log.h"

/* What is used of libpq: name, result, parameters. */
#define LIBPQ_FUNCTIONS(X)                                                                                             \
    X(PQconnectdb, PGconn *, (const char *))                                                                           \
    X(PQstatus, ConnStatusType, (const PGconn *))                                                                      \
    X(PQerrorMessage, char *, (const PGconn *))                                                                        \
    X(PQfinish, void, (PGconn *))                                                                                      \
    X(PQexec, PGresult *, (PGconn *, const char *))                                                                    \
    X(PQexecParams, PGresult *,                                                                                        \
      (PGconn *, const char *, int, const Oid *, const char *const *, const int *, const int *, int))                  \
    X(PQsendQueryParams, int,                                                                                          \
      (PGconn *, const char *, int, const Oid *, const char *const *, const int *, const int *, int))                  \
    X(PQsetSingleRowMode, int, (PGconn *))                                                                             \
    X(PQgetResult, PGresult *, (PGconn *))                                                                             \
    X(PQresultStatus, ExecStatusType, (const PGresult *))                                                              \
    X(PQntuples, int, (const PGresult *))                                                                              \
    X(PQgetisnull, int, (const PGresult *, int, int))                                                                  \
    X(PQgetlength, int, (const PGresult *, int, int))                                                                  \
    X(PQgetvalue, char *, (const PGresult *, int, int))                                                                \
    X(PQescapeIdentifier, char *, (PGconn *, const char *, size_t))                                                    \
    X(PQfreemem, void, (void *))                                                                                       \
    X(PQclear, void, (PGresult *))

#define DECLARE(name, result, parameters) result(*name) parameters;
struct libpq {
    LIBPQ_FUNCTIONS(DECLARE)
};

/* A query and how its rows become lines. `false`: the row is not what the table's rows are. */
struct query {
    const char *table;
    const char *text;
    bool (*write_row)(const struct smp_postgres *postgres, struct writer *line);
};

enum { LINE_SIZE = 2 * SMP_STORE_LINE_MAX, QUERIES = 3, QUERY_SERVICES = 0, QUERY_QUEUES = 1, QUERY_MESSAGES = 2 };

struct smp_postgres {
    struct libpq libpq;
    PGconn *connection;
    struct log_report *report;
    PGresult *row;
    unsigned query; /* the next one */
    unsigned end;   /* and where the source ends */
    bool in_query;
    uint64_t row_number;
    uint8_t *line;
    size_t line_start, line_end;
};

/* ---- libpq ---- */

/* It is never unloaded: it, and what it loads, registers itself for the end of threads and of the process. */
static enum smq_result load(struct libpq *libpq) {
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        log_error("PostgreSQL's client library cannot be loaded (Debian's package libpq5): %s", dlerror());
        return SMQ_ERR_NOT_FOUND;
    }
    const struct {
        const char *name;
        void *function;
    } wanted[] = {
#define WANTED(name, result, parameters) {#name, (void *)&libpq->name},
        LIBPQ_FUNCTIONS(WANTED)};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        void *found = dlsym(library, wanted[i].name);
        if (found == NULL) {
            log_error("libpq.so.5 has no %s", wanted[i].name);
            return SMQ_ERR_NOT_FOUND;
        }
        memcpy(wanted[i].function, &found, sizeof found);
    }
    return SMQ_OK;
}

/* Its messages end with a line's end, and may have several lines. */
static enum smq_result failed(const struct smp_postgres *postgres, const char *what, enum smq_result result) {
    const char *message = postgres->libpq.PQerrorMessage(postgres->connection);
    log_error("PostgreSQL: %s: %.*s", what, (int)strcspn(message, "\n"), message);
    return result;
}

static enum smq_result execute(const struct smp_postgres *postgres, const char *command) {
    PGresult *result = postgres->libpq.PQexec(postgres->connection, command);
    bool done = postgres->libpq.PQresultStatus(result) == PGRES_COMMAND_OK;
    postgres->libpq.PQclear(result);
    return done ? SMQ_OK : failed(postgres, "cannot begin to read", SMQ_ERR_SYSTEM);
}

/* ---- opening ---- */

static enum smq_result check_schema(const struct smp_postgres *postgres, const char *schema) {
    const char *const values[] = {schema};
    PGresult *result =
        postgres->libpq.PQexecParams(postgres->connection, "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1",
                                     1, NULL, values, NULL, NULL, 0);
    bool asked = postgres->libpq.PQresultStatus(result) == PGRES_TUPLES_OK;
    bool there = asked && postgres->libpq.PQntuples(result) > 0;
    postgres->libpq.PQclear(result);
    if (!asked)
        return failed(postgres, "cannot look for the schema", SMQ_ERR_SYSTEM);
    if (there)
        return SMQ_OK;
    log_error("PostgreSQL: the database has no schema %s", schema);
    return SMQ_ERR_NOT_FOUND;
}

static enum smq_result choose_schema(const struct smp_postgres *postgres, const char *schema) {
    char command[512];
    char *name = postgres->libpq.PQescapeIdentifier(postgres->connection, schema, strlen(schema));
    if (name == NULL)
        return failed(postgres, "the schema's name", SMQ_ERR_INVALID);
    int length = snprintf(command, sizeof command, "SET search_path TO %s", name);
    postgres->libpq.PQfreemem(name);
    return length < (int)sizeof command ? execute(postgres, command) : SMQ_ERR_INVALID;
}

static enum smq_result connect_and_begin(struct smp_postgres *postgres, const char *uri, const char *schema) {
    enum smq_result result = load(&postgres->libpq);
    if (result != SMQ_OK)
        return result;
    postgres->connection = postgres->libpq.PQconnectdb(uri);
    if (postgres->connection == NULL)
        return SMQ_ERR_NO_MEMORY;
    if (postgres->libpq.PQstatus(postgres->connection) != CONNECTION_OK)
        return failed(postgres, "cannot connect", SMQ_ERR_NETWORK);
    result = execute(postgres, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    if (result == SMQ_OK)
        result = check_schema(postgres, schema);
    return result == SMQ_OK ? choose_schema(postgres, schema) : result;
}

enum smq_result smp_postgres_open(const char *uri, const char *schema, struct log_report *report,
                                  struct smp_postgres **out) {
    struct smp_postgres *postgres = memory_zalloc(sizeof *postgres);
    if (postgres == NULL)
        return SMQ_ERR_NO_MEMORY;
    postgres->report = report;
    postgres->line = memory_alloc(LINE_SIZE);
    enum smq_result result = postgres->line != NULL ? connect_and_begin(postgres, uri, schema) : SMQ_ERR_NO_MEMORY;
    if (result == SMQ_OK)
        *out = postgres;
    else
        smp_postgres_close(&postgres);
    return result;
}

void smp_postgres_close(struct smp_postgres **postgres) {
    struct smp_postgres *closing = *postgres;
    if (closing == NULL)
        return;
    if (closing->row != NULL)
        closing->libpq.PQclear(closing->row);
    if (closing->connection != NULL)
        closing->libpq.PQfinish(closing->connection);
    if (closing->line != NULL)
        secret_wipe(closing->line, LINE_SIZE);
    memory_free(closing->line);
    memory_free(closing);
    *postgres = NULL;
}

/* ---- fields of a row ---- */

/* NULL is empty. */
static struct slice field(const struct smp_postgres *postgres, int column) {
    if (postgres->libpq.PQgetisnull(postgres->row, 0, column))
        return slice_of("", 0);
    return slice_of(postgres->libpq.PQgetvalue(postgres->row, 0, column),
                    (size_t)postgres->libpq.PQgetlength(postgres->row, 0, column));
}

/* bigint; NULL is 0. */
static int64_t number(const struct smp_postgres *postgres, int column) {
    struct reader reader = reader_of(field(postgres, column));
    return read_i64(&reader);
}

static bool truth(const struct smp_postgres *postgres, int column) {
    struct slice value = field(postgres, column);
    return value.length == 1 && value.bytes[0] != 0;
}

/* Days of seconds; out of range is 0, as if it had never been said. */
static uint32_t day(const struct smp_postgres *postgres, int column) {
    int64_t days = number(postgres, column) / 86400;
    return days > 0 && days <= UINT32_MAX ? (uint32_t)days : 0;
}

static bool is_id(struct slice value) {
    return value.length > 0 && value.length <= QUEUE_ID_MAX;
}

static bool is_optional_id(struct slice value) {
    return value.length <= QUEUE_ID_MAX;
}

/* ---- rows ---- */

static bool write_service(const struct smp_postgres *postgres, struct writer *line) {
    struct smp_log_record record = {0};
    struct service_record *service = &record.service;
    struct slice role = field(postgres, 1);
    struct reader chain = reader_of(field(postgres, 2));
    (void)read_u8(&chain); /* how many certificates */
    service->id = field(postgres, 0);
    service->certificate_chain = read_tail(&chain);
    service->fingerprint = field(postgres, 3);
    service->created_day = day(postgres, 4);
    return role.length == 1 && smp_service_role_of(role.bytes[0], &service->role) && is_id(service->id) &&
           is_id(service->fingerprint) && service->certificate_chain.length > 0 &&
           log_record_write(&smp_store_log, line, SMP_LOG_NEW_SERVICE, &record) == SMQ_OK;
}

static bool take_notifier(const struct smp_postgres *postgres, struct queue_notifier *notifier) {
    struct slice secret = field(postgres, 8);
    notifier->id = field(postgres, 6);
    notifier->key = field(postgres, 7);
    notifier->dh_secret = secret.bytes;
    notifier->service_id = field(postgres, 9);
    if (notifier->id.length == 0 || notifier->key.length == 0 || secret.length == 0) {
        *notifier = (struct queue_notifier){0};
        return true;
    }
    return is_id(notifier->id) && secret.length == QUEUE_SECRET_SIZE && is_optional_id(notifier->service_id);
}

static bool write_queue(const struct smp_postgres *postgres, struct writer *line) {
    struct smp_log_record record = {0};
    struct queue_record *queue = &record.queue;
    struct slice secret = field(postgres, 2);
    struct slice mode = field(postgres, 5);
    queue->recipient_id = field(postgres, 0);
    queue->recipient_keys = field(postgres, 1);
    queue->recipient_dh_secret = secret.bytes;
    queue->sender_id = field(postgres, 3);
    queue->sender_key = field(postgres, 4);
    queue->mode = mode.length == 1 ? (char)mode.bytes[0] : 0;
    queue->updated_day = day(postgres, 11);
    queue->link_id = field(postgres, 12);
    queue->recipient_service_id = field(postgres, 13);
    record.link = (struct queue_link_data){.fixed = field(postgres, 14), .user = field(postgres, 15)};
    return is_id(queue->recipient_id) && is_id(queue->sender_id) && is_optional_id(queue->link_id) &&
           is_optional_id(queue->recipient_service_id) && secret.length == QUEUE_SECRET_SIZE &&
           take_notifier(postgres, &queue->notifier) && smp_status_read(field(postgres, 10), queue) == SMQ_OK &&
           log_record_write(&smp_store_log, line, SMP_LOG_CREATE, &record) == SMQ_OK;
}

static bool write_message(const struct smp_postgres *postgres, struct writer *line) {
    const struct smp_log_message message = {
        .recipient_id = field(postgres, 0),
        .id = field(postgres, 1),
        .timestamp = number(postgres, 2),
        .is_marker = truth(postgres, 3),
        .notify = truth(postgres, 4),
        .body = field(postgres, 5),
    };
    return is_id(message.recipient_id) && is_id(message.id) &&
           log_record_write(&smp_message_log, line, 0, &message) == SMQ_OK;
}

static const struct query queries[QUERIES] = {
    [QUERY_SERVICES] = {"services",
                        "SELECT service_id, service_role, service_cert, service_cert_hash, created_at FROM services "
                        "ORDER BY service_id",
                        write_service},
    [QUERY_QUEUES] = {"msg_queues",
                      "SELECT recipient_id, recipient_keys, rcv_dh_secret, sender_id, sender_key, queue_mode, "
                      "notifier_id, notifier_key, rcv_ntf_dh_secret, ntf_service_id, status, updated_at, link_id, "
                      "rcv_service_id, fixed_data, user_data FROM msg_queues WHERE deleted_at IS NULL "
                      "ORDER BY recipient_id",
                      write_queue},
    [QUERY_MESSAGES] = {"messages",
                        "SELECT recipient_id, msg_id, msg_ts, msg_quota, msg_ntf_flag, msg_body FROM messages "
                        "JOIN msg_queues USING (recipient_id) WHERE deleted_at IS NULL "
                        "ORDER BY recipient_id, message_id",
                        write_message},
};

/* ---- the source ---- */

static enum smq_result begin_query(struct smp_postgres *postgres) {
    const struct query *query = &queries[postgres->query];
    postgres->row_number = 0;
    if (postgres->libpq.PQsendQueryParams(postgres->connection, query->text, 0, NULL, NULL, NULL, NULL, 1) != 1 ||
        postgres->libpq.PQsetSingleRowMode(postgres->connection) != 1)
        return failed(postgres, query->table, SMQ_ERR_SYSTEM);
    postgres->in_query = true;
    return SMQ_OK;
}

static void put_row(struct smp_postgres *postgres) {
    const struct query *query = &queries[postgres->query];
    struct writer writer = writer_of(postgres->line, LINE_SIZE);
    postgres->row_number++;
    if (!query->write_row(postgres, &writer)) {
        log_report_fault(postgres->report, query->table, postgres->row_number,
                         "the row is none of the reference's; skipped");
        return;
    }
    postgres->line_start = 0;
    postgres->line_end = writer_length(&writer);
}

static enum smq_result next_row(struct smp_postgres *postgres) {
    if (!postgres->in_query)
        return begin_query(postgres);
    postgres->row = postgres->libpq.PQgetResult(postgres->connection);
    if (postgres->row == NULL) {
        postgres->in_query = false;
        postgres->query++;
        return SMQ_OK;
    }
    ExecStatusType status = postgres->libpq.PQresultStatus(postgres->row);
    if (status == PGRES_SINGLE_TUPLE)
        put_row(postgres);
    postgres->libpq.PQclear(postgres->row);
    postgres->row = NULL;
    return status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK
               ? SMQ_OK
               : failed(postgres, queries[postgres->query].table, SMQ_ERR_SYSTEM);
}

static enum smq_result read_database(void *context, uint8_t *bytes, size_t capacity, size_t *length) {
    struct smp_postgres *postgres = context;
    enum smq_result result = SMQ_OK;
    while (result == SMQ_OK && postgres->line_start == postgres->line_end && postgres->query < postgres->end)
        result = next_row(postgres);
    size_t left = postgres->line_end - postgres->line_start;
    *length = left < capacity ? left : capacity;
    memcpy(bytes, postgres->line + postgres->line_start, *length);
    postgres->line_start += *length;
    return result;
}

static struct log_source source_of(struct smp_postgres *postgres, unsigned first, unsigned last) {
    postgres->query = first;
    postgres->end = last + 1;
    return (struct log_source){.read = read_database, .context = postgres};
}

struct log_source smp_postgres_queues(struct smp_postgres *postgres) {
    return source_of(postgres, QUERY_SERVICES, QUERY_QUEUES);
}

struct log_source smp_postgres_messages(struct smp_postgres *postgres) {
    return source_of(postgres, QUERY_MESSAGES, QUERY_MESSAGES);
}
