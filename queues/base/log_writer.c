/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The thread takes lines out of the ring and writes them; it alone waits for stderr. It sleeps on a semaphore, which is
 * posted only when it has announced its sleep. Where there is no thread a line is written if poll says that it can be
 * taken: a pipe that reports room takes PIPE_BUF bytes, more than a line has. */
#include "queues/base/log_writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/log_format.h"
#include "queues/base/log_ring.h"

enum { EXIT_WAIT_MS = 500, SUMMARY_MS = 1000, NS_PER_MS = 1000000 };
_Static_assert(LOG_LINE_MAX < PIPE_BUF, "a pipe with room takes a line whole");

enum sample_state { SAMPLE_NONE, SAMPLE_WRITTEN, SAMPLE_THERE };
enum stage { STAGE_DIRECT, STAGE_ALLOWED, STAGE_THREAD };

static _Atomic int stage;
static _Atomic bool is_asleep;
static _Atomic uint64_t written; /* lines taken from the ring and done with */
static _Atomic uint64_t lost;
static struct log_site *_Atomic listed; /* sites that have left lines out; they stay */
static sem_t work;
static log_thread_create *create_thread;
static struct thread *writer;

static bool await_room(int timeout_ms) {
    struct pollfd polled = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&polled, 1, timeout_ms) == 1 && (polled.revents & POLLOUT) != 0;
}

/* False: nobody will get it. */
static bool write_whole(const char *line, size_t length, bool may_wait) {
    size_t done = 0;
    while (done < length) {
        ssize_t count = write(STDERR_FILENO, line + done, length - done);
        if (count >= 0)
            done += (size_t)count;
        else if (errno == EAGAIN && may_wait)
            (void)await_room(-1);
        else if (errno != EINTR)
            return false;
    }
    return true;
}

/* A reader that has gone must not end a program that has not asked for SIGPIPE to be ignored. */
static bool write_at_once(const char *line, size_t length) {
    sigset_t pipe_signal;
    sigset_t former;
    sigset_t pending;
    if (!await_room(0))
        return false;
    (void)sigemptyset(&pipe_signal);
    (void)sigaddset(&pipe_signal, SIGPIPE);
    (void)sigpending(&pending);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_signal, &former);
    bool is_written = write_whole(line, length, false);
    if (!is_written && errno == EPIPE && sigismember(&pending, SIGPIPE) == 0) {
        const struct timespec none = {0};
        (void)sigtimedwait(&pipe_signal, NULL, &none);
    }
    (void)pthread_sigmask(SIG_SETMASK, &former, NULL);
    return is_written;
}

static void write_note(enum log_level level, const char *text) {
    char line[LOG_LINE_MAX];
    (void)write_whole(line, log_format_line(line, level, "%s", text), true);
}

static void tell_lost(void) {
    char text[64];
    uint64_t count = atomic_exchange(&lost, 0);
    if (count == 0)
        return;
    (void)snprintf(text, sizeof text, "%ju lines lost", (uintmax_t)count);
    write_note(LOG_LEVEL_WARN, text);
}

/* A line that is being counted gives its text in a moment, or its site has one already: it is told the next time. */
static void tell_left_out(void) {
    char text[64 + LOG_SAMPLE_SIZE];
    for (struct log_site *site = atomic_load(&listed); site != NULL; site = site->next) {
        if (atomic_load(&site->left_out) == 0 || atomic_load(&site->sample_state) != SAMPLE_THERE)
            continue;
        char sample[LOG_SAMPLE_SIZE];
        memcpy(sample, site->sample, sizeof sample);
        atomic_store(&site->sample_state, SAMPLE_NONE); /* before the count is taken: the next line brings its own */
        uint64_t count = atomic_exchange(&site->left_out, 0);
        (void)snprintf(text, sizeof text, "%ju more like this: %s", (uintmax_t)count, sample);
        write_note(LOG_LEVEL_WARN, text);
    }
}

/* Until there may be something: a line, or the time to sum up. */
static void sleep_for_work(uint64_t *summary_ms) {
    uint64_t now_ms = clock_monotonic_ms();
    if (atomic_load(&listed) != NULL && now_ms >= *summary_ms) {
        tell_left_out();
        *summary_ms = now_ms + SUMMARY_MS;
    }
    atomic_store(&is_asleep, true);
    if (log_ring_put_count() != atomic_load(&written)) {
        atomic_store(&is_asleep, false);
        (void)sched_yield(); /* whoever took the number of the next line has not filled it yet */
        return;
    }
    struct timespec deadline;
    (void)clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += SUMMARY_MS / 1000;
    if (atomic_load(&listed) == NULL)
        (void)sem_wait(&work);
    else
        (void)sem_clockwait(&work, CLOCK_MONOTONIC, &deadline);
    atomic_store(&is_asleep, false);
}

static void run(void *argument) {
    char line[LOG_LINE_MAX];
    uint64_t summary_ms = 0;
    (void)argument;
    for (;;) {
        size_t length = log_ring_take(line);
        if (length == 0) {
            sleep_for_work(&summary_ms);
            continue;
        }
        if (!write_whole(line, length, true))
            atomic_fetch_add(&lost, 1);
        else
            tell_lost();
        atomic_fetch_add(&written, 1);
    }
}

/* What comes later, from other threads or other handlers, is written at once. */
static void finish(void) {
    (void)log_flush(EXIT_WAIT_MS);
    int used = STAGE_THREAD;
    (void)atomic_compare_exchange_strong(&stage, &used, STAGE_DIRECT);
}

static void forget_thread(void) {
    atomic_store(&stage, STAGE_DIRECT);
}

void log_writer_allow(log_thread_create *create) {
    create_thread = create;
    if (sem_init(&work, 0, 0) == 0 && pthread_atfork(NULL, NULL, forget_thread) == 0 && atexit(finish) == 0)
        atomic_store(&stage, STAGE_ALLOWED);
}

/* A thread that is not to be had is tried for once: the lines before, also those of others, have been put already. */
static void start(void) {
    char line[LOG_LINE_MAX];
    size_t length = 0;
    int allowed = STAGE_ALLOWED;
    if (!atomic_compare_exchange_strong(&stage, &allowed, STAGE_THREAD))
        return;
    if (create_thread(&writer, "log", run, NULL) == SMQ_OK)
        return;
    atomic_store(&stage, STAGE_DIRECT);
    while ((length = log_ring_take(line)) > 0) {
        (void)write_at_once(line, length);
        atomic_fetch_add(&written, 1);
    }
}

bool log_writer_is_used(void) {
    return atomic_load_explicit(&stage, memory_order_relaxed) != STAGE_DIRECT;
}

void log_writer_line(const char *line, size_t length) {
    if (!log_writer_is_used()) {
        if (!write_at_once(line, length))
            atomic_fetch_add(&lost, 1);
        return;
    }
    if (!log_ring_put(line, length)) {
        atomic_fetch_add(&lost, 1);
        return;
    }
    if (atomic_load(&stage) == STAGE_ALLOWED)
        start();
    if (atomic_exchange(&is_asleep, false))
        (void)sem_post(&work);
}

/* The first to come gives the text. */
__attribute__((format(printf, 2, 0))) static void take_sample(struct log_site *site, const char *format,
                                                              va_list arguments) {
    int none = SAMPLE_NONE;
    if (atomic_load_explicit(&site->sample_state, memory_order_relaxed) != SAMPLE_NONE ||
        !atomic_compare_exchange_strong(&site->sample_state, &none, SAMPLE_WRITTEN))
        return;
    (void)vsnprintf(site->sample, sizeof site->sample, format, arguments);
    atomic_store(&site->sample_state, SAMPLE_THERE);
}

void log_writer_leave_out(struct log_site *site, const char *format, va_list arguments) {
    atomic_fetch_add(&site->left_out, 1);
    take_sample(site, format, arguments);
    if (atomic_load_explicit(&site->is_listed, memory_order_relaxed) || atomic_exchange(&site->is_listed, true))
        return;
    site->next = atomic_load(&listed);
    while (!atomic_compare_exchange_weak(&listed, &site->next, site))
        continue;
    if (atomic_exchange(&is_asleep, false))
        (void)sem_post(&work);
}

bool log_flush(uint32_t timeout_ms) {
    const struct timespec moment = {.tv_nsec = NS_PER_MS};
    uint64_t wanted = log_ring_put_count();
    uint64_t end_ms = clock_monotonic_ms() + timeout_ms;
    while (atomic_load(&stage) == STAGE_THREAD && atomic_load(&written) < wanted) {
        if (clock_monotonic_ms() >= end_ms)
            return false;
        (void)nanosleep(&moment, NULL);
    }
    return true;
}
