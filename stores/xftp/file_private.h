/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the files of the XFTP router's records share: tables, figures, records as stored. Private to stores/xftp. */
#pragma once

#include "stores/lmdb/store_private.h"
#include "stores/xftp/file_store.h"

enum { FILE_SCHEMA = 1 };

/* "id" is a byte string, "prefixed id" one behind its length. Names are in file_layout.c. */
enum file_table {
    FILE_TABLE_META = STORE_TABLE_META,
    FILE_TABLE_FILES,           /* sender id -> record */
    FILE_TABLE_RECIPIENTS,      /* recipient id -> prefixed sender id, key */
    FILE_TABLE_FILE_RECIPIENTS, /* prefixed sender id, recipient id -> nothing */
    FILE_TABLE_EXPIRY,          /* second of creation, sender id -> nothing */
    FILE_TABLE_REMOVALS,        /* sender id of a chunk file to be removed -> nothing */
    FILE_TABLE_PURGE,           /* sender id of a file that is gone, but has recipients -> nothing */
    FILE_TABLE_COUNT
};

/* The figures that every change keeps true, in the order in which they are kept: a struct of nothing but these. */
static inline struct file_totals *file_figures(struct store_txn *txn) {
    return (struct file_totals *)(void *)txn->figures;
}

/* Keys that are put together. */
struct file_key {
    uint8_t length;
    uint8_t bytes[8 + 1 + 2 * FILE_ID_MAX];
};
static inline struct slice file_key_slice(const struct file_key *key) {
    return slice_of(key->bytes, key->length);
}
struct file_key file_recipient_key(struct slice sender_id, struct slice recipient_id);
struct file_key file_expiry_key(int64_t created, struct slice sender_id);
/* False when the key is damaged. */
bool file_recipient_key_parse(struct slice key, struct slice *sender_id, struct slice *recipient_id);
bool file_expiry_key_parse(struct slice key, int64_t *created, struct slice *sender_id);

/* SMQ_ERR_NOT_FOUND, SMQ_ERR_STORE. The record's slices point into the store, but for `sender_id`, which is the
 * argument. */
enum smq_result file_record_load(struct store_txn *txn, struct slice sender_id, struct file_record *record);
/* Writes the record; its slices may point to what is stored. SMQ_ERR_TOO_LARGE before anything is written. */
enum smq_result file_record_save(struct store_txn *txn, const struct file_record *record);

/* Reads a recipient's value; false when it is damaged. */
bool file_recipient_parse(struct slice value, struct slice *sender_id, struct slice *key);

/* A step of the removal of recipients whose file is gone; see struct store_layout. */
bool file_purge_step(struct store_txn *txn);
