/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* xftp send. What an interrupted sending of the same file has done is in the folder for temporary files, and is not
 * done again. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bin/xftp/xftp_description_file.h"
#include "bin/xftp/xftp_session.h"
#include "queues/base/random.h"
#include "queues/base/secret.h"
#include "transport/xftp/chunk_sizes.h"

#define SIZE_MAX_BYTES (INT64_C(1) << 30)

enum { SERVERS_MAX = 64, FILE_PATH_SIZE = XFTP_PATH_SIZE + 64 };

/* Those of the reference (FileTransfer/Client/Presets.hs), by their public hosts. */
static const char presets[] = "xftp://da1aH3nOT-9G8lV7bWamhxpDYdJ1xmW7j3JpGaDR5Ug=@xftp1.simplex.im;"
                              "xftp://5vog2Imy1ExJB_7zDZrkV1KDWi96jYFyy9CL6fndBVw=@xftp2.simplex.im;"
                              "xftp://PYa32DdYNFWi0uZZOprWQoQpIk5qyjRJ3EF7bVpbsn8=@xftp3.simplex.im;"
                              "xftp://k_GgQl40UZVV0Y4BX9ZTyMVqX5ZewcLW0waQIl7AYDE=@xftp4.simplex.im;"
                              "xftp://-bIo6o8wuVc4wpZkZD3tH-rCeYaeER_0lz1ffQcSJDs=@xftp5.simplex.im;"
                              "xftp://6nSvtY9pJn6PXWTAIMNl95E1Kk1vD7FM2TeOA64CFLg=@xftp6.simplex.im";

/* A file that is to be sent. */
struct outgoing_file {
    int file;
    const char *name; /* without folders */
    struct stat status;
    char path[XFTP_PATH_SIZE]; /* a copy, for its name */
    char state_path[XFTP_PATH_SIZE];
    struct send_state *state;
};

/* ---- servers */

static bool parse_servers(const char *text, struct transfer_server *servers, size_t *count) {
    for (*count = 0; *text != '\0' && *count < SERVERS_MAX;) {
        size_t length = strcspn(text, ";");
        struct transfer_server *server = &servers[*count];
        if (length > 0 && server_address_parse_with_password(slice_of(text, length), ADDRESS_XFTP, &server->address,
                                                             &server->password) != SMQ_OK)
            return false;
        *count += length > 0;
        text += length + (text[length] == ';');
    }
    return *count > 0;
}

/* ---- the file and its state */

static enum smq_result open_state(const struct xftp_options *options, struct outgoing_file *file) {
    char mark[XFTP_PATH_SIZE + 128];
    char real[XFTP_PATH_SIZE];
    struct xftp_chunk_plan plan;
    int64_t modified_ns = file->status.st_mtim.tv_sec * INT64_C(1000000000) + file->status.st_mtim.tv_nsec;
    int length = snprintf(mark, sizeof mark, "%s %jd %" PRId64 " %" PRId64,
                          realpath(file->path, real) != NULL ? real : file->path, (intmax_t)file->status.st_size,
                          modified_ns, options->recipients);
    xftp_temporary_path(options, slice_of(mark, (size_t)length), "sending", file->state_path);
    enum smq_result result = send_state_open(file->state_path, &file->state);
    if (result != SMQ_ERR_NOT_FOUND)
        return result;
    size_t name_length = strlen(file->name);
    result = xftp_chunk_plan_of(xftp_file_payload(name_length, (uint64_t)file->status.st_size), &plan);
    if (result != SMQ_OK || name_length > UINT8_MAX)
        return SMQ_ERR_TOO_LARGE;
    struct send_head head = {.name_length = (uint8_t)name_length,
                             .size = (uint64_t)file->status.st_size,
                             .modified_ns = modified_ns,
                             .chunk_count = (uint32_t)xftp_chunk_plan_count(&plan),
                             .recipient_count = (uint32_t)options->recipients};
    memcpy(head.name, file->name, name_length);
    random_bytes(head.key, sizeof head.key);
    random_bytes(head.nonce, sizeof head.nonce);
    result = send_state_create(file->state_path, &head, &file->state);
    secret_wipe(&head, sizeof head);
    return result;
}

static int open_file(const struct xftp_options *options, const char *path, struct outgoing_file *file) {
    file->file = open(path, O_RDONLY | O_CLOEXEC);
    if (file->file < 0 || fstat(file->file, &file->status) != 0) {
        (void)fprintf(stderr, "xftp: %s: %s\n", path, strerror(errno));
        return 1;
    }
    if (!S_ISREG(file->status.st_mode))
        return xftp_mistake("%s is no file", path);
    if (file->status.st_size > SIZE_MAX_BYTES)
        return xftp_mistake("Files bigger than 1gb are not supported");
    (void)snprintf(file->path, sizeof file->path, "%s", path);
    const char *slash = strrchr(file->path, '/');
    file->name = slash != NULL ? slash + 1 : file->path;
    enum smq_result result = open_state(options, file);
    if (result == SMQ_ERR_EXISTS)
        return xftp_mistake("this file is being sent by another process");
    return result == SMQ_OK ? 0 : xftp_mistake("%s: %s", file->state_path, smq_result_text(result));
}

/* ---- descriptions */

/* A new folder `<name>.xftp` for them, in `parent`; its path. */
static bool make_folder(const char *parent, const char *name, char path[XFTP_PATH_SIZE]) {
    char wanted[OUTPUT_NAME_SIZE + 8];
    char claimed[OUTPUT_NAME_SIZE];
    int folder = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)snprintf(wanted, sizeof wanted, "%s.xftp", name);
    enum smq_result result = folder >= 0 ? output_folder_claim(folder, wanted, claimed) : SMQ_ERR_SYSTEM;
    int reason = errno;
    if (folder >= 0)
        (void)close(folder);
    if (result == SMQ_OK)
        (void)snprintf(path, XFTP_PATH_SIZE, "%s/%s", parent, claimed);
    else
        (void)xftp_mistake("%s/%s: %s", parent, wanted,
                           result == SMQ_ERR_SYSTEM ? strerror(reason) : smq_result_text(result));
    return result == SMQ_OK;
}

static bool save_description(const struct send_state *state, const uint8_t *digest, uint32_t recipient,
                             const char *path, bool prints_link) {
    struct xftp_description *description = NULL;
    if (send_state_describe(state, digest, recipient, &description) != SMQ_OK)
        return false;
    bool is_saved = prints_link || xftp_description_save(description, path);
    if (prints_link)
        xftp_description_print_link(description, false);
    xftp_description_destroy(&description);
    return is_saved;
}

static int save_descriptions(const struct outgoing_file *file, const uint8_t *digest, const char *parent) {
    char folder[XFTP_PATH_SIZE], path[FILE_PATH_SIZE];
    uint32_t count = send_state_head(file->state)->recipient_count;
    if (!make_folder(parent, file->name, folder))
        return 1;
    (void)snprintf(path, sizeof path, "%s/snd.xftp.private", folder);
    if (!save_description(file->state, digest, SEND_FOR_SENDER, path, false))
        return 1;
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "%s/rcv%" PRIu32 ".xftp", folder, i + 1);
        if (!save_description(file->state, digest, i, path, false))
            return 1;
    }
    printf("\nSender file description: %s/snd.xftp.private\nPass file descriptions to the recipient(s):\n", folder);
    for (uint32_t i = 0; i < count; i++)
        printf("%s/rcv%" PRIu32 ".xftp\n", folder, i + 1);
    printf("\nWeb link:\n");
    return save_description(file->state, digest, 0, NULL, true) ? 0 : 1;
}

/* ---- the command */

static int send_file(const struct xftp_options *options, struct outgoing_file *file,
                     const struct transfer_server *servers, size_t server_count, const char *parent) {
    struct xftp_session session;
    struct transfer_failure failure;
    uint8_t digest[XFTP_FILE_DIGEST_SIZE];
    if (!xftp_session_begin(&session, options, "Uploaded"))
        return 1;
    xftp_progress(options, "Encrypting file...");
    xftp_progress(options, "Uploading file...");
    enum smq_result result =
        transfer_send(&session.transfer, servers, server_count, file->file, file->state, digest, &failure);
    xftp_session_end(&session);
    if (result != SMQ_OK)
        return xftp_failed(&failure);
    xftp_progress(options, "File uploaded!");
    int status = save_descriptions(file, digest, parent);
    if (status == 0)
        send_state_remove(&file->state);
    return status;
}

int xftp_send(const struct xftp_options *options, int count, char **words) {
    static struct transfer_server servers[SERVERS_MAX];
    struct outgoing_file file = {.file = -1};
    size_t server_count;
    if (!parse_servers(options->servers != NULL ? options->servers : presets, servers, &server_count))
        return xftp_mistake("invalid server address");
    int status = open_file(options, words[0], &file);
    if (status == 0)
        status = send_file(options, &file, servers, server_count, count > 1 ? words[1] : ".");
    send_state_close(&file.state);
    if (file.file >= 0)
        (void)close(file.file);
    secret_wipe(servers, sizeof servers);
    return status;
}
