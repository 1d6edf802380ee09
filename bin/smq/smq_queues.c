/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The commands of smq that make, secure, show and delete queues. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bin/smq/smq_session.h"
#include "queues/base/cursor.h"
#include "transport/wire/text.h"

enum { KEY_TEXT_SIZE = 2 * SMQ_KEY_DER_MAX };

static const enum smq_key_algorithm key_algorithms[] = {SMQ_KEY_ED25519, SMQ_KEY_ED448, SMQ_KEY_X25519};

static int reserve_file(const struct smq_options *options) {
    if (options->file == NULL)
        return session_mistake(options, "--queue is missing");
    enum smq_result result = queue_file_reserve(options->file);
    if (result == SMQ_ERR_EXISTS)
        return session_mistake(options, "%s exists; a file holds one side of one queue", options->file);
    return result == SMQ_OK ? SMQ_EXIT_DONE : session_mistake(options, "%s: %s", options->file, strerror(errno));
}

static int file_failed(const struct smq_options *options, enum smq_result result) {
    return session_mistake(options, "%s: %s", options->file,
                           result == SMQ_ERR_SYSTEM ? strerror(errno) : smq_result_text(result));
}

/* ---- create ---- */

static int show_created(const struct session *session) {
    const struct smq_receive_queue *queue = session->sides.recipient;
    char uri[SMQ_URI_TEXT_SIZE];
    enum smq_result result = smq_receive_queue_uri(queue, uri, sizeof uri);
    if (result != SMQ_OK)
        return session_fail(session->options, "the queue's URI", result, NULL);
    if (!session->options->json)
        return puts(uri) != EOF && fflush(stdout) == 0 ? SMQ_EXIT_DONE : SMQ_EXIT_LOCAL;
    return print_object(session->options, json_pack("{s:s, s:s, s:o, s:o}", "uri", uri, "file", session->options->file,
                                                    "recipient_id", json_of_bytes(smq_receive_queue_id(queue)),
                                                    "sender_id", json_of_bytes(smq_receive_queue_sender_id(queue))));
}

static int create(struct session *session, const char *address) {
    const struct smq_options *options = session->options;
    struct smq_create_options wanted;
    struct smq_error error;
    int status = session_connect(session, address, false);
    if (status != SMQ_EXIT_DONE)
        return status;
    smq_create_options_init(&wanted);
    wanted.subscribe = false;
    wanted.mode = options->mode == 0 ? SMQ_MODE_MESSAGING : SMQ_MODE_CONTACT;
    if (options->key_algorithm >= 0)
        wanted.key_algorithm = key_algorithms[options->key_algorithm];
    enum smq_result result =
        smq_create_queue(session->client, &wanted, session_timeout_ms(session), &session->sides.recipient, &error);
    if (result != SMQ_OK)
        return session_fail(options, "the queue was not created", result, &error);
    result = queue_file_write_recipient(options->file, session->sides.recipient);
    return result == SMQ_OK ? SMQ_EXIT_DONE : file_failed(options, result);
}

int smq_command_create(const struct smq_options *options, int count, char **words) {
    struct session session = {.options = options};
    (void)count;
    int status = reserve_file(options);
    if (status != SMQ_EXIT_DONE)
        return status;
    status = create(&session, words[0]);
    if (status != SMQ_EXIT_DONE)
        (void)unlink(options->file);
    else
        status = show_created(&session);
    session_end(&session);
    return status;
}

/* ---- join ---- */

static enum smq_result key_text(const struct smq_send_queue *queue, char text[KEY_TEXT_SIZE]) {
    uint8_t key[SMQ_KEY_DER_MAX];
    size_t size = sizeof key;
    enum smq_result result = smq_send_queue_public_key(queue, key, &size);
    if (result != SMQ_OK)
        return result;
    struct writer writer = writer_of(text, KEY_TEXT_SIZE - 1);
    write_base64(&writer, slice_of(key, size), BASE64_URL);
    text[writer_length(&writer)] = '\0';
    return writer_finish(&writer);
}

int smq_command_join(const struct smq_options *options, int count, char **words) {
    struct session session = {.options = options};
    char key[KEY_TEXT_SIZE];
    (void)count;
    int status = reserve_file(options);
    if (status != SMQ_EXIT_DONE)
        return status;
    enum smq_result result = smq_send_queue_from_uri(words[0], &session.sides.sender);
    if (result == SMQ_OK)
        result = smq_send_queue_make_key(session.sides.sender, options->key_algorithm >= 0
                                                                   ? key_algorithms[options->key_algorithm]
                                                                   : SMQ_KEY_X25519);
    if (result == SMQ_OK)
        result = key_text(session.sides.sender, key);
    if (result != SMQ_OK) {
        status = session_fail(options, "the queue's URI", result, NULL);
    } else {
        result = queue_file_write_sender(options->file, session.sides.sender);
        if (result != SMQ_OK)
            status = file_failed(options, result);
    }
    if (status != SMQ_EXIT_DONE)
        (void)unlink(options->file);
    else if (options->json)
        status = print_object(options, json_pack("{s:s, s:s}", "key", key, "file", options->file));
    else
        (void)puts(key);
    session_end(&session);
    return status;
}

/* ---- secure ---- */

/* The recipient lets in whoever has this key. */
static int secure_as_recipient(struct session *session) {
    const struct smq_options *options = session->options;
    uint8_t key[SMQ_KEY_DER_MAX];
    size_t length = 0;
    struct smq_error error;
    if (options->proxy != NULL)
        return session_mistake(options, "%s is the recipient's file: --proxy is for senders", options->file);
    if (options->already || options->key == NULL)
        return session_mistake(options, "%s is the recipient's file: --key is needed, the key that `smq join` printed",
                               options->file);
    if (base64url_parse(slice_of_text(options->key), key, sizeof key, &length) != SMQ_OK)
        return session_mistake(options, "--key: expected a key in base64url");
    int status = session_connect_to_queue(session, false);
    if (status != SMQ_EXIT_DONE)
        return status;
    enum smq_result result =
        smq_secure(session->client, session->sides.recipient, (struct smq_bytes){.bytes = key, .length = length},
                   session_timeout_ms(session), &error);
    return result == SMQ_OK ? SMQ_EXIT_DONE : session_fail(options, "the queue was not secured", result, &error);
}

/* The sender does it alone, or notes that the recipient did. */
static int secure_as_sender(struct session *session) {
    const struct smq_options *options = session->options;
    struct smq_send_queue *queue = session->sides.sender;
    struct smq_error error = {.result = SMQ_OK};
    enum smq_result result;
    if (options->key != NULL)
        return session_mistake(options, "%s is the sender's file and has its key; --key is for the recipient",
                               options->file);
    if (options->already) {
        result = smq_send_queue_set_secured(queue, true);
    } else {
        int status = session_connect_to_queue(session, false);
        if (status != SMQ_EXIT_DONE)
            return status;
        enum smq_result (*secure)(struct smq_client *, struct smq_send_queue *, uint32_t, struct smq_error *) =
            options->proxy != NULL ? smq_proxied_secure_as_sender : smq_secure_as_sender;
        result = secure(session->client, queue, session_timeout_ms(session), &error);
    }
    if (result != SMQ_OK)
        return session_fail(options, "the queue was not secured", result, &error);
    result = queue_file_write_sender(options->file, queue);
    return result == SMQ_OK ? SMQ_EXIT_DONE : file_failed(options, result);
}

int smq_command_secure(const struct smq_options *options, int count, char **words) {
    struct session session = {.options = options};
    (void)count;
    (void)words;
    int status = session_read_file(&session);
    if (status == SMQ_EXIT_DONE)
        status = session.sides.recipient != NULL ? secure_as_recipient(&session) : secure_as_sender(&session);
    if (status == SMQ_EXIT_DONE && options->json)
        status = print_object(options, json_pack("{s:b}", "secured", 1));
    session_end(&session);
    return status;
}

/* ---- delete ---- */

int smq_command_delete(const struct smq_options *options, int count, char **words) {
    struct session session = {.options = options};
    struct smq_error error;
    (void)count;
    (void)words;
    int status = session_read_recipient(&session);
    if (status == SMQ_EXIT_DONE)
        status = session_connect_to_queue(&session, false);
    if (status == SMQ_EXIT_DONE) {
        enum smq_result result =
            smq_delete(session.client, session.sides.recipient, session_timeout_ms(&session), &error);
        if (result != SMQ_OK)
            status = session_fail(options, "the queue was not deleted", result, &error);
        else if (unlink(options->file) != 0)
            status = session_mistake(options, "the queue was deleted, but not its file: %s: %s", options->file,
                                     strerror(errno));
        else if (options->json)
            status = print_object(options, json_pack("{s:b}", "deleted", 1));
    }
    session_end(&session);
    return status;
}

/* ---- info ---- */

static int show_router_info(struct session *session, const char *uri, const struct smq_event *event) {
    json_error_t mistake;
    json_t *info = json_loadb((const char *)event->body.bytes, event->body.length, 0, &mistake);
    if (info == NULL)
        return session_fail(session->options, "the router's answer", SMQ_ERR_SYNTAX, NULL);
    if (session->options->json)
        return print_object(session->options,
                            json_pack("{s:s, s:s, s:o}", "side", "recipient", "uri", uri, "router", info));
    printf("recipient of %s\n", uri);
    int status = json_dumpf(info, stdout, JSON_INDENT(2));
    (void)putchar('\n');
    json_decref(info);
    return status == 0 ? SMQ_EXIT_DONE : SMQ_EXIT_LOCAL;
}

static int show_recipient(struct session *session) {
    char uri[SMQ_URI_TEXT_SIZE];
    struct smq_batch *answer = NULL;
    struct smq_error error;
    int status = session_connect_to_queue(session, false);
    if (status != SMQ_EXIT_DONE)
        return status;
    enum smq_result result = smq_receive_queue_uri(session->sides.recipient, uri, sizeof uri);
    if (result != SMQ_OK)
        return session_fail(session->options, "the queue's URI", result, NULL);
    result = smq_info(session->client, session->sides.recipient, session_timeout_ms(session), &answer, &error);
    if (result != SMQ_OK)
        return session_fail(session->options, "the router does not tell", result, &error);
    status = show_router_info(session, uri, smq_batch_event(answer, 0));
    smq_batch_release(&answer);
    return status;
}

static int show_sender(const struct session *session) {
    const struct smq_send_queue *queue = session->sides.sender;
    char address[SMQ_ADDRESS_TEXT_SIZE];
    char key[KEY_TEXT_SIZE];
    bool secured = smq_send_queue_is_secured(queue);
    enum smq_result result = smq_send_queue_address(queue, address, sizeof address);
    if (result == SMQ_OK)
        result = key_text(queue, key);
    if (result != SMQ_OK)
        return session_fail(session->options, "the queue's file", result, NULL);
    if (session->options->json)
        return print_object(session->options,
                            json_pack("{s:s, s:s, s:s, s:b, s:o}", "side", "sender", "address", address, "key", key,
                                      "secured", (int)secured, "sender_id", json_of_bytes(smq_send_queue_id(queue))));
    printf("sender to a queue of %s\nkey: %s\n%s\n", address, key, secured ? "secured" : "not secured");
    return SMQ_EXIT_DONE;
}

int smq_command_info(const struct smq_options *options, int count, char **words) {
    struct session session = {.options = options};
    (void)count;
    (void)words;
    int status = session_read_file(&session);
    if (status == SMQ_EXIT_DONE)
        status = session.sides.recipient != NULL ? show_recipient(&session) : show_sender(&session);
    session_end(&session);
    return status;
}
