/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A store filled beside its place: nothing is seen of it before it is whole. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "queues/base/log.h"
#include "stores/lmdb/store_import.h"
#include "stores/lmdb/store_private.h"

enum { TABLE_META, TABLE_THINGS, TABLE_COUNT };
enum { MAP_SIZE = 64 << 20 };

static const char *const tables[TABLE_COUNT] = {"meta", "things"};
static const uint64_t first_figures[] = {0};
static const struct store_layout layout = {.tables = tables,
                                           .table_count = TABLE_COUNT,
                                           .schema = 1,
                                           .check = "things check",
                                           .figure_count = 1,
                                           .first_figures = first_figures};

static char root[64], directory[96];

static int set_up(void **state) {
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    (void)snprintf(root, sizeof root, "/tmp/smq-import-XXXXXX");
    if (mkdtemp(root) == NULL)
        return -1;
    (void)snprintf(directory, sizeof directory, "%s/store", root);
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static int tear_down(void **state) {
    (void)state;
    return nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static bool has(const char *name) {
    char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return access(path, F_OK) == 0;
}

static struct store_import *begin(void) {
    struct store_import *import = NULL;
    assert_int_equal(SMQ_OK, store_import_begin(&layout, directory, MAP_SIZE, &import));
    return import;
}

struct wish {
    unsigned things;
    enum smq_result answer;
    unsigned calls;
};

static enum smq_result put_things(void *context, struct store_txn *txn) {
    struct wish *wish = context;
    wish->calls++;
    for (unsigned i = 0; i < wish->things; i++) {
        struct number_key key = number_key(txn->figures[0]++);
        lmdb_put(txn->lmdb, TABLE_THINGS, KEY_SLICE(key), slice_of("thing", 5));
    }
    return wish->answer != SMQ_OK ? wish->answer : store_txn_status(txn);
}

static enum smq_result put(struct store_import *import, struct wish *wish) {
    return store_import_run(import, 1000, put_things, wish);
}

static uint64_t count_things(void) {
    struct store *store;
    assert_int_equal(SMQ_OK, store_open_to_read(&layout, directory, &store));
    assert_int_equal(SMQ_OK, lmdb_begin(store->writer_view));
    uint64_t count = lmdb_table_size(store->writer_view, TABLE_THINGS);
    lmdb_abort(store->writer_view);
    store_close(&store);
    return count;
}

static void test_it_is_in_place_only_when_it_is_finished(void **state) {
    struct wish wish = {.things = 1000};
    (void)state;
    struct store_import *import = begin();
    assert_int_equal(SMQ_OK, put(import, &wish));
    assert_int_equal(SMQ_OK, put(import, &wish));
    assert_false(has("data.mdb"));
    assert_int_equal(SMQ_OK, store_import_finish(&import));
    assert_null(import);
    assert_int_equal(2000, count_things());
    assert_false(has("import.part"));
}

static void test_given_up_it_leaves_nothing(void **state) {
    struct wish wish = {.things = 1000};
    (void)state;
    struct store_import *import = begin();
    assert_int_equal(SMQ_OK, put(import, &wish));
    store_import_abandon(&import);
    assert_null(import);
    assert_false(has("data.mdb") || has("import.part"));
}

/* What a step has read is gone: it is not called again, and what it wrote is not there. */
static void test_a_step_that_fails_is_undone_and_not_repeated(void **state) {
    struct wish good = {.things = 10}, bad = {.things = 10, .answer = SMQ_ERR_STORE};
    (void)state;
    struct store_import *import = begin();
    assert_int_equal(SMQ_OK, put(import, &good));
    assert_int_equal(SMQ_ERR_STORE, put(import, &bad));
    assert_int_equal(1, bad.calls);
    store_import_abandon(&import);
    assert_false(has("data.mdb"));
}

static void test_more_than_the_map_holds_is_refused(void **state) {
    struct wish wish = {.things = 1};
    struct store_import *import = NULL;
    (void)state;
    assert_int_equal(SMQ_OK, store_import_begin(&layout, directory, STORE_MIN_MAP_SIZE, &import));
    assert_int_equal(SMQ_ERR_STORE_FULL, store_import_run(import, 64 << 20, put_things, &wish));
    assert_int_equal(0, wish.calls);
    store_import_abandon(&import);
}

static void test_only_an_empty_store_gives_way(void **state) {
    struct wish wish = {.things = 1};
    struct store_import *import = begin();
    (void)state;
    assert_int_equal(SMQ_OK, store_import_finish(&import)); /* empty, as after a first start */
    import = begin();
    assert_int_equal(SMQ_OK, put(import, &wish));
    assert_int_equal(SMQ_OK, store_import_finish(&import));
    assert_int_equal(SMQ_ERR_INVALID, store_import_begin(&layout, directory, MAP_SIZE, &import));
    assert_null(import);
    assert_int_equal(1, count_things());
}

/* Neither begins, and neither disturbs what the other has made. */
static void test_a_store_in_use_and_an_import_under_way_are_left_alone(void **state) {
    struct wish wish = {.things = 5};
    struct store_import *import = begin(), *other = NULL;
    const struct store_options options = {.directory = directory, .map_size = MAP_SIZE};
    struct store *store = NULL;
    (void)state;
    assert_int_equal(SMQ_ERR_EXISTS, store_import_begin(&layout, directory, MAP_SIZE, &other));
    assert_int_equal(SMQ_ERR_EXISTS, store_open(&layout, &options, &store));
    assert_int_equal(SMQ_OK, put(import, &wish));
    assert_int_equal(SMQ_OK, store_import_finish(&import));
    assert_int_equal(5, count_things());
    assert_int_equal(SMQ_OK, store_open(&layout, &options, &store));
    assert_int_equal(SMQ_ERR_EXISTS, store_import_begin(&layout, directory, MAP_SIZE, &other));
    store_close(&store);
}

static void test_what_a_killed_import_left_is_emptied(void **state) {
    struct wish wish = {.things = 7};
    char path[160];
    (void)state;
    assert_int_equal(0, mkdir(directory, 0700));
    (void)snprintf(path, sizeof path, "%s/import.part", directory);
    assert_int_equal(0, mkdir(path, 0700));
    (void)snprintf(path, sizeof path, "%s/import.part/data.mdb", directory);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs("half a store", file) >= 0);
    assert_int_equal(0, fclose(file));
    struct store_import *import = begin();
    assert_int_equal(SMQ_OK, put(import, &wish));
    assert_int_equal(SMQ_OK, store_import_finish(&import));
    assert_int_equal(7, count_things());
}

static void test_a_store_of_a_newer_program_is_refused(void **state) {
    struct store_layout newer = layout;
    const struct store_options options = {.directory = directory, .map_size = MAP_SIZE};
    struct store *store;
    struct store_import *import = NULL;
    (void)state;
    newer.schema = 2;
    assert_int_equal(SMQ_OK, store_open(&newer, &options, &store));
    store_close(&store);
    assert_int_equal(SMQ_ERR_VERSION, store_import_begin(&layout, directory, MAP_SIZE, &import));
    assert_null(import);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_it_is_in_place_only_when_it_is_finished),
        IN_FOLDER(test_given_up_it_leaves_nothing),
        IN_FOLDER(test_a_step_that_fails_is_undone_and_not_repeated),
        IN_FOLDER(test_more_than_the_map_holds_is_refused),
        IN_FOLDER(test_only_an_empty_store_gives_way),
        IN_FOLDER(test_a_store_in_use_and_an_import_under_way_are_left_alone),
        IN_FOLDER(test_what_a_killed_import_left_is_emptied),
        IN_FOLDER(test_a_store_of_a_newer_program_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
