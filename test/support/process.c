/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Child processes, temporary folders and free ports for tests. */
#include "test/support/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "test/support/require.h"

enum { OUTPUT_MAX = 1 << 20 };

struct stream {
    int descriptor; /* -1: closed */
    size_t length;
    char text[OUTPUT_MAX];
};

struct process {
    pid_t id;
    bool ended;
    int status; /* of waitpid */
    struct stream output, errors;
};

static void exec_child(const char *const argv[], const int input[2], const int output[2], const int errors[2]) {
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(input[0], 0) < 0 || dup2(output[1], 1) < 0 || dup2(errors[1], 2) < 0)
        _exit(126);
    char *copy[64] = {NULL};
    for (size_t index = 0; argv[index] != NULL && index < 63; index++)
        copy[index] = strdup(argv[index]);
    (void)execvp(copy[0], copy);
    _exit(127);
}

struct process *process_start(const char *const argv[], const char *input) {
    int input_pipe[2];
    int output_pipe[2];
    int errors_pipe[2];
    struct process *process = calloc(1, sizeof *process);
    if (process == NULL)
        abort();
    require(pipe2(input_pipe, O_CLOEXEC) == 0);
    require(pipe2(output_pipe, O_CLOEXEC) == 0);
    require(pipe2(errors_pipe, O_CLOEXEC) == 0);
    process->id = fork();
    require(process->id >= 0);
    if (process->id == 0)
        exec_child(argv, input_pipe, output_pipe, errors_pipe);
    (void)close(input_pipe[0]);
    (void)close(output_pipe[1]);
    (void)close(errors_pipe[1]);
    /* Inputs of tests fit the pipe, so that this does not wait for the child; one that ended early is not our
     * failure. */
    (void)signal(SIGPIPE, SIG_IGN);
    if (input != NULL)
        require(write(input_pipe[1], input, strlen(input)) == (ssize_t)strlen(input) || errno == EPIPE);
    (void)close(input_pipe[1]);
    process->output.descriptor = output_pipe[0];
    process->errors.descriptor = errors_pipe[0];
    return process;
}

/* One read; false at the end of the stream. */
static void stream_read(struct stream *stream) {
    static char excess[4096];
    bool room = stream->length < OUTPUT_MAX - 1;
    ssize_t got = room ? read(stream->descriptor, stream->text + stream->length, OUTPUT_MAX - 1 - stream->length)
                       : read(stream->descriptor, excess, sizeof excess);
    if (got > 0) {
        if (room)
            stream->length += (size_t)got;
        return;
    }
    if (got < 0 && errno == EINTR)
        return;
    (void)close(stream->descriptor);
    stream->descriptor = -1;
}

/* Collects what is printed within the time; false when both streams are closed or nothing came. */
static bool collect(struct process *process, int timeout_ms) {
    struct pollfd polled[2] = {{.fd = process->output.descriptor, .events = POLLIN},
                               {.fd = process->errors.descriptor, .events = POLLIN}};
    if (polled[0].fd < 0 && polled[1].fd < 0)
        return false;
    if (poll(polled, 2, timeout_ms) <= 0)
        return false;
    if (polled[0].revents != 0)
        stream_read(&process->output);
    if (polled[1].revents != 0)
        stream_read(&process->errors);
    return true;
}

static int time_left(uint64_t deadline) {
    uint64_t now = clock_monotonic_ms();
    return now >= deadline ? 0 : (int)(deadline - now);
}

bool process_wait_output(struct process *process, const char *text, int timeout_ms) {
    uint64_t deadline = clock_monotonic_ms() + (uint64_t)timeout_ms;
    while (strstr(process->output.text, text) == NULL) {
        if (time_left(deadline) == 0)
            return false;
        if (!collect(process, time_left(deadline)) && process->output.descriptor < 0)
            return strstr(process->output.text, text) != NULL;
    }
    return true;
}

int process_wait(struct process *process, int timeout_ms) {
    uint64_t deadline = clock_monotonic_ms() + (uint64_t)timeout_ms;
    while (!process->ended) {
        pid_t waited = waitpid(process->id, &process->status, WNOHANG);
        require(waited >= 0 || errno == EINTR);
        process->ended = waited == process->id;
        if (process->ended)
            break;
        if (time_left(deadline) == 0)
            return -1;
        int step = time_left(deadline) < 20 ? time_left(deadline) : 20;
        if (!collect(process, step))
            (void)poll(NULL, 0, process->output.descriptor < 0 ? 1 : 0);
    }
    while (collect(process, 0)) {
    }
    return WIFEXITED(process->status) ? WEXITSTATUS(process->status) : 128 + WTERMSIG(process->status);
}

void process_signal(struct process *process, int signal) {
    require(!process->ended);
    require(kill(process->id, signal) == 0);
}

int process_id(const struct process *process) {
    return process->id;
}

const char *process_output(struct process *process) {
    while (collect(process, 0)) {
    }
    return process->output.text;
}

const char *process_errors(struct process *process) {
    while (collect(process, 0)) {
    }
    return process->errors.text;
}

void process_destroy(struct process **process) {
    if (*process == NULL)
        return;
    if (!(*process)->ended) {
        (void)kill((*process)->id, SIGKILL);
        (void)waitpid((*process)->id, NULL, 0);
    }
    if ((*process)->output.descriptor >= 0)
        (void)close((*process)->output.descriptor);
    if ((*process)->errors.descriptor >= 0)
        (void)close((*process)->errors.descriptor);
    free(*process);
    *process = NULL;
}

void temporary_folder_create(char path[64]) {
    (void)snprintf(path, 64, "/tmp/smq-test-XXXXXX");
    require(mkdtemp(path) != NULL);
}

static int remove_visited(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

void temporary_folder_remove(const char *path) {
    require(strncmp(path, "/tmp/smq-test-", 14) == 0);
    (void)nftw(path, remove_visited, 16, FTW_DEPTH | FTW_PHYS);
}

uint16_t free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(descriptor >= 0);
    require(bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0);
    require(getsockname(descriptor, (struct sockaddr *)&address, &length) == 0);
    (void)close(descriptor);
    return ntohs(address.sin_port);
}
