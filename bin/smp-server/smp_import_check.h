/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What only the protocol can tell of the reference's records: whether this router could serve them. */
#pragma once

#include "stores/logs/smp_message_log.h"
#include "stores/logs/smp_store_log.h"

/* NULL, or why the record is skipped. Pure. */
const char *smp_import_check_record(enum smp_log_kind kind, const struct smp_log_record *record);
const char *smp_import_check_message(const struct smp_log_message *message);
const char *smp_import_check_notification(const struct smp_log_notification *notification);
