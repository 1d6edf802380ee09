/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What those who answer requests of the control port call. */
#include <stdarg.h>
#include <stdio.h>

#include "actors/router/operator/control_private.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"

enum { ERROR_SIZE = 256 };

void control_done(struct control_request *request) {
    struct control *control = request->control;
    if (actor_send(control->actor, &request->message) == SMQ_OK)
        return;
    /* The role is stopping: its session may still look at the request. */
    request->next = atomic_load(&control->late);
    while (!atomic_compare_exchange_weak(&control->late, &request->next, request))
        continue;
}

void control_request_destroy(struct control_request *request) {
    text_free(&request->answer);
    memory_free(request->owned);
    secret_wipe(request->line, sizeof request->line);
    memory_free(request);
}

void control_error(struct control_request *request, const char *format, ...) {
    char error[ERROR_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error, sizeof error, format, arguments);
    va_end(arguments);
    if (request->is_json) {
        text_add(&request->answer, "{\"error\":");
        text_add_quoted(&request->answer, error);
        text_add(&request->answer, "}\n");
    } else {
        text_add(&request->answer, "error: %s\n", error);
    }
}

struct slice control_argument(struct slice *arguments) {
    struct reader reader = reader_of(*arguments);
    struct slice argument = read_until(&reader, ' ');
    (void)read_if(&reader, " ");
    *arguments = read_tail(&reader);
    return argument;
}
