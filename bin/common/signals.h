/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Signals of a server: some are awaited by its main thread, some do nothing, the others do what they always do. */
#pragma once

#include <signal.h>

enum signal_wish {
    SIGNAL_NONE,
    SIGNAL_RELOAD, /* SIGHUP */
    SIGNAL_STOP    /* SIGINT, SIGTERM; goes before a reload that was wished for at the same time */
};

/* To be called before the first thread is made. Blocks SIGINT, SIGTERM and, unless it was ignored already (nohup),
 * SIGHUP. What is sent by mistake (SIGUSR1, SIGUSR2, SIGALRM), by a terminal (SIGTTIN, SIGTTOU), or instead of an error
 * code (SIGPIPE, SIGXFSZ) is ignored. */
void signals_prepare(void);

/* A descriptor, readable when a wish has come. -1 with errno. */
int signals_open(void);
/* What was wished for since the last call; `*number` is the signal that says so. */
enum signal_wish signals_take(int descriptor, int *number);
