/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* posix_spawn: there is no fork without exec beside liburcu's threads. */
#include "bin/smq-bench/bench_command.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child must not inherit: blocked signals, and stdout, which may be JSON. */
static int prepare(posix_spawnattr_t *attributes, posix_spawn_file_actions_t *actions) {
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int error = posix_spawnattr_setsigmask(attributes, &none);
    if (error == 0)
        error = posix_spawnattr_setsigdefault(attributes, &all);
    if (error == 0)
        error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return error != 0 ? error : posix_spawn_file_actions_adddup2(actions, STDERR_FILENO, STDOUT_FILENO);
}

enum smq_result bench_command_start(const char *text, pid_t *process) {
    const char *const words[] = {"sh", "-c", text, NULL};
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    if (posix_spawnattr_init(&attributes) != 0)
        return SMQ_ERR_SYSTEM;
    int error = posix_spawn_file_actions_init(&actions);
    if (error == 0) {
        error = prepare(&attributes, &actions);
        if (error == 0)
            error = posix_spawn(process, "/bin/sh", &actions, &attributes, (char *const *)(uintptr_t)words, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    (void)posix_spawnattr_destroy(&attributes);
    errno = error;
    return error == 0 ? SMQ_OK : SMQ_ERR_SYSTEM;
}

bool bench_command_runs(pid_t process, int *status) {
    int ended = 0;
    pid_t waited = waitpid(process, &ended, WNOHANG);
    if (waited == 0 || (waited < 0 && errno == EINTR))
        return true;
    *status = waited < 0 ? 127 : WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
    return false;
}
