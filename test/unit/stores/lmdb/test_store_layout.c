/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What every store has, seen with a layout of the test's own: two tables, two figures, and something to purge. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "queues/base/log.h"
#include "stores/lmdb/batch.h"
#include "stores/lmdb/store_private.h"

enum { TABLE_META, TABLE_THINGS, TABLE_REMAINS, TABLE_COUNT };

static const char *const tables[TABLE_COUNT] = {"meta", "things", "remains"};
static const uint64_t first_figures[] = {7, 0}; /* the next number, and how many things there are */
static unsigned purge_steps;

static bool purge_step(struct store_txn *txn) {
    struct slice key;
    purge_steps++;
    if (lmdb_seek(txn->lmdb, TABLE_REMAINS, slice_of("", 1), &key, NULL))
        lmdb_remove(txn->lmdb, TABLE_REMAINS);
    return lmdb_table_size(txn->lmdb, TABLE_REMAINS) > 0;
}

static struct store_layout layout_of(uint32_t schema) {
    return (struct store_layout){.tables = tables,
                                 .table_count = TABLE_COUNT,
                                 .schema = schema,
                                 .check = "things check",
                                 .purge_table = TABLE_REMAINS,
                                 .purge_step = purge_step,
                                 .figure_count = 2,
                                 .first_figures = first_figures};
}

struct fixture {
    char directory[64];
    struct store_layout layout;
    struct store *store;
};

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

static enum smq_result open_with(struct fixture *fixture, uint32_t schema) {
    const struct store_options options = {.directory = fixture->directory, .map_size = 16 * 1024 * 1024};
    fixture->layout = layout_of(schema);
    return store_open(&fixture->layout, &options, &fixture->store);
}

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL)
        return -1;
    log_set_level(LOG_LEVEL_ERROR);
    purge_steps = 0;
    (void)snprintf(fixture->directory, sizeof fixture->directory, "%s", "/tmp/smq-layout-XXXXXX");
    *state = fixture;
    return mkdtemp(fixture->directory) != NULL && open_with(fixture, 1) == SMQ_OK ? 0 : -1;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    store_close(&fixture->store);
    nftw(fixture->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return 0;
}

/* One thing more, or what is left of one. */
struct addition {
    struct store_operation operation; /* first */
    unsigned table;
    bool fails;
    enum smq_result result;
};

static enum smq_result add(struct store_operation *operation, struct store_txn *txn) {
    const struct addition *addition = (struct addition *)(void *)operation;
    struct number_key key = number_key(txn->figures[0]);
    if (addition->fails)
        return SMQ_ERR_EXISTS;
    if (lmdb_put(txn->lmdb, addition->table, KEY_SLICE(key), slice_of_text("thing")) &&
        addition->table == TABLE_REMAINS)
        txn->store->purge_pending = true;
    txn->figures[0]++;
    txn->figures[1]++;
    return store_txn_status(txn);
}

static void completed(struct store_operation *operation, enum smq_result result) {
    ((struct addition *)(void *)operation)->result = result;
}

static void run(struct store *store, struct addition *additions, size_t count) {
    struct store_batch batch = {0};
    for (size_t i = 0; i < count; i++) {
        additions[i].operation = (struct store_operation){.grows = true, .apply = add, .completed = completed};
        store_batch_add(&batch, &additions[i].operation);
    }
    store_batch_run(store, &batch);
}

static void assert_figures(struct store *store, uint64_t next, uint64_t count) {
    struct store_reader *reader;
    struct store_txn *txn;
    uint64_t figures[2];
    assert_int_equal(store_reader_create(store, &reader), SMQ_OK);
    assert_int_equal(store_reader_begin(reader, &txn), SMQ_OK);
    store_txn_figures(txn, figures);
    assert_int_equal(figures[0], next);
    assert_int_equal(figures[1], count);
    assert_int_equal(lmdb_table_size(txn->lmdb, TABLE_THINGS), count);
    store_reader_destroy(&reader);
}

static void figures_of_any_layout_begin_as_it_says_and_come_back(void **state) {
    struct fixture *fixture = *state;
    struct addition additions[3] = {
        {.table = TABLE_THINGS}, {.table = TABLE_THINGS, .fails = true}, {.table = TABLE_THINGS}};
    assert_figures(fixture->store, 7, 0);
    run(fixture->store, additions, 3);
    assert_int_equal(additions[0].result, SMQ_OK);
    assert_int_equal(additions[1].result, SMQ_ERR_EXISTS);
    assert_int_equal(additions[2].result, SMQ_OK);
    store_close(&fixture->store);
    assert_int_equal(open_with(fixture, 1), SMQ_OK);
    assert_figures(fixture->store, 9, 2);
}

static void a_layout_keeps_older_programs_away(void **state) {
    struct fixture *fixture = *state;
    store_close(&fixture->store);
    assert_int_equal(open_with(fixture, 2), SMQ_OK);
    store_close(&fixture->store);
    assert_int_equal(open_with(fixture, 1), SMQ_ERR_VERSION);
}

static void what_a_layout_has_to_purge_goes_with_later_commits(void **state) {
    struct fixture *fixture = *state;
    struct addition remains[2] = {{.table = TABLE_REMAINS}, {.table = TABLE_REMAINS}};
    struct store_batch nothing = {0};
    run(fixture->store, remains, 2);
    assert_true(purge_steps > 0 || store_has_to_purge(fixture->store));
    store_close(&fixture->store);
    assert_int_equal(open_with(fixture, 1), SMQ_OK);
    for (unsigned i = 0; i < 4 && store_has_to_purge(fixture->store); i++)
        store_batch_run(fixture->store, &nothing);
    assert_false(store_has_to_purge(fixture->store));
    assert_int_equal(purge_steps, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(figures_of_any_layout_begin_as_it_says_and_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_layout_keeps_older_programs_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_layout_has_to_purge_goes_with_later_commits, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
