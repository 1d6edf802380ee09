/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The client's side of HTTP/2, with requests under way: whatever a server sends, hooks keep their order, memory its
 * bound, and every request ends once. */
#include "test/fuzz/http2_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void make_request(struct fuzz_owner *owner, size_t body) {
    struct http2_request request = {
        .method = slice_of_text("POST"),
        .scheme = slice_of_text("https"),
        .authority = slice_of_text("localhost"),
        .path = slice_of_text("/"),
        .has_body = body > 0,
    };
    struct fuzz_stream *own = &owner->streams[owner->count++];
    own->left = body;
    fuzz_require(http2_request(owner->http2, &request, own, &own->stream) == SMQ_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static const char settings[] = "\0\0\0\4\0\0\0\0\0";
    static struct fuzz_owner owner;
    if (length == 0)
        return 0;
    fuzz_open(&owner, false, bytes[0]);
    make_request(&owner, 0);
    make_request(&owner, 100000);
    make_request(&owner, 10);
    fuzz_take(&owner);
    make_request(&owner, 0);
    if ((bytes[0] & FUZZ_PREFACE) != 0)
        fuzz_give(&owner, slice_of(settings, sizeof settings - 1));
    fuzz_give(&owner, slice_of(bytes + 1, length - 1));
    fuzz_close(&owner);
    return 0;
}
