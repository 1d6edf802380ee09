/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the files of the send state share. */
#pragma once

#include "actors/client/xftp/send_state.h"
#include "queues/base/cursor.h"

enum { SEND_LINE_MAX = 4096 };

struct send_state {
    char *path;
    int file;
    uint64_t length; /* of the file */
    struct send_head head;
    struct sent_chunk *chunks;
    struct sent_credential *recipients; /* those of a chunk are neighbours */
};

/* Memory for what the head says. SMQ_ERR_INVALID, SMQ_ERR_NO_MEMORY. */
enum smq_result send_state_make_room(struct send_state *state);

/* Lines, with their ends. Readers take a line without its end, and what they say goes into the state: false when they
 * do not parse, or say what cannot be. */
void write_send_head(struct writer *writer, const struct send_head *head);
bool read_send_head(struct reader *reader, struct send_head *head);
void write_created_line(struct writer *writer, uint32_t index, const struct sent_chunk *chunk);
void write_recipient_line(struct writer *writer, uint32_t index, const struct sent_credential *recipient);
void write_mark_line(struct writer *writer, const char *mark, uint32_t index);
bool send_line_apply(struct send_state *state, struct slice line);
