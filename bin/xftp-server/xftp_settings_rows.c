/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rows of file-server.ini: the reference's keys and defaults (FileTransfer/Server/Main.hs), and our own. */
#include "bin/xftp-server/xftp_settings_rows.h"

#include <string.h>

#include "bin/common/ini_rows.h"
#include "bin/xftp-server/xftp_settings.h"
#include "queues/base/cursor.h"
#include "transport/xftp/size_text.h"

enum { CHUNK_SIZE_MAX = 64 * 1024 * 1024 };

/* ---- [STORE_LOG] */

#define FIELD(name) offsetof(struct xftp_store_settings, name)

static const char *const file_stores[] = {"memory", "database", NULL};

/* Of the reference's database, which ours is not. */
#define DATABASE_ROW(key_, type_, example_, comment_)                                                                  \
    UNUSED_ROW(key_, type_, NULL, "without effect, the store is LMDB", comment_, .example = example_, .quiet = true)

const char xftp_store_comment[] =
    "Records of files are kept in LMDB, in the folder `store` of the data folder, whatever "
    "the first two keys say:\n"
    "they are here so that the file suits the reference's server, too.";

static const struct ini_row store[] = {
    SWITCH_ROW("enable", enable, "on", "The router always stores.", .written = "on"),
    CHOICE_ROW("store_files", store_files, "memory", file_stores, "memory or database: LMDB it is.",
               .written = "memory"),
    DATABASE_ROW("db_connection", INI_TEXT, "postgresql://xftp@/xftp_server_store",
                 "Connection to the reference's PostgreSQL database."),
    DATABASE_ROW("db_schema", INI_TEXT, "xftp_server", "Its schema."),
    DATABASE_ROW("db_pool_size", INI_NUMBER, "10", "Of the reference alone, as the next one."),
    DATABASE_ROW("db_store_log", INI_SWITCH, "off", "Of the reference alone."),
    NUMBER_ROW("expire_files_hours", expire_files_hours, "48", 1, 876000, "Hours after which a file expires.",
               .written = "48"),
    NUMBER_ROW("expire_files_ttl", expire_files_ttl, NULL, 0, SETTINGS_SECONDS_MAX / 2,
               "The same in seconds; counts before hours.", .example = "172800"),
    NUMBER_ROW("expire_files_interval", expire_files_interval, "7200", 1, 4000000,
               "Seconds between two looks for expired files."),
    SIZE_ROW("map_size", map_size, "16G", 1 << 20, INT64_C(1) << 46,
             "The most that the records may take on the disk; K, M, G and T are understood."),
};

const struct ini_rows xftp_store_rows = INI_ROWS(store);

/* ---- [AUTH] */

#undef FIELD
#define FIELD(name) offsetof(struct xftp_auth_settings, name)

static const struct ini_row auth[] = {
    SWITCH_ROW("new_files", new_files, "on",
               "off: no new files, for instance before the server is closed down; those that are there can be got.",
               .written = "on"),
    SECRET_ROW("create_password", create_password,
               "Password for new files, a part of the address that those get who may send files here.",
               .example = "printable characters without spaces, '@', ':' and '/'",
               CHECKED(settings_password_valid, SETTINGS_PASSWORD)),
};

const struct ini_rows xftp_auth_rows = INI_ROWS(auth);

/* ---- [TRANSPORT] */

#undef FIELD
#define FIELD(name) offsetof(struct xftp_transport_settings, name)

static const struct ini_row transport[] = {
    TEXT_ROW("port", port, "Ports to listen on, with commas.", .initial = "443", .written = "443",
             CHECKED(settings_ports_valid, SETTINGS_PORTS)),
};

const struct ini_rows xftp_transport_rows = INI_ROWS(transport);

/* ---- [FILES] */

bool xftp_settings_parse_sizes(const char *text, uint32_t *sizes, size_t capacity, size_t *count) {
    for (*count = 0; *count < capacity; (*count)++) {
        size_t length = strcspn(text, ",");
        uint64_t size = 0;
        while (*text == ' ') {
            text++;
            length--;
        }
        if (size_text_parse(slice_of(text, length), CHUNK_SIZE_MAX, &size) != SMQ_OK || size == 0)
            return false;
        sizes[*count] = (uint32_t)size;
        text += length;
        if (*text == '\0') {
            (*count)++;
            return true;
        }
        text++;
    }
    return false;
}

static bool sizes_valid(const char *text) {
    uint32_t sizes[XFTP_CHUNK_SIZES_MAX];
    size_t count;
    return xftp_settings_parse_sizes(text, sizes, XFTP_CHUNK_SIZES_MAX, &count);
}

static bool path_valid(const char *text) {
    return text[0] != '\0';
}

#undef FIELD
#define FIELD(name) offsetof(struct xftp_files_settings, name)

static const struct ini_row files[] = {
    TEXT_ROW("path", path, "The folder of the chunks of files; it is made when it is missing.", .example = "/srv/xftp",
             CHECKED(path_valid, "the path of a folder")),
    SIZE_ROW("storage_quota", storage_quota, NULL, 0, INT64_MAX,
             "The most that chunks may take there; K, M, G and T are understood. Without it: what the disk has.",
             .example = "10gb"),
    TEXT_ROW("chunk_sizes", chunk_sizes, "Sizes of chunks that are taken, with commas.",
             .initial = "64kb,256kb,1mb,4mb", CHECKED(sizes_valid, "up to 16 sizes such as 64kb, separated by commas")),
    NUMBER_ROW("file_timeout", file_timeout, "300", 1, 86400, "Seconds that the upload of a chunk may take."),
    SIZE_ROW("upload_buffer", upload_buffer, "256M", 1 << 20, INT64_C(1) << 40,
             "Memory for what was received and is not on the disk yet; then less is read."),
};

const struct ini_rows xftp_files_rows = INI_ROWS(files);

/* ---- [ROLES] */

#undef FIELD
#define FIELD(name) offsetof(struct xftp_role_settings, name)

static const struct ini_row roles[] = {
    NUMBER_ROW("disk", disk, "0", 0, 64, "Threads that read and write chunks; 0: four."),
};

const struct ini_rows xftp_role_rows = INI_ROWS(roles);
