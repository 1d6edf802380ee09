/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes links with file descriptions. The first byte selects: an app link, a web link, or the compressed bytes of a
 * fragment. */
#include "test/fuzz/fuzz.h"
#include "transport/wire/text.h"
#include "transport/xftp/link.h"

static uint8_t first[1 << 18], second[1 << 18];

static void fuzz_app_link(struct slice text) {
    struct xftp_app_link link, again;
    if (xftp_app_link_parse(text, first, text.length, &link) != SMQ_OK)
        return;
    uint8_t *written = malloc(sizeof second);
    PROMISE(written != NULL);
    struct writer writer = writer_of(written, sizeof second);
    write_xftp_app_link(&writer, &link);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    PROMISE(xftp_app_link_parse(slice_of(written, writer_length(&writer)), second, sizeof second, &again) == SMQ_OK);
    PROMISE(fuzz_equal(again.description, link.description) && again.has_data == link.has_data);
    PROMISE(!link.has_data || fuzz_equal(again.data, link.data));
    free(written);
}

static void fuzz_fragment(struct slice fragment) {
    struct xftp_web_yaml yaml, again;
    if (xftp_web_fragment_inflate(fragment, &yaml) != SMQ_OK)
        return;
    PROMISE(yaml.length <= XFTP_DESCRIPTION_TEXT_MAX);
    size_t size = xftp_web_fragment_size(yaml.length);
    uint8_t *text = malloc(size);
    PROMISE(text != NULL);
    struct writer writer = writer_of(text, size);
    write_xftp_web_fragment(&writer, slice_of(yaml.bytes, yaml.length));
    PROMISE(writer_finish(&writer) == SMQ_OK);
    PROMISE(xftp_web_fragment_inflate(slice_of(text, writer_length(&writer)), &again) == SMQ_OK);
    PROMISE(fuzz_equal(slice_of(yaml.bytes, yaml.length), slice_of(again.bytes, again.length)));
    xftp_web_yaml_free(&yaml);
    xftp_web_yaml_free(&again);
    free(text);
}

static void fuzz_web_link(struct slice text) {
    struct slice fragment;
    if (xftp_web_link_fragment(text, &fragment) == SMQ_OK)
        fuzz_fragment(fragment);
}

static void fuzz_compressed(struct slice compressed) {
    struct writer writer = writer_of(first, sizeof first);
    write_base64(&writer, compressed, BASE64_URL);
    fuzz_fragment(slice_of(first, writer_length(&writer)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static void (*const parsers[])(struct slice) = {fuzz_app_link, fuzz_web_link, fuzz_compressed};
    if (length < 1 || length > 1 << 16)
        return 0;
    parsers[bytes[0] % 3](slice_of(bytes + 1, length - 1));
    return 0;
}
