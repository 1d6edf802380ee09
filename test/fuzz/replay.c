/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Replays a fuzzer's corpus without libFuzzer: every file as it is, then some thousands of repeatable mutations of
 * each. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 65536, MUTATIONS = 3000 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* xorshift64*: the same mutations in every run and on every machine. */
static uint64_t random_state = 0x9e3779b97f4a7c15U;

static uint64_t random_next(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dU;
}

static size_t random_below(size_t limit) {
    return (size_t)(random_next() % limit);
}

/* The fuzzer gets a heap block of exactly the input's size, so that a sanitizer sees the first byte read past it. */
static void run(const uint8_t *bytes, size_t length) {
    uint8_t *exact = malloc(length > 0 ? length : 1);
    if (exact == NULL)
        abort();
    memcpy(exact, bytes, length);
    LLVMFuzzerTestOneInput(exact, length);
    free(exact);
}

/* One to four edits: a flipped bit, an interesting byte, a cut tail, a doubled or removed range. */
static size_t mutate(uint8_t *bytes, size_t length) {
    static const uint8_t interesting[] = {0, 1, 0x20, 0x23, '0', '1', 'T', 'F', 0x7f, 0x80, 0xfe, 0xff};
    for (size_t edits = 1 + random_below(4); edits > 0 && length > 0; edits--) {
        size_t at = random_below(length);
        size_t span = 1 + random_below(length - at < 64 ? length - at : 64);
        switch (random_below(5)) {
        case 0:
            bytes[at] = (uint8_t)(bytes[at] ^ (1U << random_below(8)));
            break;
        case 1:
            bytes[at] = interesting[random_below(sizeof interesting)];
            break;
        case 2:
            length = at;
            break;
        case 3:
            memmove(bytes + at, bytes + at + span, length - at - span);
            length -= span;
            break;
        default:
            if (length + span <= INPUT_MAX) {
                memmove(bytes + at + span, bytes + at, length - at);
                length += span;
            }
            break;
        }
    }
    return length;
}

static int replay_file(const char *directory, const char *name) {
    static uint8_t original[INPUT_MAX];
    static uint8_t mutated[INPUT_MAX];
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return -1;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    size_t length = fread(original, 1, sizeof original, file);
    fclose(file);
    run(original, length);
    for (int count = 0; count < MUTATIONS; count++) {
        memcpy(mutated, original, length);
        run(mutated, mutate(mutated, length));
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    struct dirent **entries = NULL;
    int count = scandir(argv[1], &entries, NULL, alphasort);
    if (count < 0) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    int files = 0;
    int failures = 0;
    for (int index = 0; index < count; index++) {
        if (entries[index]->d_name[0] != '.') {
            files++;
            failures += replay_file(argv[1], entries[index]->d_name) != 0;
        }
        free(entries[index]);
    }
    free(entries);
    if (files == 0)
        fprintf(stderr, "%s: no corpus files\n", argv[1]);
    if (files == 0 || failures > 0) {
        printf("[  FAILED  ] 1 test(s).\n");
        return 1;
    }
    printf("%d files of %s, %d mutations each\n[  PASSED  ] 1 test(s).\n", files, argv[1], MUTATIONS);
    return 0;
}
