/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sessions of smq: one connection a run, with one thread for each role of the client. */
#include "bin/smq/smq_session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "queues/base/memory.h"
#include "transport/wire/text.h"

enum { MISTAKE_SIZE = 512 };

uint32_t session_timeout_ms(const struct session *session) {
    return (uint32_t)session->options->timeout_s * 1000;
}

/* ---- telling ---- */

static void tell(const struct smq_options *options, const char *text) {
    (void)fprintf(stderr, "smq %s: %s\n", options->command, text);
    if (!options->json)
        return;
    json_t *object = json_pack("{s:s}", "error", text);
    (void)print_object(options, object);
}

int session_mistake(const struct smq_options *options, const char *format, ...) {
    char text[MISTAKE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tell(options, text);
    return SMQ_EXIT_LOCAL;
}

/* Failures that are neither the network's nor the router's are local. */
static int exit_code(enum smq_result result) {
    switch (result) {
    case SMQ_ERR_PROTOCOL:
    case SMQ_ERR_AUTH:
        return SMQ_EXIT_REFUSED;
    case SMQ_ERR_NETWORK:
    case SMQ_ERR_TLS:
    case SMQ_ERR_IDENTITY:
    case SMQ_ERR_VERSION:
    case SMQ_ERR_CRYPTO:
    case SMQ_ERR_CLOSED:
    case SMQ_ERR_CANCELLED:
    case SMQ_ERR_TIMEOUT:
        return SMQ_EXIT_NETWORK;
    default:
        return SMQ_EXIT_LOCAL;
    }
}

int session_fail(const struct smq_options *options, const char *what, enum smq_result result,
                 const struct smq_error *error) {
    char text[MISTAKE_SIZE];
    bool more = error != NULL && error->text[0] != '\0' && strcmp(error->text, smq_result_text(result)) != 0;
    (void)snprintf(text, sizeof text, "%s: %s%s%s", what, smq_result_text(result), more ? ": " : "",
                   more ? error->text : "");
    for (char *character = text; *character != '\0'; character++) /* a router's words go to a terminal */
        if (*character < ' ' || *character > '~')
            *character = '?';
    tell(options, text);
    return exit_code(result);
}

int print_object(const struct smq_options *options, json_t *object) {
    if (object == NULL)
        return session_fail(options, "cannot print", SMQ_ERR_NO_MEMORY, NULL);
    int status = json_dumpf(object, stdout, JSON_COMPACT);
    json_decref(object);
    if (status == 0 && putchar('\n') != EOF && fflush(stdout) == 0)
        return SMQ_EXIT_DONE;
    (void)fprintf(stderr, "smq %s: cannot print: %s\n", options->command, strerror(errno));
    return SMQ_EXIT_LOCAL;
}

json_t *json_of_bytes(struct smq_bytes bytes) {
    size_t size = bytes.length * 2 + 8;
    char *text = memory_alloc(size);
    if (text == NULL)
        return NULL;
    struct writer writer = writer_of(text, size);
    write_base64(&writer, slice_of(bytes.bytes, bytes.length), BASE64_URL);
    json_t *string = json_stringn(text, writer_length(&writer));
    memory_free(text);
    return string;
}

/* ---- file and connection ---- */

int session_read_file(struct session *session) {
    const char *path = session->options->file;
    if (path == NULL)
        return session_mistake(session->options, "--queue is missing");
    enum smq_result result = queue_file_read(path, &session->sides);
    if (result == SMQ_ERR_SYSTEM)
        return session_mistake(session->options, "%s: %s", path, strerror(errno));
    if (result != SMQ_OK)
        return session_mistake(session->options, "%s: %s", path,
                               result == SMQ_ERR_SYNTAX ? "not a file of smq" : smq_result_text(result));
    return SMQ_EXIT_DONE;
}

int session_read_recipient(struct session *session) {
    int status = session_read_file(session);
    if (status == SMQ_EXIT_DONE && session->sides.recipient == NULL)
        status = session_mistake(session->options, "%s is the sender's file; only the recipient can do this",
                                 session->options->file);
    return status;
}

static enum smq_result make_network(struct session *session) {
    static const enum smq_host_mode modes[] = {SMQ_HOST_ONION_VIA_SOCKS, SMQ_HOST_ONION, SMQ_HOST_PUBLIC};
    struct smq_network_options options;
    smq_network_options_init(&options);
    options.socks_proxy = session->options->socks;
    options.host_mode = modes[session->options->host_mode];
    return smq_network_create(&options, &session->network);
}

int session_start(struct session *session, bool with_events) {
    struct smq_context_options lanes;
    struct smq_events_options events;
    enum smq_result result = make_network(session);
    if (result == SMQ_ERR_SYNTAX)
        return session_mistake(session->options,
                               "--socks: expected [user:password@ or @]host[:port] with an IP address");
    smq_events_options_init(&events);
    events.with_descriptor = true;
    smq_context_options_init(&lanes);
    lanes.receive_lanes = lanes.process_lanes = lanes.send_lanes = 1;
    if (result == SMQ_OK)
        result = smq_context_create(&lanes, &session->context);
    if (result == SMQ_OK && with_events)
        result = smq_events_create(&events, &session->events);
    return result == SMQ_OK ? SMQ_EXIT_DONE : session_fail(session->options, "cannot start", result, NULL);
}

int session_connect(struct session *session, const char *address, bool with_events) {
    struct smq_client_options options;
    struct smq_error error = {.result = SMQ_OK};
    int status = session_start(session, with_events);
    if (status != SMQ_EXIT_DONE)
        return status;
    smq_client_options_init(&options);
    options.events = session->events;
    options.network = session->network;
    options.connect_timeout_ms = session_timeout_ms(session);
    enum smq_result result = smq_client_connect(session->context, address, &options, &session->client, &error);
    if (result == SMQ_OK)
        return SMQ_EXIT_DONE;
    return session_fail(session->options, result == SMQ_ERR_SYNTAX ? "the router's address" : "cannot connect", result,
                        &error);
}

int session_connect_to_queue(struct session *session, bool with_events) {
    if (session->options->proxy != NULL)
        return session_connect(session, session->options->proxy, with_events);
    char address[SMQ_ADDRESS_TEXT_SIZE];
    enum smq_result result = session->sides.recipient != NULL
                                 ? smq_receive_queue_address(session->sides.recipient, address, sizeof address)
                                 : smq_send_queue_address(session->sides.sender, address, sizeof address);
    if (result != SMQ_OK)
        return session_fail(session->options, "the queue's address", result, NULL);
    return session_connect(session, address, with_events);
}

void session_end(struct session *session) {
    smq_client_close(&session->client);
    smq_context_destroy(&session->context);
    smq_events_destroy(&session->events);
    smq_network_release(&session->network);
    queue_sides_release(&session->sides);
}
