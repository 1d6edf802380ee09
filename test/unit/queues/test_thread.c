/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Threads, RCU registration, grace periods and deferred reclaim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "queues/base/fault.h"
#include "queues/base/memory.h"
#include "queues/base/rcu.h"
#include "queues/base/setup.h"
#include "queues/base/thread.h"
#include "queues/promise.h"

enum { PATIENCE_MS = 10000 };

struct seen {
    bool attached;
    bool term_blocked;
    bool fault_open;
    char name[16];
};

static void look_around(void *argument) {
    struct seen *seen = argument;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    seen->term_blocked = sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGUSR1) == 1;
    seen->fault_open = sigismember(&blocked, SIGSEGV) == 0;
    seen->attached = thread_is_attached();
    pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
}

static void test_thread_is_named_attached_and_free_of_signals(void **state) {
    (void)state;
    struct seen seen = {0};
    struct thread *thread = NULL;
    assert_int_equal(thread_create(&thread, "a-name-that-is-too-long", look_around, &seen), SMQ_OK);
    thread_join(&thread);
    assert_null(thread);
    assert_true(seen.attached && seen.term_blocked && seen.fault_open);
    assert_string_equal(seen.name, "a-name-that-is-");
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    assert_int_equal(sigismember(&blocked, SIGTERM), 0);
}

static void *attach_and_leave(void *argument) {
    thread_attach();
    thread_attach();
    bool *attached = argument;
    *attached = thread_is_attached();
    return NULL;
}

static void test_foreign_thread_is_detached_at_its_end(void **state) {
    (void)state;
    bool attached = false;
    pthread_t foreign;
    assert_int_equal(pthread_create(&foreign, NULL, attach_and_leave, &attached), 0);
    assert_int_equal(pthread_join(foreign, NULL), 0);
    assert_true(attached);
    /* Would never end, or crash, if the gone thread were still registered. */
    grace_period_wait();
}

static void test_detach_is_idempotent(void **state) {
    (void)state;
    thread_detach();
    thread_detach();
    assert_false(thread_is_attached());
    thread_attach();
    assert_true(thread_is_attached());
}

#ifdef DEBUG_FAULTS
static void test_thread_create_reports_exhaustion(void **state) {
    (void)state;
    struct thread *thread = NULL;
    struct seen seen;
    fault_arm(FAULT_POINT_thread_create, 0, 1);
    assert_int_equal(thread_create(&thread, "x", look_around, &seen), SMQ_ERR_SYSTEM);
    assert_int_equal(errno, EAGAIN);
    fault_arm(FAULT_POINT_memory_alloc, 0, 1);
    assert_int_equal(thread_create(&thread, "x", look_around, &seen), SMQ_ERR_NO_MEMORY);
    fault_disarm_all();
    assert_null(thread);
}
#endif

struct object {
    struct reclaim reclaim;
    struct promise *freed;
};

static void free_object(struct reclaim *reclaim) {
    struct object *object = caa_container_of(reclaim, struct object, reclaim);
    promise_set(object->freed, SMQ_OK, NULL);
    promise_release(&object->freed);
    memory_free(object);
}

static struct object *new_object(struct promise **freed) {
    struct object *object = memory_zalloc(sizeof(*object));
    assert_non_null(object);
    assert_int_equal(promise_create(NULL, freed), SMQ_OK);
    object->freed = *freed;
    return object;
}

static void test_reclaim_waits_for_open_read_sections(void **state) {
    (void)state;
    struct promise *freed = NULL;
    read_section_begin();
    assert_true(read_section_is_open());
    struct object *object = new_object(&freed);
    reclaim_later(&object->reclaim, free_object);
    assert_false(promise_is_decided(freed));
    read_section_end();
    assert_false(read_section_is_open());
    void *nothing;
    assert_int_equal(promise_wait(freed, PATIENCE_MS, &nothing), SMQ_OK);
    promise_release(&freed);
}

static void test_reclaim_barrier_waits_for_all(void **state) {
    (void)state;
    struct promise *freed[20];
    for (size_t i = 0; i < 20; i++) {
        struct object *object = new_object(&freed[i]);
        reclaim_later(&object->reclaim, free_object);
    }
    reclaim_barrier();
    for (size_t i = 0; i < 20; i++) {
        assert_true(promise_is_decided(freed[i]));
        promise_release(&freed[i]);
    }
}

static int set_up(void **state) {
    (void)state;
    return base_setup() == SMQ_OK && base_setup() == SMQ_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thread_is_named_attached_and_free_of_signals),
        cmocka_unit_test(test_foreign_thread_is_detached_at_its_end),
        cmocka_unit_test(test_detach_is_idempotent),
#ifdef DEBUG_FAULTS
        cmocka_unit_test(test_thread_create_reports_exhaustion),
#endif
        cmocka_unit_test(test_reclaim_waits_for_open_read_sections),
        cmocka_unit_test(test_reclaim_barrier_waits_for_all),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
