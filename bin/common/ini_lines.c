/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Lines of an INI file, cut out of its text in place. */
#include "bin/common/ini_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/memory.h"
#include "queues/base/secret.h"

enum { FILE_MAX = 1024 * 1024 };

static const char *kind_refused(mode_t mode) {
    return S_ISREG(mode)                    ? NULL
           : S_ISDIR(mode)                  ? strerror(EISDIR)
           : S_ISFIFO(mode)                 ? "a FIFO, not a file"
           : S_ISCHR(mode) || S_ISBLK(mode) ? "a device, not a file"
                                            : "not a file";
}

/* A file that is soon read, not what one waits for: a FIFO would hold up the caller until somebody writes to it. */
static int open_file(const char *path, size_t *size, const char **reason) {
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        *reason = strerror(errno);
        return -1;
    }
    *reason = fstat(descriptor, &status) != 0 ? strerror(errno) : kind_refused(status.st_mode);
    if (*reason == NULL && status.st_size > FILE_MAX)
        *reason = strerror(EFBIG);
    if (*reason != NULL) {
        (void)close(descriptor);
        return -1;
    }
    *size = (size_t)status.st_size;
    return descriptor;
}

static enum smq_result read_all(int descriptor, char *text, size_t size, size_t *length, const char **reason) {
    *length = 0;
    while (*length < size) {
        ssize_t count = read(descriptor, text + *length, size - *length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            *reason = strerror(errno);
            return SMQ_ERR_SYSTEM;
        }
        if (count == 0)
            break;
        *length += (size_t)count;
    }
    return SMQ_OK;
}

enum smq_result ini_lines_open(const char *path, struct ini_lines *lines, const char **reason) {
    size_t size = 0;
    *lines = (struct ini_lines){.section = ""};
    int descriptor = open_file(path, &size, reason);
    if (descriptor < 0)
        return SMQ_ERR_SYSTEM;
    enum smq_result result = SMQ_ERR_NO_MEMORY;
    lines->text = memory_alloc(size + 1);
    if (lines->text != NULL)
        result = read_all(descriptor, lines->text, size, &lines->length, reason);
    (void)close(descriptor);
    if (result != SMQ_OK) {
        ini_lines_close(lines);
        return result;
    }
    lines->text[lines->length] = '\0';
    lines->next = lines->text;
    if (lines->length >= 3 && memcmp(lines->text, "\xEF\xBB\xBF", 3) == 0)
        lines->next += 3; /* the mark that some editors begin a file of UTF-8 with */
    return SMQ_OK;
}

static bool is_blank(char character) {
    return character == ' ' || character == '\t';
}

/* `begin` to `end` without blanks around, ended by a zero. */
static char *trim(char *begin, char *end) {
    while (begin < end && is_blank(*begin))
        begin++;
    while (end > begin && is_blank(end[-1]))
        end--;
    *end = '\0';
    return begin;
}

static bool has_control_character(const char *begin, const char *end) {
    for (; begin < end; begin++)
        if (((unsigned char)*begin < 0x20 && *begin != '\t') || *begin == 0x7f)
            return true;
    return false;
}

static enum ini_line_kind bad(struct ini_lines *lines, const char *fault) {
    lines->fault = fault;
    return INI_LINE_BAD;
}

static enum ini_line_kind cut(struct ini_lines *lines, char *begin, char *end) {
    static const char expected[] = "expected [section], key = value or # comment";
    if (has_control_character(begin, end))
        return bad(lines, "a control character in the line");
    begin = trim(begin, end);
    if (*begin == '[') {
        end = begin + strlen(begin) - 1;
        if (*end != ']' || memchr(begin, ']', (size_t)(end - begin)) != NULL)
            return bad(lines, expected);
        lines->section = trim(begin + 1, end);
        return INI_LINE_SECTION;
    }
    char *separator = begin + strcspn(begin, "=:");
    if (*separator == '\0' || separator == begin)
        return bad(lines, expected);
    lines->value = trim(separator + 1, separator + strlen(separator));
    lines->key = trim(begin, separator);
    return INI_LINE_KEY;
}

enum ini_line_kind ini_lines_next(struct ini_lines *lines) {
    char *last = lines->text + lines->length;
    while (lines->next < last) {
        char *begin = lines->next;
        char *end = memchr(begin, '\n', (size_t)(last - begin));
        if (end == NULL)
            end = last;
        lines->next = end + 1;
        lines->number++;
        if (end > begin && end[-1] == '\r')
            end--;
        while (begin < end && is_blank(*begin))
            begin++;
        if (begin < end && *begin != '#' && *begin != ';')
            return cut(lines, begin, end);
    }
    return INI_LINE_END;
}

void ini_lines_close(struct ini_lines *lines) {
    if (lines->text != NULL)
        secret_wipe(lines->text, lines->length);
    memory_free(lines->text);
    *lines = (struct ini_lines){.section = ""};
}
