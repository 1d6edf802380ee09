/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Lines are found by name, whatever their order, in the block that they are in: files of all versions are read by one
 * table. A file is parsed twice, so that one that does not parse changes nothing. */
#include "actors/router/operator/statistics_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/router/operator/date.h"
#include "actors/router/operator/file.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "transport/wire/text.h"

enum { NAME_SIZE = 64, ID_MAX = 255, PATH_MAX_SIZE = 4096 };

static const char *const hash_lines[ACTIVE_PERIOD_COUNT] = {"dayHashes", "weekHashes", "monthHashes"};
static const char *const id_lines[ACTIVE_PERIOD_COUNT] = {"day", "week", "month"};

/* ---- writing */

struct hash_list {
    struct text_buffer *text;
    bool has_some;
};

static void write_hash(void *context, uint64_t hash) {
    struct hash_list *list = context;
    text_add(list->text, "%s%" PRId64, list->has_some ? "," : "", (int64_t)hash);
    list->has_some = true;
}

static void write_active(const struct active *active, struct text_buffer *text) {
    for (int period = 0; period < ACTIVE_PERIOD_COUNT; period++) {
        struct hash_list list = {.text = text};
        text_add(text, "%s=", hash_lines[period]);
        active_each(active, (enum active_period)period, write_hash, &list);
        text_add(text, "\n");
    }
}

static void write_row(const struct statistics *statistics, const struct statistics_file_row *row, const int64_t *values,
                      const char **scope, struct text_buffer *text) {
    const char *name = row->name;
    if (row->statistic.kind == STATISTIC_ACTIVE) {
        text_add(text, "%s:\n", statistics->table.active[row->statistic.index]);
        write_active(statistics->active[row->statistic.index], text);
        return;
    }
    if (row->statistic.kind == STATISTIC_COUNTER) {
        const struct counter_row *counter = counters_row(statistics->counters, row->statistic.index);
        name = counter->name;
        if (counter->scope != NULL && (*scope == NULL || strcmp(counter->scope, *scope) != 0))
            text_add(text, "%s:\n", counter->scope);
        *scope = counter->scope;
    }
    text_add(text, "%s=%" PRId64 "\n", name, statistics_read(statistics, row->statistic, values));
}

void statistics_write(const struct statistics *statistics, struct text_buffer *text) {
    int64_t values[STATISTICS_VALUES_MAX];
    char date[DATE_TEXT_SIZE];
    const char *scope = NULL;
    statistics_sample(statistics, values);
    date_write(atomic_load(&statistics->from_ns), DATE_ISO, date);
    text_add(text, "fromTime=%s\n", date);
    for (size_t i = 0; i < statistics->table.file_count; i++)
        write_row(statistics, &statistics->table.file[i], values, &scope, text);
}

/* ---- reading */

struct parse {
    struct statistics *statistics;
    bool is_trial; /* looks only whether it parses */
    char block[NAME_SIZE];
    int set; /* of active ones, whose block this is; -1: another */
};

static bool is_text(struct slice slice, const char *text) {
    return slice_equal(slice, slice_of_text(text));
}

/* A decimal number with its sign, or a hash, which takes all of 64 bits. */
static bool read_number(struct slice text, int64_t *value) {
    char copy[24];
    char *end;
    if (text.length == 0 || text.length >= sizeof copy ||
        (text.bytes[0] != '-' && (text.bytes[0] < '0' || text.bytes[0] > '9')))
        return false;
    memcpy(copy, text.bytes, text.length);
    copy[text.length] = 0;
    errno = 0;
    *value = strtoll(copy, &end, 10);
    return errno == 0 && *end == 0 && end != copy;
}

/* Items between commas; none in an empty text. */
static bool read_active(struct parse *parse, enum active_period period, struct slice text, bool are_ids) {
    struct reader reader = reader_of(text);
    struct active *active = parse->statistics->active[parse->set];
    while (reader_left(&reader) > 0) {
        uint8_t id[ID_MAX];
        size_t length = 0;
        int64_t hash = 0;
        struct slice item = read_until(&reader, ',');
        if (are_ids ? base64url_parse(item, id, sizeof id, &length) != SMQ_OK : !read_number(item, &hash))
            return false;
        if (!parse->is_trial)
            active_restore(active, period, are_ids ? active_hash(slice_of(id, length)) : (uint64_t)hash);
        if (read_if(&reader, ",") && reader_left(&reader) == 0)
            return false;
    }
    return true;
}

/* A line of a block of active ones; `*is_one` tells whether it is. */
static bool read_active_line(struct parse *parse, struct slice name, struct slice value, bool *is_one) {
    for (int period = 0; period < ACTIVE_PERIOD_COUNT; period++) {
        bool are_ids = is_text(name, id_lines[period]);
        *is_one = are_ids || is_text(name, hash_lines[period]);
        if (*is_one)
            return parse->set < 0 || read_active(parse, (enum active_period)period, value, are_ids);
    }
    return true;
}

static bool is_counter(const struct parse *parse, unsigned index, struct slice name, const char *block) {
    const struct counter_row *row = counters_row(parse->statistics->counters, index);
    return row->kind != COUNTER_NOW && is_text(name, row->name) &&
           strcmp(row->scope == NULL ? "" : row->scope, block) == 0;
}

/* The counter that the line is of, in the present block or in none; -1: no counter. */
static int counter_of(struct parse *parse, struct slice name) {
    const struct statistics_table *table = &parse->statistics->table;
    for (int outside = 0; outside < 2; outside++)
        for (size_t i = 0; i < table->file_count; i++) {
            const struct statistic *statistic = &table->file[i].statistic;
            if (statistic->kind == STATISTIC_COUNTER &&
                is_counter(parse, statistic->index, name, outside == 1 ? "" : parse->block))
                return (int)statistic->index;
        }
    return -1;
}

static bool restore_counter(struct parse *parse, unsigned index, struct slice value) {
    int64_t number;
    if (!read_number(value, &number))
        return false;
    if (!parse->is_trial)
        counters_restore(parse->statistics->counters, index, number);
    return true;
}

static bool read_alias(struct parse *parse, const struct statistics_alias *alias, struct slice value) {
    switch (alias->statistic.kind) {
    case STATISTIC_COUNTER:
        return restore_counter(parse, alias->statistic.index, value);
    case STATISTIC_ACTIVE:
        parse->set = (int)alias->statistic.index;
        return read_active(parse, alias->statistic.period, value, true);
    default:
        return true;
    }
}

static bool read_field(struct parse *parse, struct slice name, struct slice value) {
    const struct statistics_table *table = &parse->statistics->table;
    bool is_active = false;
    int64_t from_ns;
    if (is_text(name, "fromTime")) {
        if (date_read(value, &from_ns) != SMQ_OK)
            return false;
        if (!parse->is_trial)
            atomic_store(&parse->statistics->from_ns, from_ns);
        return true;
    }
    bool is_good = read_active_line(parse, name, value, &is_active);
    if (is_active)
        return is_good;
    int counter = counter_of(parse, name);
    if (counter >= 0)
        return restore_counter(parse, (unsigned)counter, value);
    for (size_t i = 0; i < table->alias_count; i++)
        if (is_text(name, table->aliases[i].name))
            return read_alias(parse, &table->aliases[i], value);
    return true;
}

static void enter_block(struct parse *parse, struct slice name) {
    const struct statistics_table *table = &parse->statistics->table;
    (void)snprintf(parse->block, sizeof parse->block, "%.*s", (int)name.length, (const char *)name.bytes);
    parse->set = -1;
    for (size_t i = 0; i < table->active_count; i++)
        if (is_text(name, table->active[i]))
            parse->set = (int)i;
}

static bool read_line(struct parse *parse, struct slice line) {
    struct reader reader = reader_of(line);
    struct slice name = read_until(&reader, '=');
    if (line.length > 0 && line.length < NAME_SIZE && name.length == line.length &&
        line.bytes[line.length - 1] == ':') {
        enter_block(parse, slice_of(line.bytes, line.length - 1));
        return true;
    }
    if (name.length == 0 || name.length >= NAME_SIZE || !read_if(&reader, "="))
        return false;
    return read_field(parse, name, read_tail(&reader));
}

/* The number of the first line that does not parse; 0: all do. */
static unsigned read_lines(struct statistics *statistics, struct slice text, bool is_trial) {
    struct parse parse = {.statistics = statistics, .is_trial = is_trial, .set = -1};
    struct reader reader = reader_of(text);
    for (unsigned line = 1; reader_left(&reader) > 0; line++) {
        struct slice content = read_until(&reader, '\n');
        (void)read_if(&reader, "\n");
        if (content.length > 0 && content.bytes[content.length - 1] == '\r')
            content.length--;
        if (content.length > 0 && !read_line(&parse, content))
            return line;
    }
    return 0;
}

enum smq_result statistics_parse(struct statistics *statistics, struct slice text, unsigned *line) {
    *line = text.length < 9 || memcmp(text.bytes, "fromTime=", 9) != 0 ? 1 : read_lines(statistics, text, true);
    if (*line != 0)
        return SMQ_ERR_SYNTAX;
    (void)read_lines(statistics, text, false);
    return SMQ_OK;
}

/* ---- files */

/* Keeps a file that was read under another name. */
static enum smq_result put_aside(const char *path, const char *ending) {
    char aside[PATH_MAX_SIZE];
    if ((size_t)snprintf(aside, sizeof aside, "%s%s", path, ending) >= sizeof aside)
        return SMQ_ERR_TOO_LARGE;
    return rename(path, aside) == 0 ? SMQ_OK : SMQ_ERR_SYSTEM;
}

enum smq_result statistics_restore(struct statistics *statistics, const char *path) {
    struct text_buffer text = {0};
    unsigned line = 0;
    enum smq_result result = file_read(path, &text);
    if (result == SMQ_OK)
        result = statistics_parse(statistics, slice_of(text.bytes, text.length), &line);
    text_free(&text);
    if (result == SMQ_ERR_SYNTAX) {
        log_error("statistics begin anew: %s, line %u does not parse; the file is kept as %s.bad", path, line, path);
        (void)put_aside(path, ".bad");
    } else if (result == SMQ_OK) {
        result = put_aside(path, ".bak");
    }
    return result;
}

enum smq_result statistics_save(const struct statistics *statistics, const char *path) {
    struct text_buffer text = {0};
    statistics_write(statistics, &text);
    enum smq_result result = text_result(&text);
    if (result == SMQ_OK)
        result = file_replace(path, slice_of(text.bytes, text.length), FILE_DURABLE);
    text_free(&text);
    return result;
}
