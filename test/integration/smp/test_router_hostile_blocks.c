/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Hostile peers after the SMP handshake: random, corrupted and mutated blocks, and those who stop in the middle of one.
 * Every transmission gets one answer, nothing changes that was not authorized, others do not notice, and nothing is
 * left. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queues/base/random.h"
#include "test/support/memory_use.h"
#include "test/support/require.h"
#include "test/support/witness.h"

enum {
    BLOCKS = 100,
    MUTANTS_OF_EACH = 40, /* of each file in the corpora */
    MUTANTS_IN_A_BLOCK = 5,
    MUTANTS_OF_SIGNED = 1500,
    MUTATIONS_MOST = 4,
    HALF_SENDERS = 32,
    FLOOD = 300,
    FILES_MOST = 256,
    WITNESS_CONNECTIONS = 2,
    WARM_UPS = 2,
    ROUNDS = 3,
    HEAP_GROWTH = 256 << 10,
};

static struct router_fixture fixture;
static struct witness witness;
static struct peer hostile;
static struct peer_answer answer;

static int group_setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    router_fixture_start(&fixture);
    witness_open(&fixture, &witness);
    return 0;
}

static int group_teardown(void **state) {
    (void)state;
    witness_close(&witness);
    router_fixture_finish(&fixture);
    return 0;
}

static void connect_hostile(uint16_t version, bool no_key) {
    struct peer_options options = router_fixture_peer_options(&fixture);
    options.version = version;
    options.no_key = no_key;
    peer_connect(&hostile, &options);
}

static void leave(void) {
    peer_close(&hostile);
    witness_exchange(&witness);
    witness_await_calm(&fixture, WITNESS_CONNECTIONS);
}

static void expect_pong(void) {
    struct smp_command ping = peer_command(SMP_PING);
    peer_expect(&hostile, NULL, slice_of(NULL, 0), &ping, SMP_PONG, NULL);
}

/* The next transmission is ERR BLOCK for nobody. */
static void expect_block_error(void) {
    peer_receive(&hostile, &answer);
    assert_string_equal("ERR", smp_response_tag_text(answer.response.tag));
    assert_int_equal(SMP_ERROR_BLOCK, answer.response.error.code);
    assert_int_equal(0, answer.correlation_id.length);
    assert_int_equal(0, answer.entity_id.length);
}

/* A sealed PING in hostile.outgoing. */
static void seal_ping(void) {
    struct smp_command ping = peer_command(SMP_PING);
    peer_begin(&hostile);
    peer_add(&hostile, NULL, slice_of(NULL, 0), &ping);
    assert_int_equal(SMQ_OK, smp_session_seal_block(&hostile.session, &hostile.draft));
}

/* ---- blocks that do not open ---- */

/* The chains of both sides step with every block, whatever is in it. */
static void attack_with_corrupted_blocks(uint16_t version) {
    connect_hostile(version, false);
    for (unsigned i = 0; i < BLOCKS; i++) {
        seal_ping();
        if (i % 2 == 0)
            random_bytes(hostile.outgoing, SMP_BLOCK_SIZE);
        else
            hostile.outgoing[random_below(SMP_BLOCK_SIZE)] ^= (uint8_t)(1 << random_below(8));
        peer_write_block(&hostile, hostile.outgoing);
        expect_block_error();
    }
    expect_pong();
    leave();
}

static void test_block_that_does_not_decrypt_gets_block_and_the_session_goes_on(void **state) {
    (void)state;
    attack_with_corrupted_blocks(11);
    attack_with_corrupted_blocks(18);
}

/* Random blocks that the sender's chain does not know of: the two never agree again, and each block says so. */
static void test_additional_random_blocks_break_that_session_only(void **state) {
    (void)state;
    connect_hostile(18, false);
    for (unsigned i = 0; i < BLOCKS; i++) {
        random_bytes(hostile.outgoing, SMP_BLOCK_SIZE);
        peer_write_block(&hostile, hostile.outgoing);
    }
    for (unsigned i = 0; i < BLOCKS; i++)
        expect_block_error();
    seal_ping();
    peer_write_block(&hostile, hostile.outgoing);
    expect_block_error();
    leave();
}

/* Without encryption the padding and the content are what fails: seldom, random bytes are well padded, but their
 * transmissions are not. */
static void attack_with_random_plain_blocks(uint16_t version) {
    connect_hostile(version, true);
    for (unsigned i = 0; i < BLOCKS; i++) {
        random_bytes(hostile.outgoing, SMP_BLOCK_SIZE);
        hostile.outgoing[2] = 1 + hostile.outgoing[2] % 3; /* few transmissions */
        peer_write_block(&hostile, hostile.outgoing);
        expect_block_error();
    }
    expect_pong();
    leave();
}

static void test_random_plain_blocks_get_block(void **state) {
    (void)state;
    attack_with_random_plain_blocks(6);
    attack_with_random_plain_blocks(7);
    attack_with_random_plain_blocks(18);
}

/* ---- well-formed blocks with anything in them ---- */

/* Seals `content` as it is; its count is not 0. */
static void send_content(struct slice content) {
    assert_true(content.length >= 1 && content.bytes[0] > 0);
    peer_begin(&hostile);
    write_slice(&hostile.draft.writer, slice_of(content.bytes + 1, content.length - 1));
    hostile.draft.count = content.bytes[0];
    peer_send(&hostile);
}

/* How many answers the content gets: one for each transmission, or one for the whole. */
static unsigned answers_due(struct slice content) {
    struct block_content opened;
    return block_content_open(content, &opened) == SMQ_OK ? opened.count : 1;
}

static void receive_answers(unsigned count) {
    for (unsigned i = 0; i < count; i++)
        peer_receive(&hostile, &answer);
}

static void attack_with_random_content(uint16_t version) {
    static uint8_t content[1 + SMP_BATCH_BYTES_MAX];
    connect_hostile(version, false);
    for (unsigned i = 0; i < BLOCKS; i++) {
        struct slice random = slice_of(content, 1 + random_below(i % 2 == 0 ? 40 : SMP_BATCH_BYTES_MAX));
        random_bytes(content, sizeof content);
        content[0] = (uint8_t)(1 + content[0] % 3);
        send_content(random);
        receive_answers(answers_due(random));
    }
    expect_pong();
    leave();
}

static void test_random_content_in_well_encrypted_blocks_is_answered(void **state) {
    (void)state;
    attack_with_random_content(6);
    attack_with_random_content(18);
}

/* ---- mutants ---- */

static size_t read_whole(const char *path, uint8_t *bytes, size_t size) {
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t length = fread(bytes, 1, size, file);
    (void)fclose(file);
    return length;
}

static size_t mutate_once(uint8_t *bytes, size_t length, size_t size) {
    uint32_t at = random_below((uint32_t)length);
    size_t span = 1 + random_below(8);
    switch (random_below(5)) {
    case 0:
        bytes[at] ^= (uint8_t)(1 << random_below(8));
        return length;
    case 1:
        bytes[at] = (uint8_t)(random_below(2) == 0 ? 255 * random_below(2) : random_below(256));
        return length;
    case 2: /* shorter */
        span = span < length - at ? span : length - at;
        memmove(bytes + at, bytes + at + span, length - at - span);
        return length - span;
    case 3: /* longer */
        if (length + span > size)
            return length;
        memmove(bytes + at + span, bytes + at, length - at);
        random_bytes(bytes + at, span);
        return length + span;
    default: /* cut */
        return at;
    }
}

static struct slice mutate(const uint8_t *original, size_t length, uint8_t *bytes, size_t size) {
    memcpy(bytes, original, length);
    unsigned count = 1 + random_below(MUTATIONS_MOST);
    for (unsigned i = 0; i < count && length > 0; i++)
        length = mutate_once(bytes, length, size);
    return slice_of(bytes, length);
}

/* Calls `attack` with the bytes of every file of a corpus; the first byte of each chooses a version. */
static void with_corpus(const char *name, void (*attack)(const uint8_t *bytes, size_t length)) {
    static uint8_t bytes[1 + SMP_BLOCK_SIZE];
    char path[512];
    unsigned files = 0;
    (void)snprintf(path, sizeof path, "test/fuzz/corpus/%s", name);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "test/fuzz/corpus/%s/%s", name, entry->d_name);
        size_t length = read_whole(path, bytes, sizeof bytes);
        assert_true(length > 1 && ++files < FILES_MOST);
        attack(bytes + 1, length - 1);
    }
    (void)closedir(folder);
    assert_true(files > 0);
}

/* Transmissions, several to a block. */
static void attack_with_mutated_transmission(const uint8_t *bytes, size_t length) {
    static uint8_t mutant[SMP_BLOCK_SIZE];
    for (unsigned i = 0; i < MUTANTS_OF_EACH / MUTANTS_IN_A_BLOCK; i++) {
        unsigned added = 0;
        peer_begin(&hostile);
        for (unsigned j = 0; j < MUTANTS_IN_A_BLOCK; j++) {
            struct slice transmission = mutate(bytes, length, mutant, sizeof mutant);
            if (!smp_outgoing_block_fits(&hostile.draft, 2 + transmission.length))
                continue;
            peer_add_raw(&hostile, transmission);
            added++;
        }
        if (added == 0)
            continue;
        peer_send(&hostile);
        receive_answers(added);
    }
}

/* Commands of the corpus, mutated, without authorization but well framed, so that the command parser gets them. */
static void attack_with_mutated_command(const uint8_t *bytes, size_t length) {
    static uint8_t transmission[SMP_BLOCK_SIZE];
    static uint8_t mutant[SMP_BLOCK_SIZE];
    for (unsigned i = 0; i < MUTANTS_OF_EACH; i++) {
        struct slice command = mutate(bytes, length, mutant, sizeof mutant - 100);
        struct writer writer = writer_of(transmission, SMP_BATCH_BYTES_MAX - 2);
        write_u8(&writer, 0);
        write_short(&writer, slice_of_text("correlation"));
        write_short(&writer, i % 2 == 0 ? slice_of(NULL, 0) : peer_recipient(&witness.queue));
        write_slice(&writer, command);
        if (writer_finish(&writer) != SMQ_OK)
            continue;
        peer_begin(&hostile);
        peer_add_raw(&hostile, slice_of(transmission, writer_length(&writer)));
        peer_send(&hostile);
        peer_receive(&hostile, &answer);
        assert_true(slice_equal(slice_of_text("correlation"), answer.correlation_id));
    }
}

/* Whole contents, which a file of this corpus holds behind their padding length. */
static void attack_with_mutated_content(const uint8_t *bytes, size_t length) {
    static uint8_t mutant[1 + SMP_BATCH_BYTES_MAX];
    size_t content_length = length < 2 ? 0 : (size_t)bytes[0] << 8 | bytes[1];
    if (content_length == 0 || content_length > length - 2 || content_length > sizeof mutant)
        return;
    for (unsigned i = 0; i < MUTANTS_OF_EACH; i++) {
        struct slice content = mutate(bytes + 2, content_length, mutant, sizeof mutant);
        if (content.length == 0 || content.bytes[0] == 0)
            continue;
        send_content(content);
        receive_answers(answers_due(content));
    }
}

static void attack_with_mutants(uint16_t version) {
    connect_hostile(version, false);
    with_corpus("smp_transmission", attack_with_mutated_transmission);
    witness_exchange(&witness);
    if (version > 6)
        with_corpus("smp_command", attack_with_mutated_command);
    with_corpus("smp_block", attack_with_mutated_content);
    expect_pong();
    leave();
}

static void test_every_mutant_of_the_corpora_gets_its_answer(void **state) {
    (void)state;
    struct smp_router_statistics before;
    struct smp_router_statistics after;
    smp_router_statistics(fixture.router, &before);
    attack_with_mutants(6);
    attack_with_mutants(14);
    attack_with_mutants(18);
    smp_router_statistics(fixture.router, &after);
    assert_int_equal(before.queues, after.queues);
    assert_int_equal(before.messages, after.messages);
}

/* The transmission of a command that is valid for `queue`. */
static struct slice signed_transmission(const struct peer_queue *queue, unsigned kind, uint8_t *bytes) {
    struct smp_command command = peer_send_command(slice_of_text("forged"), false);
    const struct key_pair *key = kind == 0 ? &queue->sender_key : &queue->recipient_key;
    if (kind > 0)
        command = peer_command(kind == 1 ? SMP_DEL : kind == 2 ? SMP_OFF : SMP_SUB);
    peer_begin(&hostile);
    const uint8_t *start = hostile.draft.writer.position;
    peer_add(&hostile, key, kind == 0 ? peer_sender(queue) : peer_recipient(queue), &command);
    size_t length = (size_t)(hostile.draft.writer.position - start) - 2;
    memcpy(bytes, start + 2, length);
    return slice_of(bytes, length);
}

/* A changed byte anywhere, and the command is not done. */
static void test_no_mutant_of_an_authorized_command_is_done(void **state) {
    (void)state;
    static uint8_t bytes[SMP_BLOCK_SIZE];
    static uint8_t mutant[SMP_BLOCK_SIZE];
    struct peer_queue queue;
    uint8_t id[24];
    connect_hostile(18, false);
    peer_create_queue(&hostile, PEER_SECURED, &queue);
    peer_send_message(&hostile, &queue, &queue.sender_key, "genuine");
    for (unsigned i = 0; i < MUTANTS_OF_SIGNED; i++) {
        struct slice original = signed_transmission(&queue, i % 4, bytes);
        struct slice changed = mutate(original.bytes, original.length, mutant, sizeof mutant);
        if (slice_equal(original, changed))
            continue;
        peer_begin(&hostile);
        peer_add_raw(&hostile, changed);
        peer_send(&hostile);
        peer_receive(&hostile, &answer);
        assert_string_equal("ERR", smp_response_tag_text(answer.response.tag));
    }
    struct smp_command subscribe = peer_command(SMP_SUB);
    peer_expect(&hostile, &queue.recipient_key, peer_recipient(&queue), &subscribe, SMP_SOK, NULL);
    peer_receive(&hostile, &answer);
    peer_check_message(&queue, &answer, "genuine", id);
    peer_acknowledge(&hostile, &queue, id, SMP_OK, NULL);
    leave();
}

/* ---- those who stop ---- */

static void attack_with_half_blocks(void) {
    static struct peer peers[HALF_SENDERS];
    static const uint8_t half[SMP_BLOCK_SIZE];
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    enum tls_want want;
    for (unsigned i = 0; i < HALF_SENDERS; i++) {
        router_fixture_connect(&fixture, 0, &peers[i]);
        assert_int_equal(SMQ_OK, tls_write(peers[i].tls, half, 1 + random_below(SMP_BLOCK_SIZE - 1), false, &want));
    }
    witness_exchange(&witness);
    for (unsigned i = 0; i < HALF_SENDERS; i++) {
        if (i % 2 == 0)
            assert_int_equal(0, setsockopt(peers[i].descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset));
        peer_close(&peers[i]);
    }
    witness_exchange(&witness);
    witness_await_calm(&fixture, WITNESS_CONNECTIONS);
}

static void test_half_blocks_disturb_nobody_and_go_with_their_connection(void **state) {
    (void)state;
    attack_with_half_blocks();
}

static void test_random_bytes_below_tls_end_the_connection(void **state) {
    (void)state;
    uint8_t bytes[5000];
    connect_hostile(18, false);
    random_bytes(bytes, sizeof bytes);
    assert_int_equal(sizeof bytes, send(hostile.descriptor, bytes, sizeof bytes, MSG_NOSIGNAL));
    assert_true(peer_is_closed(&hostile));
    leave();
}

/* The answers are read only after all blocks were written. */
static void attack_with_a_flood(void) {
    connect_hostile(18, false);
    for (unsigned i = 0; i < FLOOD; i++) {
        random_bytes(hostile.outgoing, SMP_BLOCK_SIZE);
        peer_write_block(&hostile, hostile.outgoing);
    }
    witness_exchange(&witness);
    for (unsigned i = 0; i < FLOOD; i++)
        expect_block_error();
    leave();
}

static void test_nothing_is_left_of_repeated_attacks(void **state) {
    (void)state;
    uint64_t heap = 0;
    for (unsigned i = 0; i < WARM_UPS + ROUNDS; i++) {
        if (i == WARM_UPS)
            heap = memory_heap_in_use();
        attack_with_corrupted_blocks(18);
        attack_with_random_plain_blocks(7);
        attack_with_random_content(18);
        attack_with_half_blocks();
        attack_with_a_flood();
    }
    assert_in_range(memory_heap_in_use(), 0, heap + HEAP_GROWTH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_that_does_not_decrypt_gets_block_and_the_session_goes_on),
        cmocka_unit_test(test_additional_random_blocks_break_that_session_only),
        cmocka_unit_test(test_random_plain_blocks_get_block),
        cmocka_unit_test(test_random_content_in_well_encrypted_blocks_is_answered),
        cmocka_unit_test(test_every_mutant_of_the_corpora_gets_its_answer),
        cmocka_unit_test(test_no_mutant_of_an_authorized_command_is_done),
        cmocka_unit_test(test_half_blocks_disturb_nobody_and_go_with_their_connection),
        cmocka_unit_test(test_random_bytes_below_tls_end_the_connection),
        cmocka_unit_test(test_nothing_is_left_of_repeated_attacks),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
