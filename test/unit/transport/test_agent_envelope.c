/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of envelopes between agents: their forms and sizes, what each may be used for, and cut or foreign ones. */
#include "test/unit/transport/agent_samples.h"
#include "transport/agent/envelope.h"
#include "transport/agent/version.h"

static uint8_t bytes[16384];

static struct slice written(const struct agent_envelope *envelope) {
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_agent_envelope(&writer, envelope);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    return slice_of(bytes, writer_length(&writer));
}

static struct agent_envelope parsed(struct slice input) {
    struct agent_envelope envelope;
    assert_int_equal(agent_envelope_parse(input, &envelope), SMQ_OK);
    return envelope;
}

static struct e2e_parameters parameters(uint16_t version, enum kem_offer offer) {
    struct e2e_parameters e2e = {.versions = {version, version}, .first = sample_x448(), .second = sample_x448()};
    e2e.kem.offer = offer;
    memset(e2e.kem.public_key, 1, sizeof e2e.kem.public_key);
    memset(e2e.kem.ciphertext, 2, sizeof e2e.kem.ciphertext);
    return e2e;
}

static void test_messages(void **state) {
    (void)state;
    struct agent_envelope envelope = {.version = 7, .tag = AGENT_MESSAGE, .content = slice_of_text("ratchet")};
    struct slice input = written(&envelope);
    assert_slice_equal(input, slice_of("\0\7Mratchet", 10));
    envelope = parsed(input);
    assert_int_equal(envelope.tag, AGENT_MESSAGE);
    assert_slice_text(envelope.content, "ratchet");
    assert_int_equal(parsed(slice_of("\0\7M", 3)).content.length, 0);
}

static void test_confirmations_with_parameters_of_every_size(void **state) {
    (void)state;
    static const struct {
        uint16_t version;
        enum kem_offer offer;
        size_t size;
    } sizes[] = {{2, KEM_NONE, 140}, {3, KEM_NONE, 141}, {3, KEM_PROPOSED, 1302}, {3, KEM_ACCEPTED, 2343}};
    struct agent_envelope envelope = {.version = 6, .tag = AGENT_CONFIRMATION, .content = slice_of_text("info")};
    assert_slice_equal(written(&envelope), slice_of("\0\6C0info", 8));
    assert_false(parsed(slice_of("\0\6C0info", 8)).has_e2e);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        envelope.has_e2e = true;
        envelope.e2e = parameters(sizes[i].version, sizes[i].offer);
        struct slice input = written(&envelope);
        assert_int_equal(input.length, 2 + 1 + 1 + sizes[i].size + 4);
        struct agent_envelope back = parsed(input);
        assert_true(back.has_e2e);
        assert_int_equal(back.e2e.versions.max, sizes[i].version);
        assert_int_equal(back.e2e.kem.offer, sizes[i].offer);
        assert_slice_text(back.content, "info");
        for (size_t length = 0; length < input.length - 4; length += length < 150 ? 1 : 17) {
            uint8_t *cut = heap_copy(bytes, length);
            assert_int_equal(agent_envelope_parse(slice_of(cut, length), &back), SMQ_ERR_SYNTAX);
            free(cut);
        }
    }
}

static void test_invitations_carry_a_link_as_text(void **state) {
    (void)state;
    struct agent_envelope envelope = {.version = 7,
                                      .tag = AGENT_INVITATION,
                                      .link = slice_of_text("simplex:/invitation"),
                                      .content = slice_of_text("profile")};
    struct slice input = written(&envelope);
    assert_memory_equal(input.bytes, "\0\7I\0\x13simplex:", 13);
    envelope = parsed(input);
    assert_slice_text(envelope.link, "simplex:/invitation");
    assert_slice_text(envelope.content, "profile");
    for (size_t length = 0; length < input.length - 7; length++) {
        uint8_t *cut = heap_copy(bytes, length);
        assert_int_equal(agent_envelope_parse(slice_of(cut, length), &envelope), SMQ_ERR_SYNTAX);
        free(cut);
    }
}

static void test_ratchet_keys_accept_no_kem(void **state) {
    (void)state;
    struct agent_envelope envelope = {
        .version = 7, .tag = AGENT_RATCHET_KEY, .has_e2e = true, .content = slice_of_text("R")};
    envelope.e2e = parameters(3, KEM_PROPOSED);
    assert_int_equal(parsed(written(&envelope)).e2e.kem.offer, KEM_PROPOSED);
    envelope.e2e = parameters(3, KEM_ACCEPTED);
    assert_int_equal(agent_envelope_parse(written(&envelope), &envelope), SMQ_ERR_SYNTAX);
}

static void test_foreign_tags_are_refused(void **state) {
    (void)state;
    for (unsigned tag = 0; tag < 256; tag++) {
        struct agent_envelope envelope;
        uint8_t input[] = {0, 7, (uint8_t)tag, '0', 0, 0};
        bool is_known = tag == 'M' || tag == 'C' || tag == 'I';
        if (tag == 'I')
            input[3] = 0;
        assert_int_equal(agent_envelope_parse(slice_of(input, sizeof input), &envelope),
                         is_known ? SMQ_OK : SMQ_ERR_SYNTAX);
    }
}

/* ---- use ---- */

static const enum agent_envelope_tag tags[] = {AGENT_CONFIRMATION, AGENT_MESSAGE, AGENT_INVITATION, AGENT_RATCHET_KEY};

/* Every combination of tag, place and headers has one outcome. */
static void test_what_an_envelope_may_be_used_for(void **state) {
    (void)state;
    unsigned allowed = 0;
    for (unsigned bits = 0; bits < 16; bits++) {
        struct agent_envelope_place place = {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0};
        for (size_t i = 0; i < 4; i++) {
            const char *why = "not set";
            enum agent_envelope_use use = agent_envelope_use(place, tags[i], &why);
            assert_int_equal(use == AGENT_USE_NONE, why != NULL);
            assert_int_equal(use, agent_envelope_use(place, tags[i], NULL));
            allowed += use != AGENT_USE_NONE;
            bool is_first = !place.secret_known && place.has_sender_key,
                 is_later = place.secret_known && !place.has_sender_key;
            assert_int_equal(use == AGENT_USE_CONFIRMATION,
                             is_first && tags[i] == AGENT_CONFIRMATION && (place.has_auth_key || place.messaging));
            assert_int_equal(use == AGENT_USE_INVITATION,
                             is_first && tags[i] == AGENT_INVITATION && !place.has_auth_key);
            assert_int_equal(use == AGENT_USE_MESSAGE, is_later && tags[i] == AGENT_MESSAGE && !place.has_auth_key);
            assert_int_equal(use == AGENT_USE_RATCHET_KEY,
                             is_later && tags[i] == AGENT_RATCHET_KEY && !place.has_auth_key);
            assert_int_equal(use == AGENT_USE_REPEATED_CONFIRMATION,
                             place.secret_known && place.has_sender_key && tags[i] == AGENT_CONFIRMATION);
        }
    }
    assert_int_equal(allowed, 3 + 2 + 2 + 2 + 4);
}

static void test_the_words_for_what_is_prohibited(void **state) {
    (void)state;
    static const struct {
        struct agent_envelope_place place;
        enum agent_envelope_tag tag;
        const char *why;
    } cases[] = {
        {{false, true, false, false}, AGENT_CONFIRMATION, "handshake: missing sender key"},
        {{false, true, true, false}, AGENT_INVITATION, "handshake: incorrect state"},
        {{false, true, true, true}, AGENT_MESSAGE, "handshake: incorrect state"},
        {{true, false, true, true}, AGENT_MESSAGE, "msg: bad client msg"},
        {{true, false, false, true}, AGENT_CONFIRMATION, "msg: bad client msg"},
        {{true, true, false, true}, AGENT_MESSAGE, "msg: public header"},
        {{false, false, false, true}, AGENT_MESSAGE, "msg: no keys"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *why = NULL;
        assert_int_equal(agent_envelope_use(cases[i].place, cases[i].tag, &why), AGENT_USE_NONE);
        assert_string_equal(why, cases[i].why);
    }
}

/* ---- versions ---- */

static void test_versions(void **state) {
    (void)state;
    struct version_range own = agent_versions();
    assert_true(own.min == 2 && own.max == 7);
    assert_true(agent_version_accepted(own, 2, 0) && agent_version_accepted(own, 7, 0));
    assert_false(agent_version_accepted(own, 8, 7) || agent_version_accepted(own, 1, 0));
    assert_true(agent_version_accepted(own, 1, 1) && agent_version_accepted(own, 8, 8));
    assert_int_equal(agent_version_raised(5, 6), 6);
    assert_int_equal(agent_version_raised(5, 65535), 7);
    assert_int_equal(agent_version_raised(5, 4), 5);
    assert_int_equal(agent_version_raised(9, 8), 9);
    assert_true(agent_pq_allowed(5, 0, true) && agent_pq_allowed(7, 3, true));
    assert_false(agent_pq_allowed(4, 3, true) || agent_pq_allowed(7, 2, true) || agent_pq_allowed(7, 3, false));
    assert_true(agent_joiner_may_send(QUEUE_MODE_MESSAGING, 7));
    assert_false(agent_joiner_may_send(QUEUE_MODE_MESSAGING, 6) || agent_joiner_may_send(QUEUE_MODE_CONTACT, 7) ||
                 agent_joiner_may_send(QUEUE_MODE_NONE, 7));
}

static void test_padded_sizes(void **state) {
    (void)state;
    for (uint16_t version = 2; version <= 7; version++) {
        bool pq = version >= 5;
        assert_int_equal(agent_connection_info_padded(version, false), 14832);
        assert_int_equal(agent_connection_info_padded(version, true), pq ? 11106 : 14832);
        assert_int_equal(agent_message_padded(version, false), 15840);
        assert_int_equal(agent_message_padded(version, true), pq ? 13618 : 15840);
        assert_int_equal(agent_message_body_max(version, false), 15795);
        assert_int_equal(agent_message_body_max(version, true), pq ? 13573 : 15795);
        assert_int_equal(agent_connection_info_max(version, false), 14829);
        assert_int_equal(agent_connection_info_max(version, true), pq ? 11103 : 14829);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_confirmations_with_parameters_of_every_size),
        cmocka_unit_test(test_invitations_carry_a_link_as_text),
        cmocka_unit_test(test_ratchet_keys_accept_no_kem),
        cmocka_unit_test(test_foreign_tags_are_refused),
        cmocka_unit_test(test_what_an_envelope_may_be_used_for),
        cmocka_unit_test(test_the_words_for_what_is_prohibited),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_padded_sizes),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
