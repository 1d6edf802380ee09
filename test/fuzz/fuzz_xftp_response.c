/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes the parser of XFTP responses: what parses is written in a form that parses to the same. */
#include "test/fuzz/fuzz.h"
#include "transport/xftp/limits.h"
#include "transport/xftp/response.h"

static struct slice rewrite(const struct xftp_response *response, uint8_t *buffer, size_t capacity) {
    struct writer writer = writer_of(buffer, capacity);
    xftp_response_write(XFTP_VERSION_MAX, &writer, response);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    return slice_of(buffer, writer_length(&writer));
}

static void walk_ids(const struct xftp_id_list *ids) {
    struct slice id;
    size_t count = 0;
    for (struct reader reader = reader_of(ids->encoded); xftp_id_list_next(&reader, &id);)
        count++;
    PROMISE(count == ids->count && count >= 1);
}

static void write_texts(const struct xftp_error *error) {
    char text[64], json[256];
    struct writer writer = writer_of(json, sizeof json);
    xftp_error_write_json(&writer, error);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    PROMISE(strlen(xftp_error_text(error, text, sizeof text)) < sizeof text);
    PROMISE(strlen(xftp_error_text(error, text, 1)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static uint8_t first[1 << 17], second[1 << 17];
    struct slice input = slice_of(bytes, length);
    struct xftp_response response;
    struct xftp_error error;
    if (length > 1 << 16)
        return 0;
    if (xftp_response_parse(input, &response, &error) != SMQ_OK) {
        PROMISE(error.code == XFTP_ERROR_COMMAND);
        return 0;
    }
    (void)xftp_response_check_entity(&response, length % 2 == 0, &error);
    enum xftp_response_tag tag = response.tag;
    if (tag == XFTP_SIDS)
        walk_ids(&response.ids.recipient_ids);
    if (tag == XFTP_RIDS)
        walk_ids(&response.recipient_ids);
    if (tag == XFTP_ERR)
        write_texts(&response.error);
    struct slice written = rewrite(&response, first, sizeof first);
    PROMISE(tag == XFTP_ERR || fuzz_equal(written, input)); /* errors may be rephrased */
    PROMISE(xftp_response_parse(written, &response, &error) == SMQ_OK);
    PROMISE(fuzz_equal(rewrite(&response, second, sizeof second), written));
    return 0;
}
