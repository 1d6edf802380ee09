/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rows of [STORE_LOG]: the reference's keys and defaults (Main.hs, Main/Init.hs, Env/STM.hs), and our own. */
#include "bin/common/ini_rows.h"
#include "bin/smp-server/smp_settings.h"
#include "bin/smp-server/smp_settings_rows.h"

#define FIELD(name) offsetof(struct smp_store_settings, name)

static const char *const durabilities[] = {"commit", "interval", NULL};
static const char *const queue_stores[] = {"memory", "database", NULL};
static const char *const message_stores[] = {"memory", "journal", "database", NULL};

/* Of the reference's database, which ours is not. */
#define DATABASE_ROW(key_, type_, example_, comment_)                                                                  \
    UNUSED_ROW(key_, type_, NULL, "without effect, the store is LMDB", comment_, .example = example_, .quiet = true)

const char smp_store_comment[] = "Queues and messages are kept in LMDB, in the folder `store` of the data folder, "
                                 "whatever the first four keys say:\n"
                                 "they are here so that the file suits the reference's server, too.";

static const struct ini_row rows[] = {
    SWITCH_ROW("enable", enable, "on", "The router always stores.", .written = "on"),
    CHOICE_ROW("store_queues", store_queues, "memory", queue_stores, "memory or database: LMDB it is.",
               .written = "memory"),
    CHOICE_ROW("store_messages", store_messages, "memory", message_stores, "memory, journal or database: LMDB it is.",
               .written = "memory"),
    SWITCH_ROW("restore_messages", restore_messages, "on", "They are always there after a restart.", .written = "on"),
    DATABASE_ROW("db_connection", INI_TEXT, "postgresql://smp@/smp_server_store",
                 "Connection to the reference's PostgreSQL database, from which the store can be imported."),
    DATABASE_ROW("db_schema", INI_TEXT, "smp_server", "Its schema."),
    DATABASE_ROW("db_pool_size", INI_NUMBER, "10", "Of the reference alone, as the next two."),
    DATABASE_ROW("db_store_log", INI_SWITCH, "off", "Of the reference alone."),
    DATABASE_ROW("db_deleted_ttl", INI_NUMBER, "21", "Of the reference alone."),
    CHOICE_ROW("durability", durability, "commit", durabilities,
               "commit: what was answered is on the disk; interval: it gets there every durability_interval."),
    NUMBER_ROW("durability_interval", durability_interval, "1000", 1, 3600000,
               "Milliseconds that a power failure may lose with durability = interval."),
    SIZE_ROW("map_size", map_size, "64G", 1 << 20, INT64_C(1) << 46,
             "The most that the store may take on the disk; K, M, G and T are understood."),
    NUMBER_ROW("queue_quota", queue_quota, "128", 1, 1000000, "Messages that one queue holds.", LIVE),
    NUMBER_ROW("expire_messages_days", expire_messages_days, "21", 1, 36500,
               "Days after which an undelivered message expires.", LIVE, .written = "21"),
    NUMBER_ROW("expire_messages_ttl", expire_messages_ttl, NULL, 0, SETTINGS_SECONDS_MAX,
               "The same in seconds; counts before days; 0: never.", LIVE, .example = "1814400"),
    NUMBER_ROW("expire_messages_interval", expire_messages_interval, "7200", 1, UINT32_MAX,
               "Seconds between two looks for expired messages.", LIVE),
    SWITCH_ROW("expire_messages_on_start", expire_messages_on_start, "on", "Look also at the start.", .written = "on"),
    SWITCH_ROW("expire_messages_on_send", expire_messages_on_send, "on", "Look also in a queue that gets a message.",
               LIVE, .written = "off"),
    NUMBER_ROW("expire_ntfs_hours", expire_ntfs_hours, "24", 1, 876000,
               "Hours after which an undelivered notification expires.", LIVE, .written = "24"),
    NUMBER_ROW("expire_ntfs_ttl", expire_ntfs_ttl, NULL, 0, SETTINGS_SECONDS_MAX,
               "The same in seconds; counts before hours.", LIVE, .example = "86400"),
    NUMBER_ROW("expire_ntfs_interval", expire_ntfs_interval, "3600", 1, UINT32_MAX,
               "Seconds between two looks for expired notifications.", LIVE),
    NUMBER_ROW("deliver_ntfs_interval", deliver_ntfs_interval, "1500", 1, 3600000,
               "Milliseconds between two deliveries of notifications.", LIVE),
    NUMBER_ROW("deliver_ends_interval", deliver_ends_interval, "0", 0, 3600000,
               "Milliseconds for which the ends of subscriptions are gathered; 0: they are told at once."),
};

const struct ini_rows smp_store_rows = INI_ROWS(rows);
