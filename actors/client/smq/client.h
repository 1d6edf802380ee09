/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* libsmq: a client of SMP routers (SimpleX Messaging Protocol, versions 6 to 18). The public header of the library. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smq/result.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Overview (docs/embedding.md tells it at length, docs/examples/echo.c is a complete program):
 *
 *   context   the threads that all connections of the process share: receive, process and send lanes, and a monitor
 *   client    one connection to one router
 *   queues    handles with the ids and keys of a message queue: smq_receive_queue for its recipient, smq_send_queue
 *             for its sender,
 *             smq_notifier for whoever watches it
 *   events    a bounded queue on which everything arrives that no caller waits for
 *
 * Threads: every function may be called from any thread, also at the same time, unless its comment says otherwise.
 * Threads need no registration. No function is safe in a signal handler. After fork() the child must not use what
 * the parent made. Blocking: only what says "blocks" does; nothing else waits for the network, for a lock held
 * during I/O or for another thread's work. Errors: functions that can fail return enum smq_result and write their
 * results only on SMQ_OK. SMQ_ERR_NO_MEMORY can come from every one of them and is not repeated below. A parameter
 * `error` may be NULL; when not, it is filled on any failure. Ownership: byte strings and texts passed in are copied
 * before the function returns. Misuse: a handle that is NULL or no object of its kind any more, and an argument that
 * must not be NULL, are answered with SMQ_ERR_INVALID (with NULL, false or empty bytes by functions that return no
 * result, with nothing by those that give up); a handle that others still hold after it was closed goes on giving
 * results. The library cannot see that memory of a handle that was given up belongs to something else by now.
 * Objects are given up with their release, close or destroy function, which nulls the pointer; a pointer to NULL is
 * allowed there.
 *
 * Option structs begin with their size, as the program that was compiled knows it, and are filled by their init
 * function before anything is set in them. A later release adds members only at the end; to a program without them
 * they have their defaults. A size that this library does not know (an init function was not called, or the program
 * was compiled against a later release) is answered with SMQ_ERR_INVALID. Programs in other languages call
 * smq_..._options_init_sized with the size that they have laid out. Structs that the library fills keep their size and
 * members as long as the library has its soname. */

/* ---- plain data ---- */

enum {
    SMQ_VERSION_MIN = 6,
    SMQ_VERSION_MAX = 18,
    SMQ_ID_MAX = 255, /* ids of queues and messages; routers make them 24 bytes long */
    /* largest body of a message in sessions of version 11 and later; see smq_client_body_max */
    SMQ_BODY_MAX = 16048,
    SMQ_SESSION_ID_MAX = 64,
    SMQ_KEY_DER_MAX = 73, /* any key, public or private, in DER */
    SMQ_NONCE_SIZE = 24,
    SMQ_ERROR_TEXT_SIZE = 128,
    SMQ_ADDRESS_TEXT_SIZE = 1536, /* room for any server address in text, with its zero */
    SMQ_URI_TEXT_SIZE = 4096,     /* room for any queue URI, with its zero */
    SMQ_ENVELOPE_SIZE = 16043,    /* an end-to-end envelope of the larger kind */
};

/* Bytes that somebody else owns; `bytes` may be NULL when `length` is 0. */
struct smq_bytes {
    const uint8_t *bytes;
    size_t length;
};

/* What a router may answer instead of a result. */
enum smq_protocol_error {
    SMQ_PROTOCOL_NONE = 0, /* the failure was not an answer of the router */
    SMQ_PROTOCOL_BLOCK,
    SMQ_PROTOCOL_SESSION,
    SMQ_PROTOCOL_COMMAND_UNKNOWN,
    SMQ_PROTOCOL_COMMAND_SYNTAX,
    SMQ_PROTOCOL_COMMAND_PROHIBITED,
    SMQ_PROTOCOL_COMMAND_NO_AUTH,
    SMQ_PROTOCOL_COMMAND_HAS_AUTH,
    SMQ_PROTOCOL_COMMAND_NO_ENTITY,
    SMQ_PROTOCOL_PROXY,   /* of commands through a proxy: its own error, or what it tells about the relay */
    SMQ_PROTOCOL_AUTH,    /* no such queue, or not allowed; the router does not tell which */
    SMQ_PROTOCOL_BLOCKED, /* the operator blocked the queue */
    SMQ_PROTOCOL_SERVICE,
    SMQ_PROTOCOL_CRYPTO,
    SMQ_PROTOCOL_QUOTA, /* the queue is full until its recipient has read everything */
    SMQ_PROTOCOL_STORE,
    SMQ_PROTOCOL_NO_MESSAGE, /* smq_acknowledge without such a message */
    SMQ_PROTOCOL_LARGE_MESSAGE,
    SMQ_PROTOCOL_EXPIRED,
    SMQ_PROTOCOL_INTERNAL,
    SMQ_PROTOCOL_DUPLICATE,
};

/* Why something failed. */
struct smq_error {
    enum smq_result result;           /* what the function returned */
    enum smq_protocol_error protocol; /* when `result` is SMQ_ERR_PROTOCOL and the router said so */
    /* for people and logs: "CMD PROHIBITED", "BLOCKED reason=spam", "HANDSHAKE BAD_AUTH"; may be empty */
    char text[SMQ_ERROR_TEXT_SIZE];
};

/* Results of commands, in the blocking form the return value, in the asynchronous form smq_event.result:
 *   SMQ_OK              done
 *   SMQ_ERR_TIMEOUT     no answer in time; one that comes later arrives as SMQ_EVENT_LATE
 *   SMQ_ERR_CLOSED      the connection was lost, or is not up yet, before the answer came
 *   SMQ_ERR_CANCELLED   this client was closed by its owner
 *   SMQ_ERR_PROTOCOL    the router answered with an error (smq_error.protocol), or with something else than the
 *                       command's response
 *   SMQ_ERR_SYNTAX      its answer does not parse
 *   SMQ_ERR_TOO_LARGE   the command does not fit a block; it was not sent
 *   SMQ_ERR_AUTH        an X25519 key cannot authorize in this session, since the router showed no key (version 6);
 *                       it was not sent
 *   SMQ_ERR_CRYPTO      a key cannot sign or agree, or the router's key is bad
 *   SMQ_ERR_INVALID     an argument is not acceptable, or an asynchronous command was given to a client without
 *                       events
 *   SMQ_ERR_NO_CREDIT   asynchronous form only, at once: too many commands or bytes are outstanding; take events and
 *                       try again
 * */

enum smq_command {
    SMQ_COMMAND_NONE = 0,
    SMQ_COMMAND_CREATE,
    SMQ_COMMAND_SUBSCRIBE,
    SMQ_COMMAND_SECURE,
    SMQ_COMMAND_SET_RECIPIENT_KEYS,
    SMQ_COMMAND_SET_LINK,
    SMQ_COMMAND_DELETE_LINK,
    SMQ_COMMAND_ENABLE_NOTIFICATIONS,
    SMQ_COMMAND_DISABLE_NOTIFICATIONS,
    SMQ_COMMAND_GET_MESSAGE,
    SMQ_COMMAND_ACKNOWLEDGE,
    SMQ_COMMAND_SUSPEND,
    SMQ_COMMAND_DELETE,
    SMQ_COMMAND_INFO,
    SMQ_COMMAND_SECURE_AS_SENDER,
    SMQ_COMMAND_SEND,
    SMQ_COMMAND_SECURE_BY_LINK,
    SMQ_COMMAND_GET_LINK,
    SMQ_COMMAND_SUBSCRIBE_NOTIFICATIONS,
    SMQ_COMMAND_PING,
    SMQ_COMMAND_SUBSCRIBE_SERVICE,
    SMQ_COMMAND_PROXY, /* asks a proxy for a relay; sent by itself before the first command through it */
    SMQ_COMMAND_COUNT
};

/* The protocol's word: "NEW", "SUB" ...; "" for values that are no command. */
const char *smq_command_text(enum smq_command command);

/* Algorithms of keys that authorize commands. */
enum smq_key_algorithm {
    SMQ_KEY_ED25519 = 0,
    SMQ_KEY_ED448,
    SMQ_KEY_X25519, /* deniable, and fast for senders: the agreement with the session's key is made once */
};

enum smq_queue_mode {
    SMQ_MODE_MESSAGING = 0, /* for one sender, who may secure the queue */
    SMQ_MODE_CONTACT,       /* for anybody who knows the address */
};

/* ---- context ---- */

struct smq_context;

struct smq_context_options {
    size_t size;             /* set by init */
    unsigned receive_lanes;  /* threads that read and decrypt TLS; 0: as many as there are processors */
    unsigned process_lanes;  /* threads that decrypt, match and time out; 0: likewise */
    unsigned send_lanes;     /* threads that sign, pack, encrypt and write; 0: likewise */
    size_t receive_bytes;    /* received blocks that may wait for processing, in each receive lane; 0: 4 MiB */
    const char *dns_servers; /* name servers, "address[:port]" with commas between; NULL: the system's. Copied. */
};
/* Sets the values above. */
void smq_context_options_init_sized(struct smq_context_options *options, size_t size);
static inline void smq_context_options_init(struct smq_context_options *options) {
    smq_context_options_init_sized(options, sizeof(*options));
}

/* Starts the threads. `options` may be NULL. Usually one a process, for all its clients. Blocks until they run.
 * SMQ_ERR_SYSTEM, SMQ_ERR_CRYPTO. */
enum smq_result smq_context_create(const struct smq_context_options *options, struct smq_context **context);

/* Closes all clients of the context as smq_client_close does, waits for their ends and for the threads: when it returns
 * every accepted command has its outcome, and all events are on their queues, beyond the queues' limits if need be.
 * Clients that are connecting end at once. Handles of clients, queues, events and batches stay valid and are still to
 * be released; commands on clients are refused with SMQ_ERR_CLOSED. Blocks at most as long as the longest
 * close_timeout_ms of its clients, whatever routers do, and some milliseconds. Agents are closed before. No other
 * function may be using the context itself. */
void smq_context_destroy(struct smq_context **context);
/* The same with at most `timeout_ms` for the closes; 0: nothing is waited for. */
void smq_context_destroy_within(struct smq_context **context, uint32_t timeout_ms);

/* ---- events ---- */

struct smq_client;
struct smq_receive_queue;
struct smq_send_queue;
struct smq_notifier;
struct smq_client_agent_event;

struct smq_events; /* a queue of batches */
struct smq_batch;  /* the events of one block, or one event that has no block */

enum smq_event_kind {
    /* smq_client_connect_async ended; `result` tells how. Nothing else follows a failure. */
    SMQ_EVENT_CONNECTED = 1,
    /* exactly once after every successful connect, last of all events of the client but for the SMQ_EVENT_COMPLETED of
     * commands that are submitted after the connection has ended; `result` tells why: SMQ_ERR_CANCELLED by
     * smq_client_close, SMQ_ERR_TIMEOUT by the ping rule, else the network's or the peer's fault */
    SMQ_EVENT_DISCONNECTED,
    /* an asynchronous command ended: command, tag, result, and what the command's comment says */
    SMQ_EVENT_COMPLETED,
    /* the same for a response that came after the time-out had been reported, in either form */
    SMQ_EVENT_LATE,
    /* message_id, body, timestamp, notification, quota or encrypted. To be acknowledged. */
    SMQ_EVENT_MESSAGE,
    SMQ_EVENT_NOTIFICATION,       /* message_id, timestamp: a message waits in the queue of `notifier` */
    SMQ_EVENT_SUBSCRIPTION_ENDED, /* another connection subscribed to the queue */
    SMQ_EVENT_QUEUE_DELETED,      /* the queue, or the notifier, is gone */
    /* the router reports an error that is no response: `protocol`, error_text (a queue was blocked, a block was
     * refused) */
    SMQ_EVENT_ERROR,
    /* something that no command asked for, or with another queue's id; error_text. Worth logging only. */
    SMQ_EVENT_UNEXPECTED,
    /* another connection subscribed as this service: entity_id, service_count of the queues that are its now */
    SMQ_EVENT_SERVICE_ENDED,
    SMQ_EVENT_FLUSHED, /* smq_client_flush_async ended: tag, result; behind the outcomes that it waited for */
    /* of a client agent, not of a connection: `agent` tells; result, error_text, tag (smq/client_agent.h) */
    SMQ_EVENT_CLIENT_AGENT,
};

/* One event. Fields that the kind does not name are zero. All pointers are valid until the batch is released. */
struct smq_event {
    enum smq_event_kind kind;
    enum smq_command command;         /* COMPLETED, LATE */
    enum smq_result result;           /* SMQ_OK but for failures */
    enum smq_protocol_error protocol; /* for result SMQ_ERR_PROTOCOL */
    uint64_t tag;                     /* COMPLETED, LATE, FLUSHED: the caller's (LATE of a blocking call: 0) */
    struct smq_client *client;        /* borrowed from the batch */
    void *user;                       /* smq_client_options.user */
    /* the queue's or notifier's id that the router or the command named; may be empty */
    struct smq_bytes entity_id;
    /* borrowed; the handle that the command used or, for events, that was subscribed with; may be NULL */
    struct smq_receive_queue *receive_queue;
    struct smq_send_queue *send_queue; /* likewise */
    struct smq_notifier *notifier;     /* likewise */
    struct smq_bytes message_id;
    struct smq_bytes body;       /* message; JSON of smq_info; user data of a link */
    struct smq_bytes fixed_data; /* of a link */
    struct smq_bytes sender_id;  /* of a link */
    int64_t timestamp;           /* seconds since 1970, when the router got the message */
    bool notification;           /* the sender asked for a notification */
    /* no message but the marker that the queue was full: acknowledge it, so that senders can go on */
    bool quota;
    /* `body` is as the router sent it: the client is raw, or has no key; with result SMQ_ERR_CRYPTO or
     * SMQ_ERR_SYNTAX: it does not decrypt */
    bool encrypted;
    bool has_message;       /* COMPLETED, LATE of smq_get_message: there was one */
    bool by_service;        /* COMPLETED, LATE of subscriptions: as part of the subscription of the session's service */
    int64_t service_count;  /* COMPLETED, LATE of smq_subscribe_service; SERVICE_ENDED */
    const char *error_text; /* never NULL; "" when there is nothing to say */
    const struct smq_client_agent_event *agent; /* smq/client_agent.h */
};

struct smq_events_options {
    size_t size;          /* set by init */
    uint32_t batches;     /* most batches that wait or are not released yet; 0: 65,536 */
    uint64_t bytes;       /* most bytes of them; 0: 64 MiB; at least 256 KiB */
    bool with_descriptor; /* false; for smq_events_descriptor */
};
/* Sets the values above. */
void smq_events_options_init_sized(struct smq_events_options *options, size_t size);
static inline void smq_events_options_init(struct smq_events_options *options) {
    smq_events_options_init_sized(options, sizeof(*options));
}

/* At either limit the clients that feed the queue are not read until batches are released; nothing is lost, but
 * blocking calls on them wait, too. `options` may be NULL. SMQ_ERR_INVALID, SMQ_ERR_SYSTEM. */
enum smq_result smq_events_create(const struct smq_events_options *options, struct smq_events **events);

/* The oldest batch, which the caller releases. Blocks at most `timeout_ms` (-1: no limit, 0: not at all).
 * SMQ_ERR_TIMEOUT: there is none; it may come early. One thread at a time. */
enum smq_result smq_events_take(struct smq_events *events, int timeout_ms, struct smq_batch **batch);

/* A descriptor for poll or epoll, readable while batches may wait: then take with a time-out of 0 until
 * SMQ_ERR_TIMEOUT. -1 unless asked for. Owned by `events`. */
int smq_events_descriptor(const struct smq_events *events);

/* Gives up the queue; what waits, and what its clients still have to report, is dropped. Batches taken stay valid.
 * Not while another thread takes. Blocks for milliseconds. */
void smq_events_destroy(struct smq_events **events);

size_t smq_batch_count(const struct smq_batch *batch);                                /* at least 1 */
const struct smq_event *smq_batch_event(const struct smq_batch *batch, size_t index); /* NULL beyond the end */
void smq_batch_release(struct smq_batch **batch);

/* ---- clients ---- */

struct smq_network; /* smq/network.h */
struct smq_service;

struct smq_client_options {
    size_t size; /* set by init */
    /* where events go; the client keeps a reference. NULL: they are dropped, and only blocking commands are
     * possible. */
    struct smq_events *events;
    void *user;                  /* shown in every event */
    uint16_t version_min;        /* 6 */
    uint16_t version_max;        /* 18 */
    bool session_key;            /* true; false: no key in the handshake, thus no encryption of blocks inside TLS */
    bool raw_messages;           /* false; true: messages are not decrypted, for benchmarks and relays */
    uint32_t connect_timeout_ms; /* 15,000: TCP, TLS and handshake together; 45,000 suits work in the background */
    uint32_t command_timeout_ms; /* 10,000 */
    /* 30,000: default of subscriptions, notifier commands, acknowledgements and pings */
    uint32_t background_timeout_ms;
    /* 5,000: how long a close waits for the outcomes of commands that were accepted before; 0: not at all */
    uint32_t close_timeout_ms;
    /* 600,000: a connection silent for so long, which has subscribed to something, is pinged; 0: never */
    uint32_t ping_interval_ms;
    uint32_t ping_count;      /* 3: so many time-outs in a row, and ... */
    uint32_t ping_window_ms;  /* 900,000: ... so long without a block, drop the connection; count 0: never */
    bool keep_alive;          /* true: TCP keep-alive, by default idle 30 s, interval 15 s, 4 probes */
    uint32_t outstanding_max; /* 16,384 asynchronous commands without a completion; then SMQ_ERR_NO_CREDIT */
    /* 4 MiB of commands that wait to be sent; then SMQ_ERR_NO_CREDIT in the asynchronous form */
    uint64_t unsent_bytes_max;
    /* NULL: connections are direct, to the first host that is not an onion one. The client keeps a reference. */
    struct smq_network *network;
    /* NULL: none. Used where the router accepts services (version 16 on); smq_client_info.service_id tells. The client
     * keeps a reference. */
    struct smq_service *service;
    int64_t user_id;         /* 0: for the isolation of connections through a SOCKS proxy */
    struct smq_bytes entity; /* empty: the same; at most 255 bytes; not for agents */
};
/* Sets the values above. */
void smq_client_options_init_sized(struct smq_client_options *options, size_t size);
static inline void smq_client_options_init(struct smq_client_options *options) {
    smq_client_options_init_sized(options, sizeof(*options));
}

/* Connects to the router at `address`: smp://<key hash>[:<password>]@<host>{,<host>}[:<port>], port 5223 when
 * absent. The password is used for creating queues. `options` may be NULL. Blocks until the connection is usable
 * or has failed, at most connect_timeout_ms: SMQ_ERR_SYNTAX or SMQ_ERR_INVALID (address, options),
 * SMQ_ERR_NOT_FOUND (no host of the required kind), SMQ_ERR_NETWORK, SMQ_ERR_AUTH (the router refuses the
 * service), SMQ_ERR_TLS, SMQ_ERR_IDENTITY (another key hash or session), SMQ_ERR_CRYPTO (the router's session key
 * is not signed by its certificate), SMQ_ERR_VERSION, SMQ_ERR_TIMEOUT, SMQ_ERR_CLOSED. After smq_context_destroy
 * commands on the client end with SMQ_ERR_CLOSED. When memory runs out for an event, the connection is closed with
 * SMQ_ERR_NO_MEMORY, and completions may be missing. */
enum smq_result smq_client_connect(struct smq_context *context, const char *address,
                                   const struct smq_client_options *options, struct smq_client **client,
                                   struct smq_error *error);

/* The same without blocking: SMQ_EVENT_CONNECTED comes on options->events, which is required. The client is to be
 * closed in any case. */
enum smq_result smq_client_connect_async(struct smq_context *context, const char *address,
                                         const struct smq_client_options *options, struct smq_client **client);

/* Ends the connection and gives up the handle. From now on commands are refused with SMQ_ERR_CANCELLED, on every
 * handle of the client. Those that were accepted before are sent, and their answers awaited, at most
 * close_timeout_ms; what has none then ends with SMQ_ERR_CANCELLED. Each has its one outcome before
 * SMQ_EVENT_DISCONNECTED comes; messages go on arriving until then. A client that is connecting ends at once. Does
 * not wait: smq_context_destroy does, and so does the next function. Any thread, also while others use further
 * handles or wait in blocking commands. */
void smq_client_close(struct smq_client **client);

/* The same in `timeout_ms` (0: commands without an answer end at once), and blocks until the end. Closes that are
 * under way already are shortened, never prolonged. SMQ_OK: every command had its answer, or its failure before;
 * SMQ_ERR_TIMEOUT: the time was over, and commands were told SMQ_ERR_CANCELLED; SMQ_ERR_CLOSED: the connection was
 * lost before, or the context is destroyed; SMQ_ERR_INVALID: no client. The handle is given up in any case. */
enum smq_result smq_client_close_within(struct smq_client **client, uint32_t timeout_ms);

/* Waits until every command that was accepted before the call, by any handle, has its outcome: an answer, or a failure.
 * Later ones do not matter. Blocks at most `timeout_ms` (0: close_timeout_ms). SMQ_ERR_TIMEOUT: some have none yet, and
 * go on; SMQ_ERR_CLOSED, SMQ_ERR_CANCELLED: the connection was lost, or closed, before, and they were told so;
 * SMQ_ERR_INVALID: no client. */
enum smq_result smq_client_flush(struct smq_client *client, uint32_t timeout_ms, struct smq_error *error);
/* The same without blocking: SMQ_OK means that exactly one SMQ_EVENT_FLUSHED with `tag` follows. SMQ_ERR_INVALID: no
 * client, or one without events. */
enum smq_result smq_client_flush_async(struct smq_client *client, uint32_t timeout_ms, uint64_t tag);

/* A second handle, for another thread; each is closed. The first close of any handle ends the connection. */
struct smq_client *smq_client_reference(struct smq_client *client);

/* Facts of the session, constant once connected. */
struct smq_client_info {
    bool connected;   /* now */
    bool encrypted;   /* blocks are encrypted inside TLS */
    uint16_t version; /* agreed; 0 before the handshake */
    uint8_t session_id_length;
    uint8_t session_id[SMQ_SESSION_ID_MAX];
    size_t body_max;      /* largest body for smq_send */
    uint64_t number;      /* of the client in the process, from 1 */
    uint32_t outstanding; /* commands without a completion now, of both forms */
    uint64_t blocks_received;
    uint64_t blocks_sent;
    uint8_t service_id_length; /* 0: the session is no service's */
    uint8_t service_id[SMQ_ID_MAX];
};
void smq_client_info(const struct smq_client *client, struct smq_client_info *info);

/* ---- queue handles ----
 * Reference-counted, shareable between threads and clients. A handle may be used on any connection to its router. */

/* The recipient's side. Made by smq_create_queue or from bytes that were exported. */
struct smq_receive_queue *smq_receive_queue_reference(struct smq_receive_queue *queue);
void smq_receive_queue_release(struct smq_receive_queue **queue);

/* All of the handle, secrets included, as bytes to be stored safely. The size is at most 4,096. `size`: in, the room
 * in `buffer`; out, what is needed, also on SMQ_ERR_TOO_LARGE (`buffer` may then be NULL). */
enum smq_result smq_receive_queue_export(const struct smq_receive_queue *queue, uint8_t *buffer, size_t *size);
/* SMQ_ERR_SYNTAX, SMQ_ERR_VERSION (made by a later version of the library). */
enum smq_result smq_receive_queue_import(const uint8_t *bytes, size_t length, struct smq_receive_queue **queue);

/* recipient id; borrowed from the handle, as the next two */
struct smq_bytes smq_receive_queue_id(const struct smq_receive_queue *queue);
struct smq_bytes smq_receive_queue_sender_id(const struct smq_receive_queue *queue);
struct smq_bytes smq_receive_queue_link_id(const struct smq_receive_queue *queue); /* empty: none */
enum smq_queue_mode smq_receive_queue_mode(const struct smq_receive_queue *queue);
/* The router's address without password, and the queue's URI for senders, as zero-terminated text.
 * SMQ_ERR_TOO_LARGE. */
enum smq_result smq_receive_queue_address(const struct smq_receive_queue *queue, char *buffer, size_t size);
enum smq_result smq_receive_queue_uri(const struct smq_receive_queue *queue, char *buffer, size_t size);
/* The notifier that was created together with the queue, referenced for the caller; NULL: none. */
struct smq_notifier *smq_receive_queue_notifier(const struct smq_receive_queue *queue);
/* Another handle for the same queue that authorizes with `private_key` (PKCS#8 DER), after smq_set_recipient_keys.
 * SMQ_ERR_SYNTAX, SMQ_ERR_INVALID. */
enum smq_result smq_receive_queue_with_key(const struct smq_receive_queue *queue, struct smq_bytes private_key,
                                           struct smq_receive_queue **with_key);
/* The public half (SPKI DER) of the key that authorizes. `size` as in export. */
enum smq_result smq_receive_queue_public_key(const struct smq_receive_queue *queue, uint8_t *buffer, size_t *size);

/* The sender's side. It starts without an authorization key: that is made, or set, before the queue is secured with
 * it. */
/* SMQ_ERR_SYNTAX, SMQ_ERR_VERSION */
enum smq_result smq_send_queue_from_uri(const char *uri, struct smq_send_queue **queue);
/* For a process that is both sides. */
enum smq_result smq_send_queue_from_receive_queue(const struct smq_receive_queue *queue,
                                                  struct smq_send_queue **send_queue);
struct smq_send_queue *smq_send_queue_reference(struct smq_send_queue *queue);
void smq_send_queue_release(struct smq_send_queue **queue);
enum smq_result smq_send_queue_export(const struct smq_send_queue *queue, uint8_t *buffer, size_t *size);
enum smq_result smq_send_queue_import(const uint8_t *bytes, size_t length, struct smq_send_queue **queue);
struct smq_bytes smq_send_queue_id(const struct smq_send_queue *queue); /* sender id; borrowed */
enum smq_queue_mode smq_send_queue_mode(const struct smq_send_queue *queue);
enum smq_result smq_send_queue_address(const struct smq_send_queue *queue, char *buffer, size_t size);
/* Makes a key, or sets one (PKCS#8 DER), that smq_secure_as_sender tells the router or whose public half the
 * recipient gets for smq_secure. SMQ_ERR_EXISTS: it has one. */
enum smq_result smq_send_queue_make_key(struct smq_send_queue *queue, enum smq_key_algorithm algorithm);
enum smq_result smq_send_queue_set_key(struct smq_send_queue *queue, struct smq_bytes private_key);
/* SPKI DER of that key; `size` as in export. SMQ_ERR_NOT_FOUND: there is none. */
enum smq_result smq_send_queue_public_key(const struct smq_send_queue *queue, uint8_t *buffer, size_t *size);
/* Whether smq_send authorizes with the key. Set by success of smq_secure_as_sender; by hand when the recipient has
 * secured the queue. SMQ_ERR_NOT_FOUND: no key. */
enum smq_result smq_send_queue_set_secured(struct smq_send_queue *queue, bool secured);
bool smq_send_queue_is_secured(const struct smq_send_queue *queue);

/* The notifier's side: subscribes to notifications without being able to read messages. */
struct smq_notifier *smq_notifier_reference(struct smq_notifier *notifier);
void smq_notifier_release(struct smq_notifier **notifier);
enum smq_result smq_notifier_export(const struct smq_notifier *notifier, uint8_t *buffer, size_t *size);
enum smq_result smq_notifier_import(const uint8_t *bytes, size_t length, struct smq_notifier **notifier);
struct smq_bytes smq_notifier_id(const struct smq_notifier *notifier); /* borrowed */

/* ---- commands ----
 * Each has two forms. The blocking one blocks until the answer is there, at most `timeout_ms` (0: the client's
 * default for the command). The one that ends in _async returns at once; SMQ_OK means that exactly one
 * SMQ_EVENT_COMPLETED with `tag` follows, anything else that none does. Both may be used side by side. Handles and
 * data are kept or copied for as long as the command needs them. Commands that several threads submit are in the
 * order of each thread; those submitted close together share a block. Do not call the blocking form on the only
 * thread that takes the client's events while they are at their limit. */

struct smq_create_options {
    size_t size;                          /* set by init */
    bool subscribe;                       /* true: messages are pushed to this client */
    enum smq_queue_mode mode;             /* SMQ_MODE_MESSAGING */
    enum smq_key_algorithm key_algorithm; /* SMQ_KEY_ED25519; of the key that is made */
    struct smq_bytes private_key;         /* PKCS#8 DER; empty: one is made */
    struct smq_bytes dh_private_key;      /* X25519, PKCS#8 DER: router-to-recipient encryption; empty: one is made */
    bool with_link;                       /* version 15: with short link data */
    struct smq_bytes link_id;             /* 24 bytes, contact mode only */
    struct smq_bytes link_fixed_data;     /* encrypted blobs; the router does not look into them */
    struct smq_bytes link_user_data;
    /* 24 fresh random bytes: decide the sender id (smq_sender_id_of_nonce), which link data needs to know; empty:
     * random */
    struct smq_bytes nonce;
    bool with_notifier; /* version 17: a notifier at once; see smq_receive_queue_notifier */
    enum smq_key_algorithm notifier_key_algorithm;
};
/* Sets the values above. */
void smq_create_options_init_sized(struct smq_create_options *options, size_t size);
static inline void smq_create_options_init(struct smq_create_options *options) {
    smq_create_options_init_sized(options, sizeof(*options));
}
/* The sender id of a queue created with link data and this nonce. */
enum smq_result smq_sender_id_of_nonce(const uint8_t nonce[SMQ_NONCE_SIZE], uint8_t sender_id[24]);

/* NEW. `options` may be NULL. COMPLETED has receive_queue: reference it to keep it. Keys are made in the calling
 * thread (about 0.1 ms). SMQ_ERR_VERSION: the session cannot carry link data or a notifier. */
enum smq_result smq_create_queue(struct smq_client *client, const struct smq_create_options *options,
                                 uint32_t timeout_ms, struct smq_receive_queue **queue, struct smq_error *error);
enum smq_result smq_create_queue_async(struct smq_client *client, const struct smq_create_options *options,
                                       uint32_t timeout_ms, uint64_t tag);

/* SUB. A message that waits follows as SMQ_EVENT_MESSAGE; subscribing again delivers it again. */
enum smq_result smq_subscribe(struct smq_client *client, struct smq_receive_queue *queue, uint32_t timeout_ms,
                              struct smq_error *error);
enum smq_result smq_subscribe_async(struct smq_client *client, struct smq_receive_queue *queue, uint32_t timeout_ms,
                                    uint64_t tag);
/* `count` queues in as few blocks as possible. `results` (may be NULL): one for each. Returns SMQ_OK when all are,
 * else the first failure. The asynchronous form gives the i-th queue's completion the tag first_tag + i; after
 * SMQ_ERR_NO_CREDIT nothing was submitted. */
enum smq_result smq_subscribe_many(struct smq_client *client, struct smq_receive_queue *const *queues, size_t count,
                                   uint32_t timeout_ms, enum smq_result *results, struct smq_error *error);
enum smq_result smq_subscribe_many_async(struct smq_client *client, struct smq_receive_queue *const *queues,
                                         size_t count, uint32_t timeout_ms, uint64_t first_tag);

/* ACK: the message was dealt with. The next one, if there is, comes as SMQ_EVENT_MESSAGE. */
enum smq_result smq_acknowledge(struct smq_client *client, struct smq_receive_queue *queue, struct smq_bytes message_id,
                                uint32_t timeout_ms, struct smq_error *error);
enum smq_result smq_acknowledge_async(struct smq_client *client, struct smq_receive_queue *queue,
                                      struct smq_bytes message_id, uint32_t timeout_ms, uint64_t tag);

/* GET: one message without a subscription. COMPLETED has has_message and then all of a message, which comes as
 * SMQ_EVENT_MESSAGE besides; the blocking form gives a batch with the one COMPLETED event, to be released. */
enum smq_result smq_get_message(struct smq_client *client, struct smq_receive_queue *queue, uint32_t timeout_ms,
                                struct smq_batch **answer, struct smq_error *error);
enum smq_result smq_get_message_async(struct smq_client *client, struct smq_receive_queue *queue, uint32_t timeout_ms,
                                      uint64_t tag);

/* KEY: from now on only messages authorized by this key (SPKI DER) are accepted. SMQ_ERR_SYNTAX: no such key. */
enum smq_result smq_secure(struct smq_client *client, struct smq_receive_queue *queue, struct smq_bytes sender_key,
                           uint32_t timeout_ms, struct smq_error *error);
enum smq_result smq_secure_async(struct smq_client *client, struct smq_receive_queue *queue,
                                 struct smq_bytes sender_key, uint32_t timeout_ms, uint64_t tag);

/* RKEY (contact mode): the 1 to 64 keys (SPKI DER) that authorize the recipient's commands, instead of all before. */
enum smq_result smq_set_recipient_keys(struct smq_client *client, struct smq_receive_queue *queue,
                                       const struct smq_bytes *keys, size_t count, uint32_t timeout_ms,
                                       struct smq_error *error);
enum smq_result smq_set_recipient_keys_async(struct smq_client *client, struct smq_receive_queue *queue,
                                             const struct smq_bytes *keys, size_t count, uint32_t timeout_ms,
                                             uint64_t tag);

/* LSET, LDEL: short link data of the queue. The blobs are encrypted by the caller. */
enum smq_result smq_set_link(struct smq_client *client, struct smq_receive_queue *queue, struct smq_bytes link_id,
                             struct smq_bytes fixed_data, struct smq_bytes user_data, uint32_t timeout_ms,
                             struct smq_error *error);
enum smq_result smq_set_link_async(struct smq_client *client, struct smq_receive_queue *queue, struct smq_bytes link_id,
                                   struct smq_bytes fixed_data, struct smq_bytes user_data, uint32_t timeout_ms,
                                   uint64_t tag);
enum smq_result smq_delete_link(struct smq_client *client, struct smq_receive_queue *queue, uint32_t timeout_ms,
                                struct smq_error *error);
enum smq_result smq_delete_link_async(struct smq_client *client, struct smq_receive_queue *queue, uint32_t timeout_ms,
                                      uint64_t tag);

/* OFF: no more messages are accepted, for ever. DEL: the queue is gone. */
enum smq_result smq_suspend(struct smq_client *client, struct smq_receive_queue *queue, uint32_t timeout_ms,
                            struct smq_error *error);
enum smq_result smq_suspend_async(struct smq_client *client, struct smq_receive_queue *queue, uint32_t timeout_ms,
                                  uint64_t tag);
enum smq_result smq_delete(struct smq_client *client, struct smq_receive_queue *queue, uint32_t timeout_ms,
                           struct smq_error *error);
enum smq_result smq_delete_async(struct smq_client *client, struct smq_receive_queue *queue, uint32_t timeout_ms,
                                 uint64_t tag);

/* QUE: COMPLETED has `body`, a JSON object in UTF-8 (not zero-terminated); the blocking form gives a batch as
 * smq_get_message does. */
enum smq_result smq_info(struct smq_client *client, struct smq_receive_queue *queue, uint32_t timeout_ms,
                         struct smq_batch **answer, struct smq_error *error);
enum smq_result smq_info_async(struct smq_client *client, struct smq_receive_queue *queue, uint32_t timeout_ms,
                               uint64_t tag);

/* NKEY: a notifier for the queue, instead of the one before. COMPLETED has notifier: reference it to keep it. NDEL:
 * none any more. */
enum smq_result smq_enable_notifications(struct smq_client *client, struct smq_receive_queue *queue,
                                         enum smq_key_algorithm algorithm, uint32_t timeout_ms,
                                         struct smq_notifier **notifier, struct smq_error *error);
enum smq_result smq_enable_notifications_async(struct smq_client *client, struct smq_receive_queue *queue,
                                               enum smq_key_algorithm algorithm, uint32_t timeout_ms, uint64_t tag);
enum smq_result smq_disable_notifications(struct smq_client *client, struct smq_receive_queue *queue,
                                          uint32_t timeout_ms, struct smq_error *error);
enum smq_result smq_disable_notifications_async(struct smq_client *client, struct smq_receive_queue *queue,
                                                uint32_t timeout_ms, uint64_t tag);
/* NSUB: notifications arrive as SMQ_EVENT_NOTIFICATION. */
enum smq_result smq_subscribe_notifications(struct smq_client *client, struct smq_notifier *notifier,
                                            uint32_t timeout_ms, struct smq_error *error);
enum smq_result smq_subscribe_notifications_async(struct smq_client *client, struct smq_notifier *notifier,
                                                  uint32_t timeout_ms, uint64_t tag);

/* SUBS, NSUBS: all queues, or notifiers, of the session's service, by its role; `count` (may be NULL): how many these
 * are. SMQ_ERR_NOT_FOUND at once: the session is no service's, or of a role that subscribes to nothing. COMPLETED has
 * service_count. */
enum smq_result smq_subscribe_service(struct smq_client *client, uint32_t timeout_ms, int64_t *count,
                                      struct smq_error *error);
enum smq_result smq_subscribe_service_async(struct smq_client *client, uint32_t timeout_ms, uint64_t tag);

/* SEND, authorized when the handle is secured. `notify`: the recipient's notifier is told. An empty body is allowed.
 * The router keeps the message durably before the answer. smq_client_info.body_max is the largest body it takes. */
enum smq_result smq_send(struct smq_client *client, struct smq_send_queue *queue, bool notify, struct smq_bytes body,
                         uint32_t timeout_ms, struct smq_error *error);
enum smq_result smq_send_async(struct smq_client *client, struct smq_send_queue *queue, bool notify,
                               struct smq_bytes body, uint32_t timeout_ms, uint64_t tag);

/* SKEY: the sender secures the queue with the handle's own key (messaging mode). SMQ_ERR_NOT_FOUND at once: it has
 * none. */
enum smq_result smq_secure_as_sender(struct smq_client *client, struct smq_send_queue *queue, uint32_t timeout_ms,
                                     struct smq_error *error);
enum smq_result smq_secure_as_sender_async(struct smq_client *client, struct smq_send_queue *queue, uint32_t timeout_ms,
                                           uint64_t tag);

/* LKEY: the same through a short link, whose data is the answer: sender_id, fixed_data, body (user data) and
 * send_queue, a secured handle without a key for end-to-end encryption: reference it to keep it. `private_key`
 * (PKCS#8 DER; empty: an Ed25519 key is made) becomes the sender's. LGET: only reads a contact's link; no
 * send_queue. The blocking forms give a batch as smq_get_message does. */
enum smq_result smq_secure_by_link(struct smq_client *client, struct smq_bytes link_id, struct smq_bytes private_key,
                                   uint32_t timeout_ms, struct smq_batch **answer, struct smq_error *error);
enum smq_result smq_secure_by_link_async(struct smq_client *client, struct smq_bytes link_id,
                                         struct smq_bytes private_key, uint32_t timeout_ms, uint64_t tag);
enum smq_result smq_get_link(struct smq_client *client, struct smq_bytes link_id, uint32_t timeout_ms,
                             struct smq_batch **answer, struct smq_error *error);
enum smq_result smq_get_link_async(struct smq_client *client, struct smq_bytes link_id, uint32_t timeout_ms,
                                   uint64_t tag);

/* Through a proxy: the router of `proxy` forwards the command to another one, the relay, which does not learn who
 * sends. The relay is the queue's router, or `relay` (an address without password). What the proxy cannot read is
 * encrypted for the relay alone, with a key of its own for each command; the relay is known by its key hash. The proxy
 * is asked for the relay with the first command to it, and again when it does not know it any more; its address should
 * have the password if it wants one. Results are those of the direct command, and besides: SMQ_ERR_PROTOCOL with
 * SMQ_PROTOCOL_PROXY, the proxy refused or could not reach the relay, error_text tells; SMQ_ERR_IDENTITY, the relay
 * that the proxy shows is another one; SMQ_ERR_VERSION, one of the three cannot do this; SMQ_ERR_CRYPTO. `timeout_ms`
 * is for all of it; 0: connect_timeout_ms and command_timeout_ms for the relay, then twice command_timeout_ms. The
 * largest body is SMQ_BODY_MAX. */
enum smq_result smq_proxied_send(struct smq_client *proxy, struct smq_send_queue *queue, bool notify,
                                 struct smq_bytes body, uint32_t timeout_ms, struct smq_error *error);
enum smq_result smq_proxied_send_async(struct smq_client *proxy, struct smq_send_queue *queue, bool notify,
                                       struct smq_bytes body, uint32_t timeout_ms, uint64_t tag);
enum smq_result smq_proxied_secure_as_sender(struct smq_client *proxy, struct smq_send_queue *queue,
                                             uint32_t timeout_ms, struct smq_error *error);
enum smq_result smq_proxied_secure_as_sender_async(struct smq_client *proxy, struct smq_send_queue *queue,
                                                   uint32_t timeout_ms, uint64_t tag);
enum smq_result smq_proxied_secure_by_link(struct smq_client *proxy, const char *relay, struct smq_bytes link_id,
                                           struct smq_bytes private_key, uint32_t timeout_ms, struct smq_batch **answer,
                                           struct smq_error *error);
enum smq_result smq_proxied_secure_by_link_async(struct smq_client *proxy, const char *relay, struct smq_bytes link_id,
                                                 struct smq_bytes private_key, uint32_t timeout_ms, uint64_t tag);
enum smq_result smq_proxied_get_link(struct smq_client *proxy, const char *relay, struct smq_bytes link_id,
                                     uint32_t timeout_ms, struct smq_batch **answer, struct smq_error *error);
enum smq_result smq_proxied_get_link_async(struct smq_client *proxy, const char *relay, struct smq_bytes link_id,
                                           uint32_t timeout_ms, uint64_t tag);

/* PING. */
enum smq_result smq_ping(struct smq_client *client, uint32_t timeout_ms, struct smq_error *error);
enum smq_result smq_ping_async(struct smq_client *client, uint32_t timeout_ms, uint64_t tag);

/* ---- end-to-end envelopes ----
 * The layer that SimpleX clients put around bodies, so that the router learns nothing of them, not even their
 * length. Optional: smq_send carries any bytes. */

/* Wraps `payload` (at most 15,990 bytes with a key, 15,997 without) into `envelope`, which gets `*length` bytes.
 * `with_key`: the first envelope to a queue, which carries the sender's half of the agreement and, when `tell_key`,
 * the key for smq_secure. SMQ_ERR_TOO_LARGE; SMQ_ERR_NOT_FOUND: the handle has no recipient key, or no key to tell. */
enum smq_result smq_send_queue_seal(const struct smq_send_queue *queue, bool with_key, bool tell_key,
                                    struct smq_bytes payload, uint8_t envelope[SMQ_ENVELOPE_SIZE], size_t *length);

struct smq_opened {
    struct smq_bytes payload; /* points into `envelope` */
    bool has_sender_key;      /* the sender told a key for smq_secure */
    uint8_t sender_key_length;
    uint8_t sender_key[SMQ_KEY_DER_MAX]; /* SPKI DER */
};
/* Unwraps in place. In messaging mode the handle remembers the sender's half from the first envelope: export it
 * again then. SMQ_ERR_SYNTAX, SMQ_ERR_CRYPTO, SMQ_ERR_VERSION; SMQ_ERR_NOT_FOUND: no envelope with a key came
 * before. */
enum smq_result smq_receive_queue_open(struct smq_receive_queue *queue, uint8_t *envelope, size_t length,
                                       struct smq_opened *opened);

#ifdef __cplusplus
}
#endif
