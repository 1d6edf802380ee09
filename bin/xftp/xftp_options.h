/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the command line of xftp says. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct xftp_options {
    const char *servers; /* NULL: the presets */
    const char *tmp;     /* NULL: TMPDIR, or /tmp */
    int64_t recipients, retries, jobs;
    bool verbose, yes, app_link;
};

/* Commands. Each prints, to stdout as the reference does, and returns the exit code. `words` are what followed the
 * options. */
int xftp_send(const struct xftp_options *options, int count, char **words);
int xftp_receive(const struct xftp_options *options, int count, char **words);
int xftp_remove(const struct xftp_options *options, int count, char **words);
int xftp_info(const struct xftp_options *options, int count, char **words);
int xftp_random(const struct xftp_options *options, int count, char **words);
int xftp_link(const struct xftp_options *options, int count, char **words);
