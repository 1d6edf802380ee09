/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Signals of a server, by signalfd. */
#include "bin/common/signals.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t awaited;

static bool is_ignored(int number) {
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void signals_prepare(void) {
    static const int ignored[] = {SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF,
                                  SIGTTIN, SIGTTOU, SIGPIPE, SIGXFSZ,   SIGIO};
    (void)sigemptyset(&awaited);
    (void)sigaddset(&awaited, SIGINT);
    (void)sigaddset(&awaited, SIGTERM);
    if (!is_ignored(SIGHUP)) /* when blocked it would be delivered although it is ignored */
        (void)sigaddset(&awaited, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &awaited, NULL);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        (void)signal(ignored[i], SIG_IGN);
}

int signals_open(void) {
    return signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK);
}

enum signal_wish signals_take(int descriptor, int *number) {
    struct signalfd_siginfo received;
    enum signal_wish wish = SIGNAL_NONE;
    while (wish != SIGNAL_STOP && read(descriptor, &received, sizeof received) == (ssize_t)sizeof received) {
        *number = (int)received.ssi_signo;
        wish = *number == SIGHUP ? SIGNAL_RELOAD : SIGNAL_STOP;
    }
    return wish;
}
