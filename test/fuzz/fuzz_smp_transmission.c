/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes the parser of SMP transmissions: slices stay inside the input, and writing gives the same bytes back. */
#include "test/fuzz/smp_fuzz.h"
#include "transport/block/transmission.h"
#include "transport/smp/session.h"

static const uint8_t session_id[32] = "session id of thirty-two bytes..";

static struct slice rewrite(const struct transmission_form *form, const struct transmission *transmission,
                            uint8_t *buffer, size_t capacity) {
    struct writer writer = writer_of(buffer, capacity);
    struct transmission_draft draft;
    transmission_begin(form, &writer, transmission->authorization.length, transmission->has_service_signature,
                       transmission->correlation_id, transmission->entity_id, &draft);
    write_slice(&writer, transmission->command);
    PROMISE(transmission_end(form, &writer, &draft, (struct slice){0}, NULL) == SMQ_OK);
    if (draft.authorization != NULL)
        memcpy(draft.authorization, transmission->authorization.bytes, transmission->authorization.length);
    if (draft.service_signature != NULL)
        memcpy(draft.service_signature, transmission->service_signature.bytes, transmission->service_signature.length);
    PROMISE(transmission_size(form, transmission->authorization.length, transmission->has_service_signature,
                              transmission->correlation_id.length, transmission->entity_id.length,
                              transmission->command.length) == writer_length(&writer));
    return slice_of(buffer + 2, writer_length(&writer) - 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static uint8_t buffer[1 << 17];
    static uint8_t scratch[AUTHORIZED_MAX];
    struct transmission transmission;
    struct smp_error error;
    if (length < 1 || length > SMP_BLOCK_SIZE)
        return 0;
    struct transmission_form form = {.version = fuzz_version(bytes[0]),
                                     .session_id = slice_of(session_id, sizeof session_id)};
    struct slice input = slice_of(bytes + 1, length - 1);
    if (smp_transmission_parse(&form, input, &transmission, &error) != SMQ_OK) {
        PROMISE(error.code == SMP_ERROR_BLOCK || (error.code == SMP_ERROR_SESSION && form.version == 6));
        PROMISE(transmission.command.length == 0 && transmission.entity_id.length == 0);
        return 0;
    }
    PROMISE(fuzz_equal(rewrite(&form, &transmission, buffer, sizeof buffer), input));

    struct authorized authorized;
    authorized_parts(&form, slice_of(session_id, SMP_FINGERPRINT_SIZE), &transmission, &authorized);
    struct slice covered = authorized_contiguous(&authorized, scratch, sizeof scratch);
    PROMISE(covered.length == authorized_size(&authorized));
    PROMISE(covered.length >= SMP_FINGERPRINT_SIZE + 1 + sizeof session_id);
    PROMISE(covered.bytes[SMP_FINGERPRINT_SIZE] == sizeof session_id);
    return 0;
}
