/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How long a failing check takes must not tell whether the queue exists, nor what kind of key it has. Measured on
 * the router's own checks: medians of interleaved runs, within the 30 % that the reference's tests accept; a machine
 * that was busy is given several chances. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "actors/smp/command_slot.h"
#include "actors/smp/verify.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "queues/base/setup.h"
#include "transport/crypto/authenticator.h"
#include "transport/crypto/signature.h"

enum { RUNS = 201, CHANCES = 8, ALGORITHMS = 3 };

static const enum key_algorithm algorithms[ALGORITHMS] = {KEY_ED25519, KEY_ED448, KEY_X25519};
static const enum authorization_kind kinds[ALGORITHMS] = {AUTHORIZATION_ED25519, AUTHORIZATION_ED448,
                                                          AUTHORIZATION_AUTHENTICATOR};

static struct client_session *session;
static struct command_batch *batch;        /* of one command of that session */
static struct command_slot slot;           /* that one */
static struct key_pair stored[ALGORITHMS]; /* keys of the queue */
static struct key_pair given[ALGORITHMS];  /* keys that the client has instead */
static uint8_t scratch[AUTHORIZED_MAX];

static int setup(void **state) {
    (void)state;
    uint8_t session_id[32];
    assert_int_equal(SMQ_OK, base_setup());
    session = memory_zalloc(sizeof *session);
    assert_non_null(session);
    batch = memory_zalloc(sizeof *batch);
    assert_non_null(batch);
    batch->session = &session->base;
    slot.batch = batch;
    random_bytes(session_id, sizeof session_id);
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_X25519, &session->handshake_key));
    assert_int_equal(SMQ_OK, smp_session_init(&session->smp, SMP_SIDE_SERVER, 18, slice_of(session_id, 32), NULL));
    for (unsigned i = 0; i < ALGORITHMS; i++) {
        assert_int_equal(SMQ_OK, key_pair_generate(algorithms[i], &stored[i]));
        assert_int_equal(SMQ_OK, key_pair_generate(algorithms[i], &given[i]));
    }
    return 0;
}

static int teardown(void **state) {
    (void)state;
    secret_cache_clear(&session->secrets);
    memory_free(batch);
    memory_free(session);
    return 0;
}

/* A command with an authorization that is sound in itself, of the key that the client has. */
struct attempt {
    struct transmission transmission;
    struct smp_command command;
    struct smp_verification verification;
    uint8_t correlation_id[24];
    uint8_t entity_id[24];
    uint8_t authorized[2 + 24 + 24 + 4];
    uint8_t authorization[SIGNATURE_MAX];
};

static void prepare(struct attempt *attempt, struct smp_command command, unsigned kind) {
    static uint8_t signed_bytes[AUTHORIZED_MAX];
    struct transmission *transmission = &attempt->transmission;
    struct writer writer = writer_of(attempt->authorized, sizeof attempt->authorized);
    struct box_key agreed;
    memset(attempt, 0, sizeof *attempt);
    random_bytes(attempt->correlation_id, sizeof attempt->correlation_id);
    random_bytes(attempt->entity_id, sizeof attempt->entity_id);
    transmission->correlation_id = slice_of(attempt->correlation_id, 24);
    transmission->entity_id = slice_of(attempt->entity_id, 24);
    write_short(&writer, transmission->correlation_id);
    write_short(&writer, transmission->entity_id);
    write_text(&writer, "TEST");
    transmission->authorized = slice_of(attempt->authorized, writer_length(&writer));
    transmission->authorization_kind = kinds[kind];
    attempt->command = command;
    static uint32_t cost_us;
    verification_prepare(&attempt->verification, &slot, transmission, &attempt->command, scratch, &cost_us);
    struct authorized *parts = &attempt->verification.base.authorized;
    if (algorithms[kind] == KEY_X25519) {
        assert_int_equal(SMQ_OK, box_key_agree(&given[kind].private_key, &session->handshake_key.public_key, &agreed));
        assert_int_equal(SMQ_OK, authenticator_create(&agreed, transmission->correlation_id, parts->parts,
                                                      AUTHORIZED_PARTS, attempt->authorization));
        transmission->authorization = slice_of(attempt->authorization, AUTHENTICATOR_SIZE);
    } else {
        struct slice bytes = authorized_contiguous(parts, signed_bytes, sizeof signed_bytes);
        assert_int_equal(SMQ_OK, sign(&given[kind], bytes, attempt->authorization));
        transmission->authorization = slice_of(attempt->authorization, signature_size(algorithms[kind]));
    }
}

static uint64_t now_ns(void) {
    struct timespec now;
    assert_int_equal(0, clock_gettime(CLOCK_MONOTONIC, &now));
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b) {
    const uint64_t *left = a;
    const uint64_t *right = b;
    return *left < *right ? -1 : *left > *right;
}

static double median(uint64_t *times) {
    qsort(times, RUNS, sizeof *times, compare);
    const uint64_t *middle = times + RUNS / 2;
    return (double)*middle;
}

static uint64_t time_unknown(const struct attempt *attempt) {
    uint64_t start = now_ns();
    verify_nothing(&attempt->verification.base);
    return now_ns() - start;
}

static uint64_t time_refused(const struct attempt *attempt, const struct queue_record *record) {
    uint64_t start = now_ns();
    assert_false(verify_command(&attempt->verification, record));
    return now_ns() - start;
}

/* Whether the queue that refuses cannot be told from none at all. */
static bool similar(const struct attempt *attempt, const struct queue_record *record) {
    static uint64_t unknown[RUNS];
    static uint64_t refused[RUNS];
    for (unsigned i = 0; i < RUNS; i++) {
        if (i % 2 == 0)
            unknown[i] = time_unknown(attempt);
        refused[i] = time_refused(attempt, record);
        if (i % 2 != 0)
            unknown[i] = time_unknown(attempt);
    }
    double ratio = median(refused) / median(unknown);
    return ratio > 0.7 && ratio < 1.3;
}

static void expect_similar(const char *what, unsigned kind, struct smp_command command,
                           const struct queue_record *record) {
    static struct attempt attempt;
    prepare(&attempt, command, kind);
    for (unsigned chance = 0; chance < CHANCES; chance++)
        if (similar(&attempt, record))
            return;
    fail_msg("%s, authorization %u: the time tells", what, kind);
}

static struct smp_command command_of(enum smp_command_tag tag) {
    return (struct smp_command){.tag = tag};
}

static void test_recipient_commands_take_the_time_of_their_authorization(void **state) {
    (void)state;
    for (unsigned key = 0; key < ALGORITHMS; key++) {
        uint8_t list[2 + KEY_SPKI_MAX];
        struct writer writer = writer_of(list, sizeof list);
        write_u8(&writer, 1);
        write_public_key(&writer, &stored[key].public_key);
        const struct queue_record record = {.recipient_keys = slice_of(list, writer_length(&writer))};
        for (unsigned kind = 0; kind < ALGORITHMS; kind++)
            expect_similar("GET", kind, command_of(SMP_GET), &record);
    }
}

static struct slice der_of(const struct public_key *key) {
    static uint8_t der[KEY_SPKI_MAX];
    struct writer writer = writer_of(der, sizeof der);
    write_public_key_der(&writer, key);
    return slice_of(der, writer_length(&writer));
}

static void test_send_takes_the_time_of_its_authorization(void **state) {
    (void)state;
    for (unsigned key = 0; key < ALGORITHMS; key++) {
        const struct queue_record record = {.sender_key = der_of(&stored[key].public_key)};
        for (unsigned kind = 0; kind < ALGORITHMS; kind++)
            expect_similar("SEND", kind, command_of(SMP_SEND), &record);
    }
}

static void test_nsub_takes_the_time_of_its_authorization(void **state) {
    (void)state;
    for (unsigned key = 0; key < ALGORITHMS; key++) {
        const struct queue_record record = {.notifier.key = der_of(&stored[key].public_key)};
        for (unsigned kind = 0; kind < ALGORITHMS; kind++)
            expect_similar("NSUB", kind, command_of(SMP_NSUB), &record);
    }
    const struct queue_record none = {.mode = 'M'};
    for (unsigned kind = 0; kind < ALGORITHMS; kind++)
        expect_similar("NSUB without a notifier", kind, command_of(SMP_NSUB), &none);
}

static void test_skey_takes_the_same_time_whatever_the_queue_is(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < ALGORITHMS; kind++) {
        struct smp_command command = command_of(SMP_SKEY);
        command.key = given[kind].public_key;
        const struct queue_record contact = {.mode = 'C'};
        const struct queue_record secured = {.mode = 'M', .sender_key = der_of(&stored[kind].public_key)};
        expect_similar("SKEY of a contact", kind, command, &contact);
        expect_similar("SKEY of a secured queue", kind, command, &secured);
        command.key = stored[kind].public_key;
        expect_similar("SKEY with the key of another", kind, command, &secured);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recipient_commands_take_the_time_of_their_authorization),
        cmocka_unit_test(test_send_takes_the_time_of_its_authorization),
        cmocka_unit_test(test_nsub_takes_the_time_of_its_authorization),
        cmocka_unit_test(test_skey_takes_the_same_time_whatever_the_queue_is),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
