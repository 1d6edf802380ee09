/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* pthread_create with the rules of the project. */
#include "queues/base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "queues/base/check.h"
#include "queues/base/fault.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"
#include "queues/base/rcu.h"

enum { NAME_BYTES = 16 };

struct thread {
    pthread_t handle;
    char name[NAME_BYTES];
    void (*run)(void *argument);
    void *argument;
};

static _Thread_local bool attached;
static pthread_key_t detach_key;
static pthread_once_t detach_key_once = PTHREAD_ONCE_INIT;

/* Signals that a thread raises by its own fault stay open, so that they are reported where they happen. */
void thread_signals_block(sigset_t *former) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    sigset_t blocked;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigdelset(&blocked, faults[i]);
    CHECK(pthread_sigmask(SIG_SETMASK, &blocked, former) == 0);
}

void thread_signals_restore(const sigset_t *former) {
    CHECK(pthread_sigmask(SIG_SETMASK, former, NULL) == 0);
}

static void *run_thread(void *argument) {
    struct thread *thread = argument;
    pthread_setname_np(pthread_self(), thread->name);
    urcu_memb_register_thread();
    attached = true;
    thread->run(thread->argument);
    waiting_begins(); /* settles what the thread owes */
    attached = false;
    urcu_memb_unregister_thread();
    return NULL;
}

enum smq_result thread_create(struct thread **thread, const char *name, void (*run)(void *argument), void *argument) {
    struct thread *created = memory_zalloc(sizeof(*created));
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    memcpy(created->name, name, strnlen(name, NAME_BYTES - 1));
    created->run = run;
    created->argument = argument;
    sigset_t former;
    thread_signals_block(&former);
    int error = FAULT(thread_create) ? EAGAIN : pthread_create(&created->handle, NULL, run_thread, created);
    thread_signals_restore(&former);
    if (error != 0) {
        memory_free(created);
        errno = error;
        return SMQ_ERR_SYSTEM;
    }
    *thread = created;
    return SMQ_OK;
}

void thread_join(struct thread **thread) {
    if (*thread == NULL)
        return;
    waiting_begins();
    CHECK(pthread_join((*thread)->handle, NULL) == 0);
    memory_free(*thread);
    *thread = NULL;
}

static void detach_at_exit(void *value) {
    (void)value;
    thread_detach();
}

static void make_detach_key(void) {
    CHECK(pthread_key_create(&detach_key, detach_at_exit) == 0);
}

void thread_attach(void) {
    if (attached)
        return;
    CHECK(pthread_once(&detach_key_once, make_detach_key) == 0);
    CHECK(pthread_setspecific(detach_key, &attached) == 0);
    urcu_memb_register_thread();
    attached = true;
}

void thread_detach(void) {
    if (!attached)
        return;
    CHECK(!read_section_is_open());
    attached = false;
    urcu_memb_unregister_thread();
}

bool thread_is_attached(void) {
    return attached;
}
