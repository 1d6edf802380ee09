/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Two ratchets and a network that loses, delays, reorders and repeats: every message that arrives is read exactly once,
 * whatever is asked of the KEM, and whenever a party is started again. Schedules are drawn from numbered streams. */
#include "test/support/random_stream.h"
#include "test/support/ratchet_pair.h"
#include "test/unit/transport/test_helpers.h"

enum { IN_FLIGHT_MAX = 48, STEPS = 250, SCHEDULES = 4 };

struct flight {
    struct ratchet_message message;
    uint32_t number; /* the text of the message */
    bool from_bob;
    bool read;
};

struct world {
    struct random_stream stream;
    struct ratchet_pair pair;
    struct flight *flights; /* IN_FLIGHT_MAX */
    size_t count;
    bool kem;
    unsigned sent, read, lost, repeated;
};

static uint32_t below(struct world *world, uint32_t bound) {
    return random_stream_below(&world->stream, bound);
}

static struct slice text_of(const struct flight *flight) {
    return slice_of(&flight->number, sizeof flight->number);
}

static void lose(struct world *world, size_t index) {
    world->lost += !world->flights[index].read;
    world->flights[index] = world->flights[--world->count];
}

static void send(struct world *world) {
    bool from_bob = below(world, 2) == 0;
    struct ratchet_party *party = from_bob ? &world->pair.bob : &world->pair.alice;
    if (!party->ratchet.sending.exists)
        return;
    if (world->count == IN_FLIGHT_MAX)
        lose(world, below(world, IN_FLIGHT_MAX));
    struct flight *flight = &world->flights[world->count++];
    *flight = (struct flight){.number = world->sent++, .from_bob = from_bob};
    enum pq_request request = world->kem ? (enum pq_request)below(world, 3) : PQ_AS_IT_IS;
    ratchet_party_send(party, request, text_of(flight), &flight->message);
}

/* A message read before is refused, and changes nothing (ratchet_party_receive sees to it). */
static void deliver(struct world *world, size_t index) {
    struct flight *flight = &world->flights[index];
    struct ratchet_party *party = flight->from_bob ? &world->pair.alice : &world->pair.bob;
    struct ratchet_received received;
    enum ratchet_verdict verdict = ratchet_party_receive(party, &flight->message, text_of(flight), &received);
    if (flight->read) {
        world->repeated++;
        assert_true(verdict == RATCHET_DUPLICATE || verdict == RATCHET_EARLIER || verdict == RATCHET_UNKNOWN_HEADER);
    } else {
        assert_int_equal(verdict, RATCHET_RECEIVED);
        flight->read = true;
        world->read++;
    }
}

static void step(struct world *world) {
    uint32_t choice = below(world, 100);
    if (world->count == 0 || choice < 40)
        send(world);
    else if (choice < 85)
        deliver(world, below(world, (uint32_t)world->count));
    else if (choice < 95)
        lose(world, below(world, (uint32_t)world->count));
    else
        ratchet_party_restart(below(world, 2) == 0 ? &world->pair.alice : &world->pair.bob);
}

static void run(uint16_t number, enum ratchet_handshake handshake, uint16_t version, bool kem) {
    struct world world = {.stream = random_stream_numbered(number), .kem = kem};
    world.flights = calloc(IN_FLIGHT_MAX, sizeof *world.flights);
    assert_non_null(world.flights);
    ratchet_pair_create(&world.pair, handshake, version);
    world.pair.alice.version_max = world.pair.bob.version_max = E2E_VERSION_MAX;
    for (int i = 0; i < STEPS; i++)
        step(&world);
    for (size_t i = 0; i < world.count; i++)
        deliver(&world, i);
    for (size_t i = 0; i < world.count; i++)
        deliver(&world, i);
    assert_int_equal(world.sent, world.read + world.lost);
    assert_true(world.read > 20 && world.repeated > 10);
    ratchet_pair_destroy(&world.pair);
    free(world.flights);
}

static void test_every_message_is_read_once_without_a_kem(void **state) {
    (void)state;
    for (uint16_t number = 0; number < 2 * SCHEDULES; number++)
        run(number, HANDSHAKE_NO_KEM, E2E_VERSION_MAX, false);
}

static void test_every_message_is_read_once_with_a_kem(void **state) {
    (void)state;
    for (uint16_t number = 0; number < SCHEDULES; number++)
        run((uint16_t)(100 + number), number % 2 == 0 ? HANDSHAKE_ACCEPTED : HANDSHAKE_PROPOSED, E2E_VERSION_MAX,
            false);
}

static void test_every_message_is_read_once_while_the_kem_goes_on_and_off(void **state) {
    (void)state;
    for (uint16_t number = 0; number < SCHEDULES; number++)
        for (enum ratchet_handshake handshake = HANDSHAKE_NO_KEM; handshake < HANDSHAKE_COUNT; handshake++)
            run((uint16_t)(200 + 10 * handshake + number), handshake, E2E_VERSION_MAX, true);
}

static void test_every_message_is_read_once_while_the_version_goes_up(void **state) {
    (void)state;
    for (uint16_t number = 0; number < SCHEDULES; number++)
        run((uint16_t)(300 + number), HANDSHAKE_NO_KEM, E2E_VERSION_MIN, true);
}

/* After any disorder, a few quiet turns in which both ask for the KEM bring it on, or off. */
static void test_kem_is_as_both_ask_after_a_few_turns(void **state) {
    (void)state;
    static const uint8_t text[sizeof(uint32_t)];
    for (uint16_t number = 0; number < SCHEDULES; number++) {
        struct world world = {.stream = random_stream_numbered((uint16_t)(400 + number)), .kem = true};
        world.flights = calloc(IN_FLIGHT_MAX, sizeof *world.flights);
        assert_non_null(world.flights);
        ratchet_pair_create(&world.pair, (enum ratchet_handshake)(number % HANDSHAKE_COUNT), E2E_VERSION_MAX);
        for (int i = 0; i < 80; i++)
            step(&world);
        for (int turn = 0; turn < 20; turn++) {
            struct ratchet_party *from = turn % 2 == 0 ? &world.pair.bob : &world.pair.alice;
            struct ratchet_party *to = turn % 2 == 0 ? &world.pair.alice : &world.pair.bob;
            struct ratchet_message message;
            struct ratchet_received received;
            ratchet_party_send(from, turn < 10 ? PQ_ON : PQ_OFF, slice_of(text, sizeof text), &message);
            assert_int_equal(ratchet_party_receive(to, &message, slice_of(text, sizeof text), &received),
                             RATCHET_RECEIVED);
            if (turn >= 8 && turn < 10)
                assert_true(from->ratchet.kem_sending && received.pq);
            if (turn >= 18)
                assert_false(from->ratchet.kem_sending || received.pq);
        }
        ratchet_pair_destroy(&world.pair);
        free(world.flights);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_message_is_read_once_without_a_kem),
        cmocka_unit_test(test_every_message_is_read_once_with_a_kem),
        cmocka_unit_test(test_every_message_is_read_once_while_the_kem_goes_on_and_off),
        cmocka_unit_test(test_every_message_is_read_once_while_the_version_goes_up),
        cmocka_unit_test(test_kem_is_as_both_ask_after_a_few_turns),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
