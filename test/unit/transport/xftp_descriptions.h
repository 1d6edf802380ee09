/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the tests of file descriptions and of links share: files of test/vectors, and made-up descriptions. */
#pragma once

#include "test/unit/transport/test_helpers.h"
#include "transport/xftp/description.h"

/* A whole file in new memory, with a zero behind it. */
static inline struct slice read_whole(const char *path) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long length = ftell(file);
    assert_true(length >= 0);
    rewind(file);
    uint8_t *bytes = calloc(1, (size_t)length + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)length, file), (size_t)length);
    fclose(file);
    return slice_of(bytes, (size_t)length);
}

static inline struct slice read_xftp_vector(const char *name) {
    char path[256];
    snprintf(path, sizeof path, "test/vectors/files/xftp/%s", name);
    return read_whole(path);
}

static inline void free_slice(struct slice slice) {
    free((void *)(uintptr_t)slice.bytes);
}

static inline struct xftp_description *parse_description(struct slice text) {
    uint8_t *exact = heap_copy(text.bytes, text.length);
    struct xftp_description *description = NULL;
    const char *problem = NULL;
    enum smq_result result = xftp_description_parse(slice_of(exact, text.length), &description, &problem);
    free(exact);
    if (result != SMQ_OK)
        fail_msg("%s: %s", smq_result_text(result), problem);
    return description;
}

/* The text in new memory. */
static inline struct slice description_text(const struct xftp_description *description) {
    size_t size = xftp_description_text_size(description);
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    struct writer writer = writer_of(bytes, size);
    write_xftp_description(&writer, description);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    return slice_of(bytes, writer_length(&writer));
}

static inline struct server_address server_called(const char *text) {
    struct server_address server;
    assert_int_equal(server_address_parse(slice_of_text(text), ADDRESS_XFTP, &server), SMQ_OK);
    return server;
}
