/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One-time set-up. */
#include "queues/base/setup.h"

#include <pthread.h>
#include <stdlib.h>

#include "queues/base/fault.h"
#include "queues/base/log_writer.h"
#include "queues/base/random.h"
#include "queues/base/rcu.h"
#include "queues/base/thread.h"

static pthread_once_t setup_once = PTHREAD_ONCE_INIT;
static enum smq_result setup_result;

static enum smq_result arm_faults(void) {
#ifdef DEBUG_FAULTS
    const char *text = getenv("SMQ_FAULT");
    if (text != NULL)
        return fault_arm_text(text);
#endif
    return SMQ_OK;
}

/* The reclaim thread is liburcu's own; started here, it inherits blocked signals. */
static enum smq_result start_reclaim_thread(void) {
    sigset_t former;
    thread_signals_block(&former);
    struct call_rcu_data *reclaim_thread = urcu_memb_get_default_call_rcu_data();
    thread_signals_restore(&former);
    return reclaim_thread != NULL ? SMQ_OK : SMQ_ERR_SYSTEM;
}

static void setup(void) {
    setup_result = random_setup();
    if (setup_result == SMQ_OK)
        setup_result = start_reclaim_thread();
    if (setup_result == SMQ_OK)
        setup_result = arm_faults();
    if (setup_result == SMQ_OK)
        log_writer_allow(thread_create);
}

enum smq_result base_setup(void) {
    if (pthread_once(&setup_once, setup) != 0)
        return SMQ_ERR_SYSTEM;
    thread_attach();
    return setup_result;
}
