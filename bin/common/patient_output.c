/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Streams whose writes ask for room first. A pipe that tells of room takes a page without blocking. */
#include "bin/common/patient_output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000 };

struct output {
    int descriptor;
    bool deaf; /* nobody read for as long as our patience */
    int error; /* errno of the first write that failed; 0: none */
};

static struct output outputs[2] = {{.descriptor = STDOUT_FILENO}, {.descriptor = STDERR_FILENO}};

static bool has_room(struct output *output) {
    struct pollfd polled = {.fd = output->descriptor, .events = POLLOUT};
    output->deaf = poll(&polled, 1, output->deaf ? 0 : PATIENCE_MS) <= 0;
    return !output->deaf;
}

/* Says that all was written also when it was dropped: stdio would keep it and try again. */
static ssize_t write_patiently(void *cookie, const char *bytes, size_t length) {
    struct output *output = cookie;
    size_t done = 0;
    while (done < length && has_room(output)) {
        size_t left = length - done;
        ssize_t written = write(output->descriptor, bytes + done, left < PIPE_BUF ? left : PIPE_BUF);
        if (written < 0 && errno != EINTR) {
            if (output->error == 0)
                output->error = errno;
            break;
        }
        done += written > 0 ? (size_t)written : 0;
    }
    return (ssize_t)length;
}

static void replace(FILE **stream, struct output *output) {
    FILE *patient = fopencookie(output, "w", (cookie_io_functions_t){.write = write_patiently});
    if (patient == NULL)
        return;
    (void)setvbuf(patient, NULL, _IOLBF, 0); /* lines appear as they are printed, also in a file or pipe */
    *stream = patient;
}

void patient_output_begin(void) {
    replace(&stdout, &outputs[0]);
    replace(&stderr, &outputs[1]);
}

int patient_output_error(void) {
    (void)fflush(stdout);
    return outputs[0].error;
}
