/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* xftp recv and xftp del. What an interrupted receiving has got is in the folder for temporary files, and is not got
 * again. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bin/xftp/xftp_description_file.h"
#include "bin/xftp/xftp_session.h"

/* Where the file goes. */
struct destination {
    char folder[XFTP_PATH_SIZE];
    char name[OUTPUT_NAME_SIZE]; /* empty: the sender's */
};

static bool is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int use_downloads(struct destination *destination) {
    const char *home = getenv("HOME");
    (void)snprintf(destination->folder, sizeof destination->folder, "%s/Downloads", home != NULL ? home : ".");
    if (mkdir(destination->folder, 0755) == 0 || errno == EEXIST)
        return 0;
    return xftp_mistake("%s: %s", destination->folder, strerror(errno));
}

/* An existing folder takes the file; any other path is the file's own, and must not be there. */
static int choose_destination(const char *word, struct destination *destination) {
    char copy[XFTP_PATH_SIZE];
    struct stat status;
    *destination = (struct destination){.name = ""};
    if (word == NULL)
        return use_downloads(destination);
    if (is_folder(word)) {
        (void)snprintf(destination->folder, sizeof destination->folder, "%s", word);
        return 0;
    }
    if (lstat(word, &status) == 0)
        return xftp_mistake("File already exists");
    (void)snprintf(copy, sizeof copy, "%s", word);
    (void)snprintf(destination->name, sizeof destination->name, "%s", basename(copy));
    (void)snprintf(copy, sizeof copy, "%s", word);
    (void)snprintf(destination->folder, sizeof destination->folder, "%s", dirname(copy));
    return 0;
}

static void offer_deletion(const struct xftp_options *options, const char *path) {
    char question[XFTP_PATH_SIZE + 64];
    (void)snprintf(question, sizeof question, "File description %s can't be used again. Delete it", path);
    if (!xftp_confirm(options, question))
        return;
    if (unlink(path) == 0)
        printf("File description %s is deleted.\n", path);
    else
        (void)xftp_mistake("%s: %s", path, strerror(errno));
}

/* ---- recv */

static enum smq_result receive(struct xftp_session *session, const struct xftp_description *description,
                               const struct destination *destination, char name[OUTPUT_NAME_SIZE],
                               struct transfer_failure *failure) {
    char work[XFTP_PATH_SIZE];
    xftp_temporary_path(session->options, slice_of(description->digest, sizeof description->digest), "receiving", work);
    const struct transfer_target target = {.work_folder = work,
                                           .target_folder = destination->folder,
                                           .target_name = destination->name[0] != '\0' ? destination->name : NULL,
                                           .acknowledge = true};
    return transfer_receive(&session->transfer, description, &target, name, failure);
}

/* The description that a redirect leads to, instead of it. NULL: a mistake was printed. */
static struct xftp_description *follow(struct xftp_session *session, const struct xftp_description *redirect) {
    struct destination destination = {.name = ""};
    char name[OUTPUT_NAME_SIZE];
    char path[XFTP_PATH_SIZE + OUTPUT_NAME_SIZE];
    struct transfer_failure failure;
    xftp_temporary_path(session->options, slice_of(redirect->redirect_digest, sizeof redirect->redirect_digest),
                        "redirect", destination.folder);
    if (mkdir(destination.folder, 0700) != 0 && errno != EEXIST) {
        (void)xftp_mistake("%s: %s", destination.folder, strerror(errno));
        return NULL;
    }
    struct xftp_description *description = NULL;
    if (receive(session, redirect, &destination, name, &failure) != SMQ_OK) {
        (void)xftp_failed(&failure);
    } else {
        (void)snprintf(path, sizeof path, "%s/%s", destination.folder, name);
        description = xftp_description_read_file(path);
        (void)unlink(path);
    }
    (void)rmdir(destination.folder);
    return description;
}

static int check_redirected(const struct xftp_description *redirect, const struct xftp_description *description) {
    if (description->has_redirect)
        return xftp_mistake("Redirect chain too long");
    if (description->size != redirect->redirect_size)
        return xftp_mistake("File size mismatch");
    if (memcmp(description->digest, redirect->redirect_digest, sizeof description->digest) != 0)
        return xftp_mistake("File digest mismatch");
    return 0;
}

static int check_party(const struct xftp_description *description, enum xftp_file_party party) {
    return description->party == party ? 0 : xftp_mistake("incorrect XFTP party");
}

static int receive_file(struct xftp_session *session, const struct xftp_description *description,
                        const struct destination *destination) {
    char name[OUTPUT_NAME_SIZE];
    char text[XFTP_PATH_SIZE + OUTPUT_NAME_SIZE + 32];
    struct transfer_failure failure;
    xftp_progress(session->options, "Downloading file...");
    enum smq_result result = receive(session, description, destination, name, &failure);
    if (result == SMQ_ERR_CRYPTO)
        return xftp_mistake("File digest mismatch");
    if (result == SMQ_ERR_EXISTS && destination->name[0] != '\0')
        return xftp_mistake("File already exists");
    if (result != SMQ_OK)
        return xftp_failed(&failure);
    xftp_progress(session->options, "Decrypting file...");
    (void)snprintf(text, sizeof text, "File downloaded: %s/%s", destination->folder, name);
    xftp_progress(session->options, text);
    printf("\n");
    return 0;
}

static int receive_described(const struct xftp_options *options, struct xftp_description **description,
                             const struct destination *destination) {
    struct xftp_session session;
    if (!xftp_session_begin(&session, options, "Downloaded"))
        return 1;
    int status = 0;
    if ((*description)->has_redirect) {
        struct xftp_description *inner = follow(&session, *description);
        status = inner == NULL ? 1 : check_redirected(*description, inner);
        if (inner != NULL) {
            xftp_description_destroy(description);
            *description = inner;
        }
    }
    if (status == 0)
        status = check_party(*description, XFTP_FILE_RECIPIENT);
    if (status == 0)
        status = receive_file(&session, *description, destination);
    xftp_session_end(&session);
    return status;
}

int xftp_receive(const struct xftp_options *options, int count, char **words) {
    struct destination destination;
    bool is_link;
    struct xftp_description *description = xftp_description_read(words[0], &is_link);
    if (description == NULL)
        return 1;
    int status = check_party(description, XFTP_FILE_RECIPIENT);
    if (status == 0)
        status = choose_destination(count > 1 ? words[1] : NULL, &destination);
    if (status == 0)
        status = receive_described(options, &description, &destination);
    xftp_description_destroy(&description);
    if (status == 0 && !is_link)
        offer_deletion(options, words[0]);
    return status;
}

/* ---- del */

int xftp_remove(const struct xftp_options *options, int count, char **words) {
    (void)count;
    struct xftp_session session;
    struct transfer_failure failure;
    struct xftp_description *description = xftp_description_read_file(words[0]);
    if (description == NULL)
        return 1;
    int status = check_party(description, XFTP_FILE_SENDER);
    if (status == 0 && !xftp_session_begin(&session, options, ""))
        status = 1;
    if (status == 0) {
        enum smq_result result = transfer_delete(&session.transfer, description, &failure);
        xftp_session_end(&session);
        status = result == SMQ_OK ? 0 : xftp_failed(&failure);
    }
    xftp_description_destroy(&description);
    if (status != 0)
        return status;
    xftp_progress(options, "File deleted!");
    printf("\n");
    offer_deletion(options, words[0]);
    return 0;
}
