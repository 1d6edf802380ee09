/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `smq send`: a file is one message, or each of its lines is. One after another: what was accepted is known exactly. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bin/smq/smq_session.h"

struct sending {
    struct session *session;
    uint64_t sent;
};

static int send_body(struct sending *sending, const char *bytes, size_t length) {
    const struct session *session = sending->session;
    const struct smq_options *options = session->options;
    struct smq_error error;
    struct smq_bytes body = {.bytes = (const uint8_t *)bytes, .length = length};
    enum smq_result (*send)(struct smq_client *, struct smq_send_queue *, bool, struct smq_bytes, uint32_t,
                            struct smq_error *) = options->proxy != NULL ? smq_proxied_send : smq_send;
    enum smq_result result =
        send(session->client, session->sides.sender, options->notify, body, session_timeout_ms(session), &error);
    if (result != SMQ_OK) {
        char what[96];
        (void)snprintf(what, sizeof what, "message %" PRIu64 " was not accepted", sending->sent + 1);
        return session_fail(options, what, result, &error);
    }
    sending->sent++;
    return options->json ? print_object(options, json_pack("{s:I}", "sent", (json_int_t)sending->sent)) : SMQ_EXIT_DONE;
}

static int send_lines(struct sending *sending, FILE *file) {
    char *line = NULL;
    size_t room = 0;
    int status = SMQ_EXIT_DONE;
    for (;;) {
        errno = 0;
        ssize_t length = getline(&line, &room, file);
        if (length < 0)
            break;
        if (line[length - 1] == '\n')
            length--;
        status = send_body(sending, line, (size_t)length);
        if (status != SMQ_EXIT_DONE)
            break;
    }
    if (status == SMQ_EXIT_DONE && ferror(file) != 0)
        status = session_mistake(sending->session->options, "cannot read: %s", strerror(errno));
    free(line);
    return status;
}

static int send_all(struct sending *sending, FILE *file) {
    char body[SMQ_BODY_MAX + 64];
    size_t length = fread(body, 1, sizeof body, file);
    if (ferror(file) != 0)
        return session_mistake(sending->session->options, "cannot read: %s", strerror(errno));
    return send_body(sending, body, length);
}

static int open_queue(struct session *session) {
    const struct smq_options *options = session->options;
    if (options->uri == NULL) {
        int status = session_read_file(session);
        if (status == SMQ_EXIT_DONE && session->sides.sender == NULL)
            status =
                session_mistake(options, "%s is the recipient's file; `smq join` makes the sender's", options->file);
        return status;
    }
    if (options->file != NULL)
        return session_mistake(options, "either --queue or --uri");
    enum smq_result result = smq_send_queue_from_uri(options->uri, &session->sides.sender);
    return result == SMQ_OK ? SMQ_EXIT_DONE : session_fail(options, "--uri", result, NULL);
}

int smq_command_send(const struct smq_options *options, int count, char **words) {
    struct session session = {.options = options};
    struct sending sending = {.session = &session};
    bool standard_input = count == 0 || strcmp(words[0], "-") == 0;
    FILE *file = standard_input ? stdin : fopen(words[0], "re");
    if (file == NULL)
        return session_mistake(options, "%s: %s", words[0], strerror(errno));
    int status = open_queue(&session);
    if (status == SMQ_EXIT_DONE)
        status = session_connect_to_queue(&session, false);
    if (status == SMQ_EXIT_DONE) {
        status = options->lines ? send_lines(&sending, file) : send_all(&sending, file);
        if (!options->json)
            printf("%" PRIu64 " sent\n", sending.sent);
    }
    if (!standard_input)
        (void)fclose(file);
    session_end(&session);
    return status;
}
