/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bin/xftp/xftp_session.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queues/base/log.h"
#include "queues/base/setup.h"
#include "queues/base/thread.h"
#include "transport/crypto/hash.h"
#include "transport/crypto/setup.h"

enum { ERROR_TEXT_SIZE = 256, MARK_BYTES = 8, ANSWER_SIZE = 64 };

/* ---- what is printed */

void xftp_progress(const struct xftp_options *options, const char *text) {
    printf("%-25s\r", text);
    if (options->verbose)
        printf("\n");
    (void)fflush(stdout);
}

static void show_progress(void *context, uint64_t done, uint64_t all) {
    const struct xftp_session *session = context;
    char text[64];
    (void)snprintf(text, sizeof text, "%s %" PRIu64 "%%", session->progress_word, all > 0 ? done * 100 / all : 100);
    xftp_progress(session->options, text);
}

int xftp_mistake(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    printf("CLIError \"");
    (void)vprintf(format, arguments);
    printf("\"\n");
    va_end(arguments);
    return 1;
}

/* The words of the reference for errors of routers; tests and scripts look for them. */
int xftp_failed(const struct transfer_failure *failure) {
    char text[ERROR_TEXT_SIZE];
    if (failure->result == SMQ_ERR_PROTOCOL && failure->error.code != XFTP_ERROR_NONE)
        return xftp_mistake("PCEProtocolError %s", xftp_error_text(&failure->error, text, sizeof text));
    if (failure->result == SMQ_ERR_INVALID)
        return xftp_mistake("the file has changed since it was begun, or while it was sent");
    return xftp_mistake("%s", smq_result_text(failure->result));
}

bool xftp_confirm(const struct xftp_options *options, const char *question) {
    char answer[ANSWER_SIZE];
    if (options->yes)
        return true;
    printf("%s (Y/n): ", question);
    (void)fflush(stdout);
    if (fgets(answer, sizeof answer, stdin) == NULL)
        return false;
    return answer[0] == '\n' || answer[0] == 'y' || answer[0] == 'Y';
}

/* ---- paths */

void xftp_temporary_path(const struct xftp_options *options, struct slice mark, const char *ending,
                         char path[XFTP_PATH_SIZE]) {
    uint8_t digest[HASH_SHA256_SIZE] = {0};
    char hex[2 * MARK_BYTES + 1];
    const char *folder = options->tmp != NULL ? options->tmp : getenv("TMPDIR");
    (void)hash_slice(HASH_SHA256, mark, digest);
    for (size_t i = 0; i < MARK_BYTES; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    (void)snprintf(path, XFTP_PATH_SIZE, "%s/xftp-%s.%s", folder != NULL && folder[0] != '\0' ? folder : "/tmp", hex,
                   ending);
}

/* ---- the net */

bool xftp_session_begin(struct xftp_session *session, const struct xftp_options *options, const char *progress_word) {
    const struct net_options net_options = {.receive_lanes = 2, .send_lanes = 1};
    *session = (struct xftp_session){.options = options, .progress_word = progress_word};
    log_set_level(options->verbose ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR);
    thread_attach();
    enum smq_result result = crypto_setup();
    if (result == SMQ_OK)
        result = tls_context_create_client(NULL, &session->tls_context);
    if (result == SMQ_OK)
        result = net_create(&net_options, &session->net);
    if (result != SMQ_OK) {
        (void)xftp_mistake("%s", smq_result_text(result));
        tls_context_destroy(&session->tls_context);
        return false;
    }
    session->transfer = (struct transfer_options){.net = session->net,
                                                  .tls_context = session->tls_context,
                                                  .threads = (unsigned)options->jobs,
                                                  .tries = (unsigned)options->retries,
                                                  .progress = show_progress,
                                                  .context = session};
    return true;
}

void xftp_session_end(struct xftp_session *session) {
    net_destroy(&session->net);
    tls_context_destroy(&session->tls_context);
}
