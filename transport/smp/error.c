/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMP protocol errors: binary and text form. Both are one walk over tables of tags; they differ in how a nested text
 * is written. */
#include "transport/smp/error.h"

#include <string.h>

#include "transport/smp/limits.h"
#include "transport/wire/encoding.h"
#include "transport/wire/tag.h"

/* Tags by enum value; NULL where a value has none. */
static const char *const error_tags[] = {
    [SMP_ERROR_BLOCK] = "BLOCK",     [SMP_ERROR_SESSION] = "SESSION",   [SMP_ERROR_COMMAND] = "CMD",
    [SMP_ERROR_PROXY] = "PROXY",     [SMP_ERROR_AUTH] = "AUTH",         [SMP_ERROR_BLOCKED] = "BLOCKED",
    [SMP_ERROR_SERVICE] = "SERVICE", [SMP_ERROR_CRYPTO] = "CRYPTO",     [SMP_ERROR_QUOTA] = "QUOTA",
    [SMP_ERROR_STORE] = "STORE",     [SMP_ERROR_NO_MESSAGE] = "NO_MSG", [SMP_ERROR_LARGE_MESSAGE] = "LARGE_MSG",
    [SMP_ERROR_EXPIRED] = "EXPIRED", [SMP_ERROR_INTERNAL] = "INTERNAL", [SMP_ERROR_DUPLICATE] = "DUPLICATE_",
};

static const char *const proxy_error_tags[] = {
    [SMP_PROXY_BROKER] = "BROKER",
    [SMP_PROXY_BASIC_AUTH] = "BASIC_AUTH",
    [SMP_PROXY_NO_SESSION] = "NO_SESSION",
    [SMP_PROXY_NO_SESSION + 1] = "PROTOCOL",
};

static const char *const broker_error_tags[] = {
    [SMP_BROKER_RESPONSE] = "RESPONSE",     [SMP_BROKER_UNEXPECTED] = "UNEXPECTED",
    [SMP_BROKER_NETWORK] = "NETWORK",       [SMP_BROKER_HOST] = "HOST",
    [SMP_BROKER_TRANSPORT] = "TRANSPORT",   [SMP_BROKER_TIMEOUT] = "TIMEOUT",
    [SMP_BROKER_NO_SERVICE] = "NO_SERVICE",
};

static const char *const network_error_tags[] = {
    [SMP_NETWORK_FAILED] = "FAILED",        [SMP_NETWORK_CONNECT] = "CONNECT", [SMP_NETWORK_TLS] = "TLS",
    [SMP_NETWORK_UNKNOWN_CA] = "UNKNOWNCA", [SMP_NETWORK_TIMEOUT] = "TIMEOUT", [SMP_NETWORK_SUBSCRIBE] = "SUBSCRIBE",
};

/* ---- construction and comparison ---- */

struct smp_error smp_error_of(enum smp_error_code code) {
    struct smp_error error;
    memset(&error, 0, sizeof error);
    error.code = code;
    return error;
}

struct smp_error smp_error_command(enum command_error command) {
    struct smp_error error = smp_error_of(SMP_ERROR_COMMAND);
    error.command = command;
    return error;
}

struct smp_error smp_error_blocked(struct smp_blocking_info info) {
    struct smp_error error = smp_error_of(SMP_ERROR_BLOCKED);
    error.blocked = info;
    return error;
}

struct smp_error smp_error_store(struct slice text) {
    struct smp_error error = smp_error_of(SMP_ERROR_STORE);
    error.text = text;
    return error;
}

struct smp_error smp_error_proxy(enum smp_proxy_error kind) {
    struct smp_error error = smp_error_of(SMP_ERROR_PROXY);
    error.proxy.kind = kind;
    return error;
}

struct smp_error smp_error_broker(enum smp_broker_error broker) {
    struct smp_error error = smp_error_proxy(SMP_PROXY_BROKER);
    error.proxy.broker = broker;
    return error;
}

struct smp_error smp_error_broker_text(enum smp_broker_error broker, struct slice text) {
    struct smp_error error = smp_error_broker(broker);
    error.proxy.text = text;
    return error;
}

struct smp_error smp_error_broker_transport(struct smp_transport_error transport) {
    struct smp_error error = smp_error_broker(SMP_BROKER_TRANSPORT);
    error.proxy.transport = transport;
    return error;
}

struct smp_error smp_error_protocol(struct smp_error relayed) {
    if (relayed.wrappers < UINT16_MAX)
        relayed.wrappers++;
    return relayed;
}

static bool network_code_has_text(enum smp_network_code code) {
    return code == SMP_NETWORK_CONNECT || code == SMP_NETWORK_TLS || code == SMP_NETWORK_SUBSCRIBE;
}

static bool proxy_error_equal(const struct smp_error *a, const struct smp_error *b) {
    if (a->proxy.kind != b->proxy.kind)
        return false;
    if (a->proxy.kind != SMP_PROXY_BROKER)
        return true;
    if (a->proxy.broker != b->proxy.broker)
        return false;
    switch (a->proxy.broker) {
    case SMP_BROKER_RESPONSE:
    case SMP_BROKER_UNEXPECTED:
        return slice_equal(a->proxy.text, b->proxy.text);
    case SMP_BROKER_TRANSPORT:
        return smp_transport_error_equal(a->proxy.transport, b->proxy.transport);
    case SMP_BROKER_NETWORK:
        return a->proxy.network == b->proxy.network &&
               (!network_code_has_text(a->proxy.network) || slice_equal(a->proxy.text, b->proxy.text));
    case SMP_BROKER_HOST:
    case SMP_BROKER_TIMEOUT:
    case SMP_BROKER_NO_SERVICE:
        break;
    }
    return true;
}

bool smp_error_equal(const struct smp_error *a, const struct smp_error *b) {
    if (a->code != b->code || a->wrappers != b->wrappers)
        return false;
    switch (a->code) {
    case SMP_ERROR_COMMAND:
        return a->command == b->command;
    case SMP_ERROR_PROXY:
        return proxy_error_equal(a, b);
    case SMP_ERROR_BLOCKED:
        return smp_blocking_info_equal(&a->blocked, &b->blocked);
    case SMP_ERROR_STORE:
        return slice_equal(a->text, b->text);
    default:
        return true;
    }
}

/* ---- reading ---- */

/* A detail that is not understood stands for a plain failure: routers of other versions may know more kinds than we
 * do. */
static void read_network_detail(struct reader *reader, struct smp_error *error) {
    struct reader detail = reader_of(read_tail(reader));
    if (reader->failed || reader_left(&detail) == 0)
        return;
    read_literal(&detail, " ");
    enum smp_network_code code = (enum smp_network_code)READ_TAG(&detail, network_error_tags);
    struct slice text = {0};
    if (network_code_has_text(code)) {
        read_literal(&detail, " ");
        text = read_short(&detail);
    }
    if (reader_finish(&detail) == SMQ_OK) {
        error->proxy.network = code;
        error->proxy.text = text;
    }
}

static void read_broker_error(struct reader *reader, struct smp_error *error) {
    error->proxy.broker = (enum smp_broker_error)READ_TAG(reader, broker_error_tags);
    switch (error->proxy.broker) {
    case SMP_BROKER_RESPONSE:
    case SMP_BROKER_UNEXPECTED:
        read_literal(reader, " ");
        error->proxy.text = read_short(reader);
        break;
    case SMP_BROKER_TRANSPORT:
        read_literal(reader, " ");
        smp_transport_error_read(reader, &error->proxy.transport);
        break;
    case SMP_BROKER_NETWORK:
        read_network_detail(reader, error);
        break;
    case SMP_BROKER_HOST:
    case SMP_BROKER_TIMEOUT:
    case SMP_BROKER_NO_SERVICE:
        break;
    }
}

/* Reads `PROXY ` wrappings until something else follows; true when an error that is not the proxy's own comes next. */
static bool read_proxy_error(struct reader *reader, struct smp_error *error) {
    read_literal(reader, " ");
    size_t kind = READ_TAG(reader, proxy_error_tags);
    if (kind > SMP_PROXY_NO_SESSION) {
        read_literal(reader, " ");
        return true;
    }
    error->proxy.kind = (enum smp_proxy_error)kind;
    if (error->proxy.kind == SMP_PROXY_BROKER) {
        read_literal(reader, " ");
        read_broker_error(reader, error);
    }
    return false;
}

void smp_error_read(struct reader *reader, struct smp_error *error) {
    *error = smp_error_of(SMP_ERROR_NONE);
    error->code = (enum smp_error_code)READ_TAG(reader, error_tags);
    while (error->code == SMP_ERROR_PROXY && read_proxy_error(reader, error)) {
        error->code = (enum smp_error_code)READ_TAG(reader, error_tags);
        if (error->wrappers == UINT16_MAX)
            reader_fail(reader);
        else
            error->wrappers++;
    }
    switch (error->code) {
    case SMP_ERROR_COMMAND:
        read_literal(reader, " ");
        error->command = command_error_read(reader);
        break;
    case SMP_ERROR_BLOCKED:
        read_literal(reader, " ");
        smp_blocking_info_read(reader, &error->blocked);
        break;
    case SMP_ERROR_STORE:
        read_literal(reader, " ");
        error->text = read_tail(reader);
        break;
    default:
        break;
    }
}

/* ---- writing ---- */

enum text_form { BINARY_FORM, TEXT_FORM };

static void write_plain_text(struct writer *writer, struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.bytes[i];
        write_u8(writer, byte < 0x20 || byte == 0x7f ? '?' : byte);
    }
}

static void write_nested_text(struct writer *writer, enum text_form form, struct slice text) {
    write_u8(writer, ' ');
    if (form == TEXT_FORM)
        write_plain_text(writer, text);
    else
        write_text_short(writer, text);
}

static void write_broker_error(struct writer *writer, enum text_form form, const struct smp_error *error) {
    WRITE_TAG(writer, broker_error_tags, error->proxy.broker);
    switch (error->proxy.broker) {
    case SMP_BROKER_RESPONSE:
    case SMP_BROKER_UNEXPECTED:
        write_nested_text(writer, form, error->proxy.text);
        break;
    case SMP_BROKER_TRANSPORT:
        write_u8(writer, ' ');
        smp_transport_error_write(writer, error->proxy.transport);
        break;
    case SMP_BROKER_NETWORK:
    case SMP_BROKER_HOST:
    case SMP_BROKER_TIMEOUT:
    case SMP_BROKER_NO_SERVICE:
        break;
    }
}

static void write_proxy_error(struct writer *writer, enum text_form form, const struct smp_error *error) {
    write_u8(writer, ' ');
    if (error->proxy.kind > SMP_PROXY_NO_SESSION) {
        writer_fail(writer);
        return;
    }
    WRITE_TAG(writer, proxy_error_tags, error->proxy.kind);
    if (error->proxy.kind == SMP_PROXY_BROKER) {
        write_u8(writer, ' ');
        write_broker_error(writer, form, error);
    }
}

static void write_error(struct writer *writer, enum text_form form, const struct smp_error *error) {
    for (uint16_t i = 0; i < error->wrappers && !writer->failed; i++)
        write_text(writer, "PROXY PROTOCOL ");
    WRITE_TAG(writer, error_tags, error->code);
    switch (error->code) {
    case SMP_ERROR_COMMAND:
        write_u8(writer, ' ');
        command_error_write(writer, error->command);
        break;
    case SMP_ERROR_PROXY:
        write_proxy_error(writer, form, error);
        break;
    case SMP_ERROR_BLOCKED:
        write_u8(writer, ' ');
        smp_blocking_info_write(writer, &error->blocked);
        break;
    case SMP_ERROR_STORE:
        write_u8(writer, ' ');
        if (form == TEXT_FORM)
            write_plain_text(writer, error->text);
        else
            write_slice(writer, error->text);
        break;
    default:
        break;
    }
}

void smp_error_write(struct writer *writer, const struct smp_error *error) {
    write_error(writer, BINARY_FORM, error);
}

void smp_error_write_text(struct writer *writer, const struct smp_error *error) {
    write_error(writer, TEXT_FORM, error);
}

const char *smp_error_text(const struct smp_error *error, char *buffer, size_t capacity) {
    struct writer writer = writer_of(buffer, capacity - 1);
    write_error(&writer, TEXT_FORM, error);
    buffer[writer_length(&writer)] = '\0';
    return buffer;
}

struct smp_error smp_error_for_version(uint16_t version, const struct smp_error *error) {
    struct smp_error adapted = *error;
    if (error->code != SMP_ERROR_BLOCKED || error->wrappers > 0)
        return adapted;
    if (version < SMP_VERSION_BLOCKED)
        return smp_error_of(SMP_ERROR_AUTH);
    if (version < SMP_VERSION_CLIENT_NOTICE)
        adapted.blocked.has_notice = adapted.blocked.has_ttl = false;
    return adapted;
}
