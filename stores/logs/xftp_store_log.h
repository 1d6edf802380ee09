/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* file-server-store.log: files, as the XFTP protocol calls them, and their recipients. (reference:
 * FileTransfer/Server/StoreLog.hs) */
#pragma once

#include "stores/logs/log_record.h"
#include "stores/xftp/file_store.h"

enum xftp_log_kind {
    XFTP_LOG_NEW,
    XFTP_LOG_RECIPIENTS,
    XFTP_LOG_UPLOADED,
    XFTP_LOG_DELETE,
    XFTP_LOG_BLOCK,
    XFTP_LOG_ACKNOWLEDGED,
    XFTP_LOG_KIND_COUNT
};

struct xftp_log_record {
    struct file_record file;   /* sender_id, and what the kind sets; FNEW: all but what create ignores */
    struct slice recipients;   /* FADD: for xftp_log_next_recipient */
    struct slice recipient_id; /* FACK */
    struct slice path;         /* FPUT: of the chunk file, as it was configured */
};

/* Takes the next recipient off the list; false at its end. */
bool xftp_log_next_recipient(struct slice *recipients, struct file_recipient *recipient);

/* Kinds are enum xftp_log_kind, records struct xftp_log_record. */
extern const struct log_record_table xftp_store_log;

/* Longest line that is read: a block full of recipients. */
enum { XFTP_STORE_LINE_MAX = 1 << 16 };
