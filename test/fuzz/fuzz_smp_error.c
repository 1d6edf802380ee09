/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes the parser of SMP errors: what parses is written in a form that parses to the same, and has a clean text. */
#include "test/fuzz/smp_fuzz.h"
#include "transport/smp/error.h"

/* The detail of NETWORK is read but not written, and long texts are cut. */
static bool survives_writing(const struct smp_error *error) {
    return error->code != SMP_ERROR_PROXY || error->proxy.kind != SMP_PROXY_BROKER ||
           (error->proxy.broker != SMP_BROKER_NETWORK && error->proxy.broker != SMP_BROKER_RESPONSE &&
            error->proxy.broker != SMP_BROKER_UNEXPECTED);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static uint8_t buffer[1 << 17];
    struct smp_error error;
    struct smp_error again;
    char text[64];
    if (length < 1 || length > 1 << 16)
        return 0;
    struct reader reader = reader_of(slice_of(bytes + 1, length - 1));
    smp_error_read(&reader, &error);
    if (reader_finish(&reader) != SMQ_OK)
        return 0;

    struct writer writer = writer_of(buffer, sizeof buffer);
    smp_error_write(&writer, &error);
    PROMISE(writer_finish(&writer) == SMQ_OK);
    reader = reader_of(slice_of(buffer, writer_length(&writer)));
    smp_error_read(&reader, &again);
    PROMISE(reader_finish(&reader) == SMQ_OK);
    PROMISE(!survives_writing(&error) || smp_error_equal(&error, &again));

    (void)smp_error_text(&error, text, sizeof text);
    for (const char *c = text; *c != '\0'; c++)
        PROMISE((uint8_t)*c >= 0x20 && *c != 0x7f);
    (void)smp_error_for_version(fuzz_version(bytes[0]), &error);
    return 0;
}
