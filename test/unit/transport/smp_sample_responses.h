/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One sample of every SMP response and event, for tests. */
#pragma once

#include "test/unit/transport/smp_samples.h"
#include "transport/smp/response.h"

/* Two certificates and a signed key, of the sizes that the layouts have. */
static inline struct chain_key sample_chain_key(void) {
    static uint8_t bytes[32];
    struct slice certificates[2] = {sample(3, 1), sample(4, 2)};
    struct writer writer = writer_of(bytes, sizeof bytes);
    chain_encode(&writer, certificates, 2);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    return (struct chain_key){
        .count = 2, .chain = slice_of(bytes, writer_length(&writer)), .signed_key = sample(120, 3)};
}

/* Everything that an IDS can carry. */
static inline struct smp_response sample_full_ids(void) {
    struct smp_response response;
    memset(&response, 0, sizeof response);
    response.tag = SMP_IDS;
    response.ids.recipient_id = sample(24, 1);
    response.ids.sender_id = sample(24, 2);
    response.ids.dh_key = sample_key(KEY_X25519, 3);
    response.ids.mode = SMP_MODE_CONTACT;
    response.ids.has_link_id = true;
    response.ids.link_id = sample(24, 4);
    response.ids.has_service_id = true;
    response.ids.service_id = sample(24, 5);
    response.ids.has_notifier = true;
    response.ids.notifier_id = sample(24, 6);
    response.ids.notifier_dh_key = sample_key(KEY_X25519, 7);
    return response;
}

static inline struct smp_response sample_response(enum smp_response_tag tag) {
    struct smp_response response = smp_response_ok();
    response.tag = tag;
    switch (tag) {
    case SMP_IDS:
        return sample_full_ids();
    case SMP_LNK:
        response.link.sender_id = sample(24, 1);
        response.link.data.fixed_data = sample(20, 2);
        response.link.data.user_data = sample(300, 3);
        break;
    case SMP_SOK:
        response.service.present = true;
        response.service.id = sample(24, 1);
        break;
    case SMP_SOKS:
    case SMP_ENDS:
        response.count = 0x0102030405060708;
        break;
    case SMP_MSG:
        response.message.id = sample(24, 1);
        response.message.body = sample(SMP_MESSAGE_BODY_SIZE, 2);
        break;
    case SMP_NID:
        response.notifier.id = sample(24, 1);
        response.notifier.dh_key = sample_key(KEY_X25519, 2);
        break;
    case SMP_NMSG:
        response.notification.nonce = sample(24, 1);
        response.notification.metadata = sample(144, 2);
        break;
    case SMP_PKEY:
        response.proxy_key.session_id = sample(32, 1);
        response.proxy_key.versions = (struct version_range){.min = 8, .max = 17};
        response.proxy_key.chain_key = sample_chain_key();
        break;
    case SMP_RRES:
    case SMP_PRES:
        response.payload = sample(200, 1);
        break;
    case SMP_INFO:
        response.json = slice_of_text("{\"qiSnd\":false}");
        break;
    case SMP_ERR:
        response.error = smp_error_protocol(smp_error_command(COMMAND_SYNTAX));
        break;
    default:
        break;
    }
    return response;
}

/* The response's bytes, in a buffer that the next call overwrites. */
static inline struct slice written_response(uint16_t version, const struct smp_response *response) {
    static uint8_t bytes[20000];
    struct writer writer = writer_of(bytes, sizeof bytes);
    smp_response_write(version, response, &writer);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    return slice_of(bytes, writer_length(&writer));
}
