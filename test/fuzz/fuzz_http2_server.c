/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The server's side of HTTP/2: whatever a client sends, hooks keep their order, memory its bound, and every stream is
 * closed once. */
#include "test/fuzz/http2_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    static struct fuzz_owner owner;
    if (length == 0)
        return 0;
    fuzz_open(&owner, true, bytes[0]);
    if ((bytes[0] & FUZZ_PREFACE) != 0)
        fuzz_give(&owner, slice_of(preface, sizeof preface - 1));
    fuzz_give(&owner, slice_of(bytes + 1, length - 1));
    fuzz_close(&owner);
    return 0;
}
