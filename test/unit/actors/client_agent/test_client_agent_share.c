/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Shares of an agent's limits: found by their key as long as they have anything. */
#include "actors/client_agent/share.h"

#include <stdlib.h>

#include "queues/base/random.h"
#include "test/support/require.h"

enum { MORE_THAN_BUCKETS = 3 * CLIENT_AGENT_SHARE_BUCKETS };

static struct client_agent_shares *shares;
static uint8_t keys[MORE_THAN_BUCKETS][CLIENT_AGENT_SHARE_KEY_SIZE];

static int start(void **state) {
    (void)state;
    shares = calloc(1, sizeof *shares);
    if (shares == NULL)
        return -1;
    client_agent_shares_init(shares);
    random_bytes(keys, sizeof keys);
    return 0;
}

static int stop(void **state) {
    (void)state;
    free(shares);
    return 0;
}

static struct client_agent_share *get(unsigned i) {
    struct client_agent_share *share = client_agent_share_get(shares, keys[i]);
    assert_non_null(share);
    return share;
}

/* Ends a share, whatever it has. */
static void end(unsigned i) {
    struct client_agent_share *share = client_agent_share_find(shares, keys[i]);
    assert_non_null(share);
    share->waits = share->sessions = 0;
    client_agent_share_look(shares, share);
    assert_null(client_agent_share_find(shares, keys[i]));
}

static void test_a_share_is_one_for_its_key(void **state) {
    (void)state;
    assert_null(client_agent_share_find(shares, keys[0]));
    struct client_agent_share *share = get(0);
    assert_int_equal(share->waits, 0);
    assert_int_equal(share->sessions, 0);
    assert_ptr_equal(get(0), share);
    assert_ptr_equal(client_agent_share_find(shares, keys[0]), share);
    assert_ptr_not_equal(get(1), share);
    end(0);
    end(1);
}

static void test_a_share_is_known_while_anything_waits_or_is_connected(void **state) {
    (void)state;
    struct client_agent_share *share = get(0);
    share->waits = 1;
    share->sessions = 1;
    client_agent_share_look(shares, share);
    assert_ptr_equal(client_agent_share_find(shares, keys[0]), share);
    share->waits = 0;
    client_agent_share_look(shares, share);
    assert_ptr_equal(client_agent_share_find(shares, keys[0]), share);
    share->waits = 1;
    share->sessions = 0;
    client_agent_share_look(shares, share);
    assert_ptr_equal(client_agent_share_find(shares, keys[0]), share);
    end(0);
}

/* In any order, also of those that share a bucket. */
static void test_forgetting_one_leaves_the_others(void **state) {
    (void)state;
    for (unsigned i = 0; i < MORE_THAN_BUCKETS; i++)
        get(i)->waits = i + 1;
    for (unsigned i = 0; i < MORE_THAN_BUCKETS; i += 2)
        end(i);
    for (unsigned i = 1; i < MORE_THAN_BUCKETS; i += 2)
        assert_int_equal(get(i)->waits, i + 1);
    for (unsigned i = MORE_THAN_BUCKETS - 1; i < MORE_THAN_BUCKETS; i -= 2)
        end(i);
    for (unsigned i = 0; i < CLIENT_AGENT_SHARE_BUCKETS; i++)
        assert_null(shares->buckets[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_share_is_one_for_its_key),
        cmocka_unit_test(test_a_share_is_known_while_anything_waits_or_is_connected),
        cmocka_unit_test(test_forgetting_one_leaves_the_others),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
