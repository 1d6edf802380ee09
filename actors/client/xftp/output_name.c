/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names for what is received. */
#include "actors/client/xftp/output_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MARK_SIZE = 16 };

/* A length up to `length` that does not cut a UTF-8 character. */
static size_t cut_between_characters(const char *text, size_t length) {
    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return length;
}

void output_name_variant(const char *name, unsigned number, char variant[OUTPUT_NAME_SIZE]) {
    char mark[MARK_SIZE] = "";
    if (number > 0)
        (void)snprintf(mark, sizeof mark, "_%u", number);
    size_t room = OUTPUT_NAME_SIZE - 1 - strlen(mark);
    size_t stem = strcspn(name, ".");
    size_t rest = strlen(name + stem);
    if (rest >= room)
        rest = cut_between_characters(name + stem, room - 1);
    if (stem > room - rest)
        stem = cut_between_characters(name, room - rest);
    (void)snprintf(variant, OUTPUT_NAME_SIZE, "%.*s%s%.*s", (int)stem, name, mark, (int)rest,
                   name + strcspn(name, "."));
}

static bool is_component(const char *name) {
    return name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strchr(name, '/') == NULL &&
           strlen(name) < OUTPUT_NAME_SIZE;
}

static bool make_file(int folder, const char *name) {
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    return file >= 0 && close(file) == 0;
}

static bool make_folder(int folder, const char *name) {
    return mkdirat(folder, name, 0777) == 0;
}

static enum smq_result claim(int folder, const char *name, unsigned tries, bool (*make)(int, const char *),
                             char claimed[OUTPUT_NAME_SIZE]) {
    if (!is_component(name))
        return SMQ_ERR_INVALID;
    for (unsigned number = 0; number < tries; number++) {
        output_name_variant(name, number, claimed);
        if (make(folder, claimed))
            return SMQ_OK;
        if (errno != EEXIST)
            return errno == ENOSPC || errno == EDQUOT ? SMQ_ERR_STORE_FULL : SMQ_ERR_SYSTEM;
    }
    return SMQ_ERR_EXISTS;
}

enum smq_result output_name_claim(int folder, const char *name, bool exact, char claimed[OUTPUT_NAME_SIZE]) {
    return claim(folder, name, exact ? 1 : OUTPUT_TRIES, make_file, claimed);
}

enum smq_result output_folder_claim(int folder, const char *name, char claimed[OUTPUT_NAME_SIZE]) {
    return claim(folder, name, OUTPUT_TRIES, make_folder, claimed);
}
