/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What commands that talk to routers have in common: the net, progress, failures, names in the folder for what is under
 * way. */
#pragma once

#include "actors/client/xftp/transfer.h"
#include "bin/xftp/xftp_options.h"

enum { XFTP_PATH_SIZE = 4096 };

struct xftp_session {
    const struct xftp_options *options;
    const char *progress_word; /* "Uploaded", "Downloaded" */
    struct net *net;
    struct tls_context *tls_context;
    struct transfer_options transfer;
};

/* False: a line says why. */
bool xftp_session_begin(struct xftp_session *session, const struct xftp_options *options, const char *progress_word);
void xftp_session_end(struct xftp_session *session);

/* A line that the next one overwrites on a terminal. */
void xftp_progress(const struct xftp_options *options, const char *text);
/* Prints why a transfer failed; 1. */
int xftp_failed(const struct transfer_failure *failure);
/* Prints "CLIError ..."; 1. */
int xftp_mistake(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A path in the folder for what is under way, that `mark` tells apart; the same each time. */
void xftp_temporary_path(const struct xftp_options *options, struct slice mark, const char *ending,
                         char path[XFTP_PATH_SIZE]);
/* Asks; with --yes the answer is yes. */
bool xftp_confirm(const struct xftp_options *options, const char *question);
