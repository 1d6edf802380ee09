/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* ping: whether a router serves, for people and for health checks. */
#include "bin/smq/smq_session.h"
#include "queues/base/clock.h"

static double milliseconds(uint64_t begin_us, uint64_t end_us) {
    return (double)(end_us - begin_us) / 1000.0;
}

static int ping(struct session *session, const char *address) {
    struct smq_error error = {.result = SMQ_OK};
    uint64_t begin = clock_monotonic_us();
    int status = session_connect(session, address, false);
    if (status != SMQ_EXIT_DONE)
        return status;
    uint64_t connected = clock_monotonic_us();
    enum smq_result result = smq_ping(session->client, session_timeout_ms(session), &error);
    if (result != SMQ_OK)
        return session_fail(session->options, "no answer", result, &error);
    double connect_ms = milliseconds(begin, connected);
    double answer_ms = milliseconds(connected, clock_monotonic_us());
    if (session->options->json)
        return print_object(session->options,
                            json_pack("{s:f, s:f}", "connect_ms", connect_ms, "answer_ms", answer_ms));
    printf("connected in %.1f ms, answered in %.1f ms\n", connect_ms, answer_ms);
    return SMQ_EXIT_DONE;
}

int smq_command_ping(const struct smq_options *options, int count, char **words) {
    struct session session = {.options = options};
    (void)count;
    int status = ping(&session, words[0]);
    session_end(&session);
    return status;
}
