/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Headers of the PROXY protocol: what is found in part of the bytes is found in all of them, and nothing else. */
#include "test/fuzz/fuzz.h"
#include "transport/net/proxy_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct proxy_header header, again;
    size_t wanted = 0;
    enum smq_result result = proxy_header_parse(slice_of(bytes, length), &header, &wanted);
    if (result == SMQ_OK) {
        PROMISE(header.length > 0 && header.length <= length && header.length <= PROXY_HEADER_MAX);
        PROMISE(proxy_header_parse(slice_of(bytes, header.length), &again, &wanted) == SMQ_OK);
        PROMISE(again.length == header.length && again.has_source == header.has_source);
        PROMISE(proxy_header_parse(slice_of(bytes, header.length - 1), &again, &wanted) == SMQ_ERR_AGAIN);
    } else if (result == SMQ_ERR_AGAIN) {
        PROMISE(wanted > length && wanted <= PROXY_HEADER_MAX);
    } else {
        PROMISE(result == SMQ_ERR_SYNTAX);
    }
    return 0;
}
