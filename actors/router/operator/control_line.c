/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One line of a session: its command, who may, and what every router's control port knows itself: auth, help, quit.
 * Words are the reference's (Control.hs, Server.hs), those of its parser included. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "actors/router/operator/control_private.h"
#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"

enum {
    WRONG_PASSWORD_MS = 1000, /* after one, none is looked at for so long, whoever shows it */
    WRONG_PASSWORDS_MAX = 5,  /* then the session ends */
    ERROR_SIZE = 256
};

static const char *const role_names[] = {
    [CONTROL_NONE] = "CPRNone", [CONTROL_USER] = "CPRUser", [CONTROL_ADMIN] = "CPRAdmin"};
static const char json_option[] = " --json";

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

/* ---- auth */

static bool password_matches(const struct control_password *password, struct slice given) {
    return password->length > 0 && password->length == given.length &&
           secret_equal(password->bytes, given.bytes, given.length);
}

static enum control_role role_of(const struct control *control, struct slice password) {
    for (enum control_role role = CONTROL_ADMIN; role > CONTROL_NONE; role--)
        if (password_matches(&control->passwords[role], password))
            return role;
    return CONTROL_NONE;
}

static void count_wrong_password(struct control_session *session) {
    session->control->next_password_ms = clock_monotonic_ms() + WRONG_PASSWORD_MS;
    log_warn("control port: a wrong password");
    if (++session->wrong_passwords >= WRONG_PASSWORDS_MAX)
        session->is_ending = true;
}

/* False: its time has not come. */
static bool run_auth(struct control_session *session, struct slice password) {
    struct control *control = session->control;
    if (clock_monotonic_ms() < control->next_password_ms) {
        session->is_put_off = true;
        wheel_add(actor_wheel(control->actor), &session->again, control->next_password_ms);
        return false;
    }
    enum control_role role = role_of(control, password);
    if (session->role == CONTROL_NONE)
        session->role = role;
    if (role == CONTROL_NONE)
        count_wrong_password(session);
    text_add(&session->output, "Current role is %s%s\n", role_names[session->role],
             session->role == role ? "" : ", start new session to change.");
    return true;
}

/* ---- help */

/* The reference's line, then what each command is for. */
static void run_help(struct control_session *session) {
    static const char *const who[] = {
        [CONTROL_NONE] = "anybody", [CONTROL_USER] = "user or admin", [CONTROL_ADMIN] = "admin"};
    const struct control_table *table = &session->control->table;
    struct text_buffer *text = &session->output;
    text_add(text, "%s\n", table->help);
    text_add(text, "%-44s %-14s %s\n", "auth PASSWORD", who[CONTROL_NONE], "take the role of the password");
    for (size_t i = 0; i < table->command_count; i++) {
        const struct control_command *command = &table->commands[i];
        char usage[64];
        (void)snprintf(usage, sizeof usage, "%s%s%s [--json]", command->name, command->arguments == NULL ? "" : " ",
                       command->arguments == NULL ? "" : command->arguments);
        text_add(text, "%-44s %-14s %s\n", usage, who[command->role], command->summary);
    }
    text_add(text, "%-44s %-14s %s\n", "help", who[CONTROL_NONE], "this text");
    text_add(text, "%-44s %-14s %s\n", "quit", who[CONTROL_NONE], "end the session");
}

/* ---- commands of the table */

static const struct control_command *find_command(const struct control_table *table, struct slice name) {
    for (size_t i = 0; i < table->command_count; i++)
        if (slice_equal(name, slice_of_text(table->commands[i].name)))
            return &table->commands[i];
    return NULL;
}

/* Takes the option off the end. */
static bool take_json_option(struct slice *arguments) {
    size_t length = sizeof json_option - 1;
    if (arguments->length < length || memcmp(arguments->bytes + arguments->length - length, json_option, length) != 0)
        return false;
    arguments->length -= length;
    return true;
}

static struct control_request *make_request(struct control_session *session, const struct control_command *command,
                                            struct slice arguments) {
    struct control_request *request = memory_alloc(sizeof *request);
    if (request == NULL)
        return NULL;
    memset(request, 0, offsetof(struct control_request, line));
    request->control = session->control;
    request->session = session;
    request->command = command;
    request->role = session->role;
    request->is_json = take_json_option(&arguments);
    if (arguments.length > 0)
        memcpy(request->line, arguments.bytes, arguments.length);
    request->arguments = slice_of(request->line, arguments.length);
    return request;
}

/* `arguments` begin with their space, or are empty. */
static void run_command(struct control_session *session, const struct control_command *command,
                        struct slice arguments) {
    struct control_request *request = make_request(session, command, arguments);
    if (request == NULL) {
        session->is_ending = true;
        return;
    }
    session->request = request;
    if (!command->is_quiet)
        log_info("control port: %s: %s", role_names[session->role], command->name);
    if (command->arguments == NULL && request->arguments.length > 0)
        control_error(request, "endOfInput");
    else if (command->arguments != NULL && request->arguments.length == 0)
        control_error(request, "space: not enough input");
    else if (session->role >= command->role) {
        if (request->arguments.length > 0)
            request->arguments = slice_of(request->arguments.bytes + 1, request->arguments.length - 1);
        command->run(session->control->table.context, request);
        return;
    } else
        text_add(&request->answer, request->is_json ? "{\"error\":\"AUTH\"}\n" : "AUTH\n");
    control_done(request);
}

static bool is_text(struct slice slice, const char *text) {
    return slice_equal(slice, slice_of_text(text));
}

bool control_line_run(struct control_session *session, struct slice line) {
    struct reader reader = reader_of(line);
    struct slice name = read_until(&reader, ' ');
    struct slice rest = read_tail(&reader);
    const struct control_command *command = find_command(&session->control->table, name);
    if (is_text(name, "auth") && rest.length > 1)
        return run_auth(session, slice_of(rest.bytes + 1, rest.length - 1));
    if (command != NULL)
        run_command(session, command, rest);
    else if (is_text(name, "auth"))
        text_add(&session->output, "error: %s\n", rest.length == 0 ? "space: not enough input" : "not enough input");
    else if (name.length == 0 && rest.length == 0)
        return true;
    else if (rest.length > 0 && (is_text(name, "help") || is_text(name, "quit") || name.length == 0))
        text_add(&session->output, "error: endOfInput\n");
    else if (is_text(name, "help"))
        run_help(session);
    else if (is_text(name, "quit"))
        session->is_ending = true;
    else
        text_add(&session->output, "error: Failed reading: bad ControlProtocol command\n");
    return true;
}
