/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The reference's journal store: a folder for each queue, found by its recipient id, with a state and one or two files
 * of messages. As a source of the lines that smp-server-messages.log would have. Nothing is changed.
 * (reference: MsgStore/Journal.hs) */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "smq/result.h"
#include "stores/logs/log_lines.h"
#include "stores/logs/log_report.h"

/* A position in a journal, as a state tells it: messages and bytes up to there, and in all. */
struct smp_journal_position {
    struct slice journal; /* id, text: letters of base64url */
    uint64_t message, messages;
    uint64_t byte, bytes;
};

struct smp_journal_state {
    struct smp_journal_position write, read;
    bool can_write;
    uint64_t size; /* messages that wait */
};

/* A line of queue_state.<id>.log that holds together in itself. SMQ_ERR_SYNTAX. */
enum smq_result smp_journal_state_read(struct slice line, struct smp_journal_state *state);

struct smp_journal;

/* `root`: the folder `messages`. What is found wrong is told to `report` while the source is read, with file and line.
 * SMQ_ERR_NOT_FOUND: there is none, which is not logged. SMQ_ERR_SYSTEM, SMQ_ERR_NO_MEMORY. */
enum smq_result smp_journal_open(const char *root, struct log_report *report, struct smp_journal **out);
/* Takes ownership and nulls the pointer; NULL inside is allowed. */
void smp_journal_close(struct smp_journal **journal);
struct log_source smp_journal_source(struct smp_journal *journal);
