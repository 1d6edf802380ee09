/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Messages as text or JSON. */
#include "bin/smq/smq_message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A body that is no UTF-8 is shown in base64url. */
static json_t *json_of_message(const char *file, const struct smq_event *event) {
    json_t *message = json_pack("{s:o, s:I, s:b}", "message_id", json_of_bytes(event->message_id), "timestamp",
                                (json_int_t)event->timestamp, "notification", (int)event->notification);
    if (message == NULL)
        return NULL;
    json_t *text = event->quota ? NULL : json_stringn((const char *)event->body.bytes, event->body.length);
    int status = event->quota   ? json_object_set_new(message, "quota", json_true())
                 : text != NULL ? json_object_set_new(message, "body", text)
                                : json_object_set_new(message, "body_base64url", json_of_bytes(event->body));
    if (status == 0 && file != NULL)
        status = json_object_set_new(message, "file", json_string(file));
    if (status == 0)
        return message;
    json_decref(message);
    return NULL;
}

int message_print(const struct smq_options *options, const char *file, const struct smq_event *event) {
    if (options->json)
        return print_object(options, json_of_message(file, event));
    if (event->quota) {
        (void)fprintf(stderr, "smq %s: the queue was full here; messages after this were refused\n", options->command);
        return SMQ_EXIT_DONE;
    }
    bool printed = fwrite(event->body.bytes, 1, event->body.length, stdout) == event->body.length &&
                   (!options->lines || putchar('\n') != EOF) && fflush(stdout) == 0;
    return printed ? SMQ_EXIT_DONE : session_mistake(options, "cannot print: %s", strerror(errno));
}
