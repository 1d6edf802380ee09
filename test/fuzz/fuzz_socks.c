/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The text form of SOCKS proxies, and a proxy that answers anything: the client never wants more than an answer can be,
 * and always comes to an end. The first byte of the input chooses. */
#include <stdlib.h>

#include "transport/net/socks.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool condition) {
    if (!condition)
        abort();
}

static void fuzz_text(struct slice input) {
    struct socks_proxy proxy;
    if (socks_proxy_parse(input, &proxy) == SMQ_OK)
        require(proxy.port != 0 && (proxy.host.kind == HOST_IPV4 || proxy.host.kind == HOST_IPV6));
}

static void fuzz_conversation(struct slice input, bool has_credentials) {
    struct socks_credentials credentials = {.user_length = 3, .user = "abc"};
    struct host host = {.kind = HOST_NAME, .length = 3, .text = "a.b"};
    struct socks_conversation conversation;
    socks_begin(&conversation, &host, 5223, has_credentials ? &credentials : NULL);
    enum smq_result result = SMQ_ERR_AGAIN;
    while (result == SMQ_ERR_AGAIN) {
        socks_sent(&conversation, socks_output(&conversation).length);
        size_t wanted = socks_wanted(&conversation);
        require(wanted > 0 && wanted <= SOCKS_MESSAGE_MAX);
        size_t given = wanted < input.length ? wanted : input.length;
        if (given == 0)
            break;
        result = socks_received(&conversation, input.bytes, given);
        input = slice_of(input.bytes + given, input.length - given);
    }
    require(socks_failure_text(&conversation) != NULL);
    socks_end(&conversation);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (length == 0)
        return 0;
    struct slice input = slice_of(bytes + 1, length - 1);
    if (bytes[0] % 3 == 0)
        fuzz_text(input);
    else
        fuzz_conversation(input, bytes[0] % 3 == 1);
    return 0;
}
