/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Option structs of programs that know another release of the library, or forgot to call the init function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/client/options.h"
#include "actors/client/smq/client.h"
#include "actors/client/smq/network.h"
#include "actors/client_agent/smq/client_agent.h"

/* What an option struct looked like in an earlier release, and here. */
struct earlier {
    size_t size;
    uint32_t number;
};
struct later {
    size_t size;
    uint32_t number;
    uint32_t added;
};
static const struct later defaults = {.number = 5, .added = 7};

enum { UNTOUCHED = 0xa5, ROOM = 1024, BEYOND = 64 };

static struct smq_context *context;

static void test_init_fills_what_the_program_laid_out_and_no_byte_beyond(void **state) {
    (void)state;
    uint8_t bytes[64];
    for (size_t size = sizeof(size_t); size < sizeof bytes; size++) {
        struct later got = {.size = 0};
        size_t told;
        memset(bytes, UNTOUCHED, sizeof bytes);
        options_init(bytes, size, &defaults, sizeof defaults);
        memcpy(&told, bytes, sizeof told);
        assert_int_equal(size, told);
        memcpy(&got, bytes, size < sizeof got ? size : sizeof got);
        if (size >= sizeof defaults)
            assert_memory_equal(&got.number, &defaults.number, sizeof defaults - sizeof(size_t));
        for (size_t i = size < sizeof defaults ? size : sizeof defaults; i < sizeof bytes; i++)
            assert_int_equal(i < size ? 0 : UNTOUCHED, bytes[i]);
    }
    options_init(NULL, 64, &defaults, sizeof defaults);
}

static void test_settings_that_a_program_does_not_know_have_their_defaults(void **state) {
    (void)state;
    struct earlier given;
    struct later chosen;
    options_init(&given, sizeof given, &defaults, sizeof defaults);
    options_init(&chosen, sizeof chosen, &defaults, sizeof defaults);
    given.number = 6;
    given.size = OPTIONS_END(struct earlier, number);
    assert_true(options_take(&chosen, OPTIONS_END(struct later, number), &given));
    assert_int_equal(6, chosen.number);
    assert_int_equal(7, chosen.added);
    assert_int_equal(sizeof chosen, chosen.size);
    assert_true(options_take(&chosen, OPTIONS_END(struct later, number), NULL));
    assert_int_equal(6, chosen.number);
}

static void check_sizes(const void *options, size_t size, enum smq_result (*use)(const void *options)) {
    uint8_t bytes[ROOM] = {0};
    const size_t wrong[] = {0, 1, sizeof size, size / 2, size + 1, size + BEYOND, SIZE_MAX};
    assert_int_equal(SMQ_OK, use(options));
    assert_true(size + BEYOND < sizeof bytes);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        memcpy(bytes, options, size);
        memcpy(bytes, &wrong[i], sizeof wrong[i]);
        assert_int_equal(SMQ_ERR_INVALID, use(bytes));
    }
}

static enum smq_result use_context(const void *options) {
    struct smq_context *made = NULL;
    enum smq_result result = smq_context_create(options, &made);
    smq_context_destroy(&made);
    return result;
}

static enum smq_result use_events(const void *options) {
    struct smq_events *made = NULL;
    enum smq_result result = smq_events_create(options, &made);
    smq_events_destroy(&made);
    return result;
}

static enum smq_result use_network(const void *options) {
    struct smq_network *made = NULL;
    enum smq_result result = smq_network_create(options, &made);
    smq_network_release(&made);
    return result;
}

static enum smq_result use_agent(const void *options) {
    struct smq_client_agent *made = NULL;
    enum smq_result result = smq_client_agent_create(context, options, &made);
    smq_client_agent_close(&made);
    return result;
}

/* Nobody listens there: the options are looked at before that is found. */
static enum smq_result use_client(const void *options) {
    struct smq_client *made = NULL;
    enum smq_result result = smq_client_connect(
        context, "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@127.0.0.1:1", options, &made, NULL);
    return result == SMQ_ERR_NETWORK ? SMQ_OK : result;
}

static void test_sizes_that_no_release_had_are_refused(void **state) {
    (void)state;
    struct smq_context_options of_context;
    struct smq_events_options of_events;
    struct smq_network_options of_network;
    struct smq_client_options of_client;
    struct smq_client_agent_options of_agent;
    smq_context_options_init(&of_context);
    smq_events_options_init(&of_events);
    smq_network_options_init(&of_network);
    smq_client_options_init(&of_client);
    smq_client_agent_options_init(&of_agent);
    check_sizes(&of_context, sizeof of_context, use_context);
    check_sizes(&of_events, sizeof of_events, use_events);
    check_sizes(&of_network, sizeof of_network, use_network);
    check_sizes(&of_client, sizeof of_client, use_client);
    check_sizes(&of_agent, sizeof of_agent, use_agent);
}

static void test_an_agents_options_agree_with_those_of_its_clients_and_reserve_nothing(void **state) {
    (void)state;
    struct smq_client_agent_options options;
    smq_client_agent_options_init(&options);
    assert_int_equal(sizeof options, options.size);
    assert_int_equal(sizeof options.client, options.client.size);
    options.client.size--;
    assert_int_equal(SMQ_ERR_INVALID, use_agent(&options));
    smq_client_agent_options_init(&options);
    options.reserved[7] = 1;
    assert_int_equal(SMQ_ERR_INVALID, use_agent(&options));
}

static int setup(void **state) {
    (void)state;
    return smq_context_create(NULL, &context) == SMQ_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    smq_context_destroy(&context);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_fills_what_the_program_laid_out_and_no_byte_beyond),
        cmocka_unit_test(test_settings_that_a_program_does_not_know_have_their_defaults),
        cmocka_unit_test(test_sizes_that_no_release_had_are_refused),
        cmocka_unit_test(test_an_agents_options_agree_with_those_of_its_clients_and_reserve_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
