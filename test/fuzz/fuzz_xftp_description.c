/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes the reading of file descriptions: what is read is written so that it is read as the same. Only which replica
 * of a chunk comes first is not kept, since servers are written in an order of their own; it is from then on. */
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

static void check_same(const struct xftp_description *a, const struct xftp_description *b) {
    PROMISE(a->party == b->party && a->size == b->size && a->chunk_size == b->chunk_size);
    PROMISE(memcmp(a->digest, b->digest, sizeof a->digest) == 0 && memcmp(a->key, b->key, sizeof a->key) == 0);
    PROMISE(memcmp(a->nonce, b->nonce, sizeof a->nonce) == 0 && a->has_redirect == b->has_redirect);
    PROMISE(!a->has_redirect || (a->redirect_size == b->redirect_size &&
                                 memcmp(a->redirect_digest, b->redirect_digest, sizeof a->redirect_digest) == 0));
    PROMISE(a->chunk_count == b->chunk_count && a->replica_count == b->replica_count);
    for (size_t i = 0; i < a->chunk_count; i++) {
        PROMISE(a->chunks[i].size == b->chunks[i].size && a->chunks[i].replica_count == b->chunks[i].replica_count);
        PROMISE(memcmp(a->chunks[i].digest, b->chunks[i].digest, sizeof a->chunks[i].digest) == 0);
    }
}

/* Reads what was written; the caller destroys it. */
static struct xftp_description *read_again(const struct xftp_description *description) {
    struct xftp_description *again = NULL;
    struct slice text = write_text_of(description);
    PROMISE(xftp_description_parse(text, &again, NULL) == SMQ_OK);
    free((void *)(uintptr_t)text.bytes);
    walk(again);
    check_same(description, again);
    return again;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct xftp_description *description = NULL;
    const char *problem = NULL;
    if (xftp_description_parse(slice_of(bytes, length), &description, &problem) != SMQ_OK) {
        PROMISE(description == NULL && problem != NULL);
        return 0;
    }
    walk(description);
    struct xftp_description *second = read_again(description), *third = read_again(second);
    struct slice second_text = write_text_of(second), third_text = write_text_of(third);
    PROMISE(fuzz_equal(second_text, third_text));
    free((void *)(uintptr_t)second_text.bytes);
    free((void *)(uintptr_t)third_text.bytes);
    xftp_description_destroy(&description);
    xftp_description_destroy(&second);
    xftp_description_destroy(&third);
    return 0;
}
