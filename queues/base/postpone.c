/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What is owed is a short list of the thread. */
#include "queues/base/postpone.h"

#include <stdbool.h>

#include "queues/base/check.h"
#include "queues/base/rcu.h"

enum {
    OWED_MAX = 8,
    /* Messages that others may be kept waiting for: few enough that they start while this thread goes on. */
    PATIENCE = 8,
};

static _Thread_local struct {
    bool postpones;
    unsigned count;
    unsigned additions; /* since the first of what is owed */
    struct {
        void (*function)(void *subject);
        void *subject;
    } owed[OWED_MAX];
} thread_debts;

void postpone_begin(void) {
    thread_debts.postpones = true;
}

static bool is_owed(void (*function)(void *subject), const void *subject) {
    for (unsigned i = 0; i < thread_debts.count; i++)
        if (thread_debts.owed[i].function == function && thread_debts.owed[i].subject == subject)
            return true;
    return false;
}

void postpone(void (*function)(void *subject), void *subject) {
    if (!thread_debts.postpones) {
        function(subject);
        return;
    }
    if (!is_owed(function, subject)) {
        if (thread_debts.count == OWED_MAX)
            postponed_run();
        if (thread_debts.count == 0)
            read_section_begin();
        thread_debts.owed[thread_debts.count].function = function;
        thread_debts.owed[thread_debts.count].subject = subject;
        thread_debts.count++;
    }
    postponed_more();
}

void postponed_more(void) {
    if (thread_debts.count > 0 && ++thread_debts.additions >= PATIENCE)
        postponed_run();
}

void postponed_run(void) {
    if (thread_debts.count == 0)
        return;
    for (unsigned i = 0; i < thread_debts.count; i++)
        thread_debts.owed[i].function(thread_debts.owed[i].subject);
    thread_debts.count = 0;
    thread_debts.additions = 0;
    read_section_end();
}

void waiting_begins(void) {
    postponed_run();
    CHECK(!read_section_is_open());
}

void section_check(void) {
    CHECK(thread_debts.count > 0 || !read_section_is_open());
}
