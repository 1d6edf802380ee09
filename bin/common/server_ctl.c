/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A session of one command: the password, the command, and quit, after which the router ends the session, so that all
 * that comes is the answer. */
#include "bin/common/server_ctl.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "queues/base/secret.h"

enum { ANSWER_TIMEOUT_S = 60, LINES_SIZE = 8192, GREETING_LINES = 2 };

static int mistake(const char *text, const char *more) {
    (void)fprintf(stderr, "Error: %s%s%s\n", text, more == NULL ? "" : ": ", more == NULL ? "" : more);
    return 1;
}

static int connect_to(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 && (setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0 ||
                            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0 ||
                            connect(descriptor, (const struct sockaddr *)&address, sizeof address) != 0)) {
        int saved = errno;
        (void)close(descriptor);
        errno = saved;
        return -1;
    }
    return descriptor;
}

/* All lines of the session. False: they are too long, or hold an end of a line. */
static bool write_lines(char lines[LINES_SIZE], const char *password, bool json, int count, char **words) {
    size_t length = (size_t)snprintf(lines, LINES_SIZE, "auth %s\n", password);
    for (int i = 0; i < count && length < LINES_SIZE; i++) {
        if (strpbrk(words[i], "\r\n") != NULL)
            return false;
        length += (size_t)snprintf(lines + length, LINES_SIZE - length, i == 0 ? "%s" : " %s", words[i]);
    }
    if (length < LINES_SIZE)
        length += (size_t)snprintf(lines + length, LINES_SIZE - length, "%s\nquit\n", json ? " --json" : "");
    return length < LINES_SIZE;
}

static bool send_all(int descriptor, const char *text) {
    size_t length = strlen(text);
    while (length > 0) {
        ssize_t count = send(descriptor, text, length, MSG_NOSIGNAL);
        if (count <= 0)
            return false;
        text += count;
        length -= (size_t)count;
    }
    return true;
}

/* The greeting and the role are read over, the rest is printed. 1: it is a refusal. */
static int print_answer(FILE *stream) {
    char line[4096];
    int status = 0;
    for (int skipped = 0; skipped < GREETING_LINES + 1; skipped++)
        if (fgets(line, sizeof line, stream) == NULL)
            return mistake("the control port does not answer", errno == EAGAIN ? "it took too long" : NULL);
    if (strcmp(line, "Current role is CPRNone\n") == 0)
        return mistake("the control port refuses the password of the INI file: the router was started with another",
                       NULL);
    while (fgets(line, sizeof line, stream) != NULL) {
        if (strncmp(line, "error", 5) == 0 || strcmp(line, "AUTH\n") == 0 || strncmp(line, "{\"error\":", 9) == 0)
            status = 1;
        (void)fputs(line, stdout);
    }
    return ferror(stream) != 0 ? mistake("the control port does not answer", strerror(errno)) : status;
}

static int talk(int descriptor, const char *lines) {
    FILE *stream = fdopen(descriptor, "r");
    if (stream == NULL || !send_all(descriptor, lines)) {
        int status = mistake("the control port cannot be written to", strerror(errno));
        (void)(stream == NULL ? close(descriptor) : fclose(stream));
        return status;
    }
    int status = print_answer(stream);
    (void)fclose(stream);
    return status;
}

int server_ctl(const struct server_files *files, const struct control_settings *settings,
               const struct server_ctl_options *options, int count, char **words) {
    char lines[LINES_SIZE], where[64];
    bool is_user = options->user || settings->admin_password == NULL;
    const char *password = is_user ? settings->user_password : settings->admin_password;
    if (settings->port == 0)
        return mistake("[TRANSPORT] control_port is not set, so that the router has no control port", files->ini);
    if (password == NULL)
        return mistake(is_user ? "[AUTH] control_port_user_password is not set"
                               : "[AUTH] control_port_admin_password is not set",
                       files->ini);
    if (!write_lines(lines, password, options->json, count, words))
        return mistake("the command is too long, or has an end of a line in it", NULL);
    (void)snprintf(where, sizeof where, "cannot connect to the control port, 127.0.0.1:%u", (unsigned)settings->port);
    int descriptor = connect_to((uint16_t)settings->port);
    int status = descriptor < 0
                     ? mistake(where, errno == ECONNREFUSED ? "the router does not run, or was started without it"
                                                            : strerror(errno))
                     : talk(descriptor, lines);
    secret_wipe(lines, sizeof lines);
    return status;
}
