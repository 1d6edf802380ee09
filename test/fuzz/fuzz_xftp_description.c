/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes the reading of file descriptions: what is read is written so that it is read as the same. */
#include "test/fuzz/fuzz.h"
#include "transport/xftp/description.h"

static struct slice write_text_of(const struct xftp_description *description) {
    size_t size = xftp_description_text_size(description);
    uint8_t *bytes = malloc(size);
    PROMISE(bytes != NULL);
    struct writer writer = writer_of(bytes, size);
    write_xftp_description(&writer, description);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    return slice_of(bytes, writer_length(&writer));
}

static void walk(const struct xftp_description *description) {
    int64_t sum = 0;
    size_t replicas = 0;
    for (size_t i = 0; i < description->chunk_count; i++) {
        PROMISE(description->chunks[i].first_replica == replicas && description->chunks[i].replica_count > 0);
        replicas += description->chunks[i].replica_count;
        sum += description->chunks[i].size;
    }
    PROMISE(sum == description->size && replicas == description->replica_count);
    for (size_t i = 0; i < replicas; i++)
        PROMISE(description->replicas[i].server < description->server_count && description->replicas[i].id_length > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct xftp_description *description = NULL, *again = NULL;
    const char *problem = NULL;
    if (xftp_description_parse(slice_of(bytes, length), &description, &problem) != SMQ_OK) {
        PROMISE(description == NULL && problem != NULL);
        return 0;
    }
    walk(description);
    struct slice text = write_text_of(description);
    PROMISE(xftp_description_parse(text, &again, &problem) == SMQ_OK);
    struct slice text_again = write_text_of(again);
    PROMISE(fuzz_equal(text, text_again));
    free((void *)(uintptr_t)text.bytes);
    free((void *)(uintptr_t)text_again.bytes);
    xftp_description_destroy(&description);
    xftp_description_destroy(&again);
    return 0;
}
