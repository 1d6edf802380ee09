/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* XFTP protocol errors. */
#include "transport/xftp/error.h"

#include <string.h>

#include "transport/wire/tag.h"
#include "transport/wire/text.h"
#include "transport/xftp/limits.h"

static const char *const error_tags[] = {
    [XFTP_ERROR_BLOCK] = "BLOCK",         [XFTP_ERROR_SESSION] = "SESSION",
    [XFTP_ERROR_HANDSHAKE] = "HANDSHAKE", [XFTP_ERROR_COMMAND] = "CMD",
    [XFTP_ERROR_AUTH] = "AUTH",           [XFTP_ERROR_BLOCKED] = "BLOCKED",
    [XFTP_ERROR_SIZE] = "SIZE",           [XFTP_ERROR_QUOTA] = "QUOTA",
    [XFTP_ERROR_DIGEST] = "DIGEST",       [XFTP_ERROR_CRYPTO] = "CRYPTO",
    [XFTP_ERROR_NO_FILE] = "NO_FILE",     [XFTP_ERROR_HAS_FILE] = "HAS_FILE",
    [XFTP_ERROR_FILE_IO] = "FILE_IO",     [XFTP_ERROR_TIMEOUT] = "TIMEOUT",
    [XFTP_ERROR_INTERNAL] = "INTERNAL",   [XFTP_ERROR_DUPLICATE] = "DUPLICATE_",
};

struct xftp_error xftp_error_of(enum xftp_error_code code) {
    struct xftp_error error;
    memset(&error, 0, sizeof error);
    error.code = code;
    return error;
}

struct xftp_error xftp_error_command(enum command_error command) {
    struct xftp_error error = xftp_error_of(XFTP_ERROR_COMMAND);
    error.command = command;
    return error;
}

struct xftp_error xftp_error_blocked(struct smp_blocking_info info) {
    struct xftp_error error = xftp_error_of(XFTP_ERROR_BLOCKED);
    error.blocked = info;
    return error;
}

bool xftp_error_equal(const struct xftp_error *a, const struct xftp_error *b) {
    if (a->code != b->code)
        return false;
    if (a->code == XFTP_ERROR_COMMAND)
        return a->command == b->command;
    return a->code != XFTP_ERROR_BLOCKED || smp_blocking_info_equal(&a->blocked, &b->blocked);
}

void xftp_error_read(struct reader *reader, struct xftp_error *error) {
    *error = xftp_error_of((enum xftp_error_code)READ_TAG(reader, error_tags));
    if (error->code == XFTP_ERROR_COMMAND) {
        read_literal(reader, " ");
        error->command = command_error_read(reader);
    } else if (error->code == XFTP_ERROR_BLOCKED) {
        read_literal(reader, " ");
        smp_blocking_info_read(reader, &error->blocked);
    }
}

void xftp_error_write(struct writer *writer, const struct xftp_error *error) {
    WRITE_TAG(writer, error_tags, error->code);
    if (error->code == XFTP_ERROR_COMMAND) {
        write_u8(writer, ' ');
        command_error_write(writer, error->command);
    } else if (error->code == XFTP_ERROR_BLOCKED) {
        write_u8(writer, ' ');
        smp_blocking_info_write(writer, &error->blocked);
    }
}

struct xftp_error xftp_error_for_version(uint16_t version, const struct xftp_error *error) {
    bool hidden = error->code == XFTP_ERROR_BLOCKED && version < XFTP_VERSION_BLOCKED;
    return hidden ? xftp_error_of(XFTP_ERROR_AUTH) : *error;
}

const char *xftp_error_text(const struct xftp_error *error, char *buffer, size_t capacity) {
    struct writer writer = writer_of(buffer, capacity - 1);
    xftp_error_write(&writer, error);
    buffer[writer_length(&writer)] = '\0';
    return buffer;
}

/* Keys in alphabetical order, and nothing for what is not there. */
static void write_blocking_json(struct writer *writer, const struct smp_blocking_info *info) {
    write_text(writer, "{");
    if (info->has_notice) {
        write_text(writer, "\"notice\":{");
        if (info->has_ttl) {
            write_text(writer, "\"ttl\":");
            write_signed_decimal(writer, info->ttl_seconds);
        }
        write_text(writer, "},");
    }
    write_text(writer, "\"reason\":\"");
    write_text(writer, smp_blocking_reason_text(info->reason));
    write_text(writer, "\"}");
}

void xftp_error_write_json(struct writer *writer, const struct xftp_error *error) {
    write_text(writer, "{\"type\":\"");
    WRITE_TAG(writer, error_tags, error->code);
    write_text(writer, "\"");
    if (error->code == XFTP_ERROR_COMMAND) {
        write_text(writer, ",\"cmdErr\":{\"type\":\"");
        command_error_write(writer, error->command);
        write_text(writer, "\"}");
    } else if (error->code == XFTP_ERROR_BLOCKED) {
        write_text(writer, ",\"blockInfo\":");
        write_blocking_json(writer, &error->blocked);
    }
    write_text(writer, "}");
}
