/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Certificates: classification and validation of chains, issuing, and a router's files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "queues/base/clock.h"
#include "queues/base/setup.h"
#include "transport/tls/credentials.h"

enum { DAY_S = 86400 };

static struct credentials *issue(const struct credentials *issuer, enum certificate_kind kind,
                                 enum key_algorithm algorithm, const char *name, int64_t not_before_s, uint32_t days) {
    struct credentials *issued = NULL;
    struct certificate_request request = {
        .kind = kind, .algorithm = algorithm, .common_name = name, .not_before_s = not_before_s, .days = days};
    assert_int_equal(credentials_issue(issuer, &request, &issued), SMQ_OK);
    return issued;
}

static struct credentials *issue_now(const struct credentials *issuer, enum certificate_kind kind, const char *name) {
    return issue(issuer, kind, KEY_ED25519, name, clock_realtime_s() - 60, 10);
}

static enum certificate_fault validate(const struct credentials *credentials) {
    size_t count;
    const struct slice *chain = credentials_chain(credentials, &count);
    return certificate_chain_validate(chain, count, clock_realtime_s());
}

static void test_chains_are_classified_by_length(void **state) {
    (void)state;
    static const struct certificate_chain_class expected[] = {
        {CHAIN_EMPTY, 0, 0}, {CHAIN_SELF, 0, 0},  {CHAIN_VALID, 1, 1},
        {CHAIN_VALID, 1, 2}, {CHAIN_VALID, 1, 3}, {CHAIN_TOO_LONG, 0, 0},
    };
    for (size_t count = 0; count < 6; count++) {
        struct certificate_chain_class class = certificate_chain_classify(count);
        assert_int_equal(class.kind, expected[count].kind);
        assert_int_equal(class.identity, expected[count].identity);
        assert_int_equal(class.anchor, expected[count].anchor);
    }
    assert_int_equal(certificate_chain_classify(1000).kind, CHAIN_TOO_LONG);
}

static void test_chains_of_one_to_four_certificates_are_valid(void **state) {
    (void)state;
    struct credentials *network = issue_now(NULL, CERTIFICATE_CA, "network");
    struct credentials *operator_ = issue_now(network, CERTIFICATE_CA, "operator");
    struct credentials *router = issue_now(operator_, CERTIFICATE_CA, "router");
    struct credentials *leaf = issue_now(router, CERTIFICATE_SERVER, "leaf");
    struct credentials *second = issue_now(operator_, CERTIFICATE_SERVER, "leaf");
    struct credentials *third = issue_now(network, CERTIFICATE_SERVER, "leaf");
    assert_int_equal(validate(network), CERTIFICATE_FAULT_NONE);
    assert_int_equal(validate(leaf), CERTIFICATE_FAULT_NONE);
    assert_int_equal(validate(second), CERTIFICATE_FAULT_NONE);
    assert_int_equal(validate(third), CERTIFICATE_FAULT_NONE);
    struct credentials *fifth = NULL;
    struct certificate_request request = {
        .kind = CERTIFICATE_SERVER, .algorithm = KEY_ED25519, .common_name = "five", .days = 1};
    assert_int_equal(credentials_issue(leaf, &request, &fifth), SMQ_ERR_INVALID);
    credentials_destroy(&third);
    credentials_destroy(&second);
    credentials_destroy(&leaf);
    credentials_destroy(&router);
    credentials_destroy(&operator_);
    credentials_destroy(&network);
}

static void test_an_anchor_need_not_be_self_signed(void **state) {
    (void)state;
    struct credentials *root = issue_now(NULL, CERTIFICATE_CA, "root");
    struct credentials *ca = issue_now(root, CERTIFICATE_CA, "ca");
    struct credentials *leaf = issue_now(ca, CERTIFICATE_SERVER, "leaf");
    size_t count;
    const struct slice *chain = credentials_chain(leaf, &count);
    assert_int_equal(count, 3);
    assert_int_equal(certificate_chain_validate(chain, 2, clock_realtime_s()), CERTIFICATE_FAULT_NONE);
    assert_int_equal(certificate_chain_validate(chain, 1, clock_realtime_s()), CERTIFICATE_FAULT_UNKNOWN);
    credentials_destroy(&leaf);
    credentials_destroy(&ca);
    credentials_destroy(&root);
}

static void test_a_foreign_issuer_of_the_same_name_is_found_out(void **state) {
    (void)state;
    struct credentials *ca = issue_now(NULL, CERTIFICATE_CA, "ca");
    struct credentials *impostor = issue_now(NULL, CERTIFICATE_CA, "ca");
    struct credentials *stranger = issue_now(NULL, CERTIFICATE_CA, "stranger");
    struct credentials *leaf = issue_now(ca, CERTIFICATE_SERVER, "leaf");
    size_t count;
    struct slice chain[2] = {credentials_chain(leaf, &count)[0], credentials_chain(impostor, &count)[0]};
    assert_int_equal(certificate_chain_validate(chain, 2, clock_realtime_s()), CERTIFICATE_FAULT_SIGNATURE);
    chain[1] = credentials_chain(stranger, &count)[0];
    assert_int_equal(certificate_chain_validate(chain, 2, clock_realtime_s()), CERTIFICATE_FAULT_UNKNOWN);
    credentials_destroy(&leaf);
    credentials_destroy(&stranger);
    credentials_destroy(&impostor);
    credentials_destroy(&ca);
}

static void test_dates_count_for_all_but_the_anchor(void **state) {
    (void)state;
    int64_t now = clock_realtime_s();
    struct credentials *old_ca = issue(NULL, CERTIFICATE_CA, KEY_ED25519, "old", now - 20 * DAY_S, 10);
    struct credentials *leaf = issue_now(old_ca, CERTIFICATE_SERVER, "leaf");
    struct credentials *expired = issue(old_ca, CERTIFICATE_SERVER, KEY_ED25519, "leaf", now - 20 * DAY_S, 10);
    struct credentials *early = issue(old_ca, CERTIFICATE_SERVER, KEY_ED25519, "leaf", now + DAY_S, 10);
    struct credentials *old_intermediate = issue(old_ca, CERTIFICATE_CA, KEY_ED25519, "mid", now - 20 * DAY_S, 10);
    struct credentials *below = issue_now(old_intermediate, CERTIFICATE_SERVER, "leaf");
    assert_int_equal(validate(leaf), CERTIFICATE_FAULT_NONE);
    assert_int_equal(validate(expired), CERTIFICATE_FAULT_EXPIRED);
    assert_int_equal(validate(early), CERTIFICATE_FAULT_EXPIRED);
    assert_int_equal(validate(below), CERTIFICATE_FAULT_EXPIRED);
    assert_int_equal(validate(old_ca), CERTIFICATE_FAULT_EXPIRED); /* alone it is the leaf, too */
    credentials_destroy(&below);
    credentials_destroy(&old_intermediate);
    credentials_destroy(&early);
    credentials_destroy(&expired);
    credentials_destroy(&leaf);
    credentials_destroy(&old_ca);
}

static void test_an_intermediate_must_be_a_ca(void **state) {
    (void)state;
    struct credentials *ca = issue_now(NULL, CERTIFICATE_CA, "ca");
    struct credentials *server = issue_now(ca, CERTIFICATE_SERVER, "server");
    struct credentials *leaf = issue_now(server, CERTIFICATE_SERVER, "leaf");
    assert_int_equal(validate(leaf), CERTIFICATE_FAULT_FORM);
    credentials_destroy(&leaf);
    credentials_destroy(&server);
    credentials_destroy(&ca);
}

static void test_a_client_checks_the_second_certificate_against_the_key_hash(void **state) {
    (void)state;
    int64_t now = clock_realtime_s();
    struct credentials *network = issue_now(NULL, CERTIFICATE_CA, "network");
    struct credentials *ca = issue_now(network, CERTIFICATE_CA, "ca");
    struct credentials *leaf = issue_now(ca, CERTIFICATE_SERVER, "leaf");
    size_t count;
    const struct slice *chain = credentials_chain(leaf, &count);
    uint8_t hash[FINGERPRINT_SIZE];
    assert_int_equal(certificate_fingerprint(chain[1], hash), SMQ_OK);
    assert_int_equal(certificate_check_server(chain, 3, hash, now), CERTIFICATE_FAULT_NONE);
    assert_int_equal(certificate_check_server(chain, 2, hash, now), CERTIFICATE_FAULT_NONE);
    assert_int_equal(certificate_check_server(chain, 1, hash, now), CERTIFICATE_FAULT_CHAIN);
    assert_int_equal(certificate_check_server(chain, 0, hash, now), CERTIFICATE_FAULT_CHAIN);
    assert_int_equal(certificate_check_server(chain, 5, hash, now), CERTIFICATE_FAULT_CHAIN);
    assert_int_equal(certificate_fingerprint(chain[2], hash), SMQ_OK);
    assert_int_equal(certificate_check_server(chain, 3, hash, now), CERTIFICATE_FAULT_IDENTITY);
    credentials_destroy(&leaf);
    credentials_destroy(&ca);
    credentials_destroy(&network);
}

static void test_damaged_certificates_do_not_parse(void **state) {
    (void)state;
    struct credentials *ca = issue_now(NULL, CERTIFICATE_CA, "ca");
    size_t count;
    struct slice der = credentials_chain(ca, &count)[0];
    uint8_t damaged[1024];
    assert_true(der.length < sizeof damaged);
    memcpy(damaged, der.bytes, der.length);
    struct public_key key;
    struct slice cut = slice_of(damaged, der.length - 1);
    struct slice longer = slice_of(damaged, der.length + 1);
    assert_int_equal(certificate_chain_validate(&cut, 1, clock_realtime_s()), CERTIFICATE_FAULT_FORM);
    assert_int_equal(certificate_chain_validate(&longer, 1, clock_realtime_s()), CERTIFICATE_FAULT_FORM);
    assert_int_equal(certificate_public_key(cut, &key), SMQ_ERR_SYNTAX);
    assert_int_equal(certificate_public_key(slice_of(NULL, 0), &key), SMQ_ERR_SYNTAX);
    damaged[der.length - 1] ^= 1;
    struct slice forged = slice_of(damaged, der.length);
    assert_int_equal(certificate_chain_validate(&forged, 1, clock_realtime_s()), CERTIFICATE_FAULT_SIGNATURE);
    credentials_destroy(&ca);
}

static void test_keys_of_both_algorithms_are_known(void **state) {
    (void)state;
    static const enum key_algorithm algorithms[] = {KEY_ED25519, KEY_ED448};
    for (size_t i = 0; i < 2; i++) {
        struct credentials *ca = issue(NULL, CERTIFICATE_CA, algorithms[i], "ca", clock_realtime_s(), 1);
        size_t count;
        struct public_key key;
        assert_int_equal(certificate_public_key(credentials_chain(ca, &count)[0], &key), SMQ_OK);
        assert_int_equal(key.algorithm, algorithms[i]);
        assert_true(public_key_equal(&key, &credentials_key(ca)->public_key));
        assert_int_equal(credentials_key(ca)->private_key.length, key_raw_length(algorithms[i]));
        credentials_destroy(&ca);
    }
}

static void test_requests_with_bad_values_are_refused(void **state) {
    (void)state;
    char long_name[66];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[65] = 0;
    struct credentials *made = NULL;
    struct certificate_request request = {
        .kind = CERTIFICATE_CA, .algorithm = KEY_ED25519, .common_name = long_name, .days = 1};
    assert_int_equal(credentials_issue(NULL, &request, &made), SMQ_ERR_INVALID);
    request.common_name = "";
    assert_int_equal(credentials_issue(NULL, &request, &made), SMQ_ERR_INVALID);
    request.common_name = "a";
    request.algorithm = KEY_X25519;
    assert_int_equal(credentials_issue(NULL, &request, &made), SMQ_ERR_INVALID);
    request.algorithm = KEY_ED25519;
    request.days = CERTIFICATE_DAYS + 1;
    assert_int_equal(credentials_issue(NULL, &request, &made), SMQ_ERR_INVALID);
}

/* ---- files */

struct folder {
    char path[64];
    char ca_crt[96], ca_key[96], server_crt[96], server_key[96], fingerprint[96];
};

static void make_folder(struct folder *folder) {
    snprintf(folder->path, sizeof folder->path, "/tmp/test_certificate.XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->ca_crt, sizeof folder->ca_crt, "%s/ca.crt", folder->path);
    snprintf(folder->ca_key, sizeof folder->ca_key, "%s/ca.key", folder->path);
    snprintf(folder->server_crt, sizeof folder->server_crt, "%s/server.crt", folder->path);
    snprintf(folder->server_key, sizeof folder->server_key, "%s/server.key", folder->path);
    snprintf(folder->fingerprint, sizeof folder->fingerprint, "%s/fingerprint", folder->path);
}

static void remove_folder(const struct folder *folder) {
    unlink(folder->ca_crt);
    unlink(folder->ca_key);
    unlink(folder->server_crt);
    unlink(folder->server_key);
    unlink(folder->fingerprint);
    assert_int_equal(rmdir(folder->path), 0);
}

static void overwrite(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_files_of_a_router_load_and_match_their_fingerprint(void **state) {
    (void)state;
    static const enum key_algorithm algorithms[] = {KEY_ED25519, KEY_ED448};
    for (size_t i = 0; i < 2; i++) {
        struct folder folder;
        make_folder(&folder);
        uint8_t made[FINGERPRINT_SIZE], saved[FINGERPRINT_SIZE], computed[FINGERPRINT_SIZE];
        assert_int_equal(credentials_create_files(folder.path, "smp.example.org", algorithms[i], made), SMQ_OK);
        assert_int_equal(credentials_read_fingerprint(folder.fingerprint, saved), SMQ_OK);
        assert_int_equal(credentials_ca_fingerprint(folder.ca_crt, computed), SMQ_OK);
        assert_memory_equal(made, saved, FINGERPRINT_SIZE);
        assert_memory_equal(made, computed, FINGERPRINT_SIZE);
        struct stat status;
        assert_int_equal(stat(folder.server_key, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
        assert_int_equal(stat(folder.fingerprint, &status), 0);
        assert_int_equal(status.st_size, 45); /* 44 characters and a line end */
        struct credentials *loaded = NULL;
        char error[200];
        assert_int_equal(
            credentials_load(folder.server_crt, folder.ca_crt, folder.server_key, &loaded, error, sizeof error),
            SMQ_OK);
        size_t count;
        const struct slice *chain = credentials_chain(loaded, &count);
        assert_int_equal(count, 2);
        assert_int_equal(certificate_check_server(chain, count, made, clock_realtime_s()), CERTIFICATE_FAULT_NONE);
        assert_int_equal(certificate_check_server(chain, count, made, clock_realtime_s() + 99999LL * DAY_S),
                         CERTIFICATE_FAULT_NONE);
        for (size_t k = 0; k < count; k++) { /* for clients whose clocks are behind */
            int64_t from_s, until_s;
            assert_int_equal(certificate_validity(chain[k], &from_s, &until_s), SMQ_OK);
            assert_in_range(clock_realtime_s() - from_s, DAY_S, DAY_S + 60);
            assert_int_equal(until_s - from_s, CERTIFICATE_DAYS * (int64_t)DAY_S);
        }
        credentials_destroy(&loaded);
        assert_int_equal(credentials_renew_files(folder.path, "smp.example.org", algorithms[i], NULL, 0), SMQ_OK);
        assert_int_equal(credentials_load(folder.server_crt, folder.ca_crt, folder.server_key, &loaded, NULL, 0),
                         SMQ_OK);
        assert_int_equal(
            certificate_check_server(credentials_chain(loaded, &count), 2, made, clock_realtime_s() - DAY_S + 60),
            CERTIFICATE_FAULT_NONE);
        credentials_destroy(&loaded);
        assert_int_equal(credentials_create_files(folder.path, "other", algorithms[i], made), SMQ_ERR_EXISTS);
        remove_folder(&folder);
    }
}

static void test_certificates_carry_the_extensions_of_the_reference(void **state) {
    (void)state;
    struct folder folder;
    make_folder(&folder);
    uint8_t fingerprint[FINGERPRINT_SIZE];
    assert_int_equal(credentials_create_files(folder.path, "smp.example.org", KEY_ED25519, fingerprint), SMQ_OK);
    struct credentials *loaded = NULL;
    assert_int_equal(credentials_load(folder.server_crt, folder.ca_crt, folder.server_key, &loaded, NULL, 0), SMQ_OK);
    size_t count;
    const struct slice *chain = credentials_chain(loaded, &count);
    const uint8_t *position = chain[0].bytes;
    X509 *server = d2i_X509(NULL, &position, (long)chain[0].length);
    position = chain[1].bytes;
    X509 *ca = d2i_X509(NULL, &position, (long)chain[1].length);
    assert_non_null(server);
    assert_non_null(ca);
    char name[100];
    X509_NAME_oneline(X509_get_subject_name(ca), name, sizeof name);
    assert_string_equal(name, "/CN=SMP server CA/O=SimpleX");
    X509_NAME_oneline(X509_get_subject_name(server), name, sizeof name);
    assert_string_equal(name, "/CN=smp.example.org");
    assert_int_equal(X509_check_ca(ca), 1);
    assert_int_equal(X509_check_ca(server), 0);
    assert_true((X509_get_extension_flags(server) & EXFLAG_BCONS) != 0);
    assert_int_equal(X509_get_key_usage(server), KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION | KU_KEY_AGREEMENT);
    assert_int_equal(X509_get_extended_key_usage(server), XKU_SSL_SERVER);
    int critical = 0;
    BASIC_CONSTRAINTS *constraints = X509_get_ext_d2i(ca, NID_basic_constraints, &critical, NULL);
    assert_non_null(constraints);
    assert_int_equal(critical, 1);
    BASIC_CONSTRAINTS_free(constraints);
    assert_non_null(X509_get0_subject_key_id(ca));
    assert_non_null(X509_get0_authority_key_id(ca));
    int days = 0;
    int seconds = 0;
    assert_int_equal(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(ca), X509_get0_notAfter(ca)), 1);
    assert_int_equal(days, CERTIFICATE_DAYS);
    X509_free(ca);
    X509_free(server);
    credentials_destroy(&loaded);
    remove_folder(&folder);
}

static void test_a_renewed_server_certificate_keeps_the_identity(void **state) {
    (void)state;
    struct folder folder;
    make_folder(&folder);
    uint8_t before[FINGERPRINT_SIZE], after[FINGERPRINT_SIZE];
    struct credentials *first = NULL;
    struct credentials *second = NULL;
    assert_int_equal(credentials_create_files(folder.path, "a", KEY_ED25519, before), SMQ_OK);
    assert_int_equal(credentials_load(folder.server_crt, folder.ca_crt, folder.server_key, &first, NULL, 0), SMQ_OK);
    assert_int_equal(credentials_renew_files(folder.path, "b", KEY_ED448, NULL, 0), SMQ_OK);
    assert_int_equal(credentials_load(folder.server_crt, folder.ca_crt, folder.server_key, &second, NULL, 0), SMQ_OK);
    assert_int_equal(credentials_ca_fingerprint(folder.ca_crt, after), SMQ_OK);
    assert_memory_equal(before, after, FINGERPRINT_SIZE);
    assert_int_equal(credentials_key(second)->public_key.algorithm, KEY_ED448);
    assert_int_equal(validate(second), CERTIFICATE_FAULT_NONE);
    credentials_destroy(&second);
    credentials_destroy(&first);
    unlink(folder.ca_key);
    assert_int_equal(credentials_renew_files(folder.path, "b", KEY_ED448, NULL, 0), SMQ_ERR_SYSTEM);
    remove_folder(&folder);
}

static void test_loading_names_the_file_that_is_wrong(void **state) {
    (void)state;
    struct folder folder, other;
    make_folder(&folder);
    make_folder(&other);
    uint8_t fingerprint[FINGERPRINT_SIZE];
    struct credentials *loaded = NULL;
    char error[200] = "";
    assert_int_equal(credentials_create_files(folder.path, "a", KEY_ED25519, fingerprint), SMQ_OK);
    assert_int_equal(credentials_create_files(other.path, "a", KEY_ED25519, fingerprint), SMQ_OK);
    assert_int_equal(credentials_load(folder.server_crt, folder.ca_crt, other.server_key, &loaded, error, sizeof error),
                     SMQ_ERR_INVALID);
    assert_non_null(strstr(error, other.server_key));
    assert_int_equal(
        credentials_load(folder.server_crt, folder.ca_crt, folder.server_crt, &loaded, error, sizeof error),
        SMQ_ERR_SYNTAX);
    assert_non_null(strstr(error, "no private key"));
    overwrite(folder.server_crt, "no certificate here\n");
    assert_int_equal(
        credentials_load(folder.server_crt, folder.ca_crt, folder.server_key, &loaded, error, sizeof error),
        SMQ_ERR_SYNTAX);
    assert_non_null(strstr(error, folder.server_crt));
    unlink(folder.ca_crt);
    assert_int_equal(credentials_load(other.server_crt, folder.ca_crt, other.server_key, &loaded, error, sizeof error),
                     SMQ_ERR_SYSTEM);
    assert_non_null(strstr(error, folder.ca_crt));
    assert_null(loaded);
    overwrite(folder.fingerprint, "not base64!\n");
    assert_int_equal(credentials_read_fingerprint(folder.fingerprint, fingerprint), SMQ_ERR_SYNTAX);
    overwrite(folder.fingerprint, "AAAA\n");
    assert_int_equal(credentials_read_fingerprint(folder.fingerprint, fingerprint), SMQ_ERR_SYNTAX);
    remove_folder(&folder);
    remove_folder(&other);
}

int main(void) {
    if (base_setup() != SMQ_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chains_are_classified_by_length),
        cmocka_unit_test(test_chains_of_one_to_four_certificates_are_valid),
        cmocka_unit_test(test_an_anchor_need_not_be_self_signed),
        cmocka_unit_test(test_a_foreign_issuer_of_the_same_name_is_found_out),
        cmocka_unit_test(test_dates_count_for_all_but_the_anchor),
        cmocka_unit_test(test_an_intermediate_must_be_a_ca),
        cmocka_unit_test(test_a_client_checks_the_second_certificate_against_the_key_hash),
        cmocka_unit_test(test_damaged_certificates_do_not_parse),
        cmocka_unit_test(test_keys_of_both_algorithms_are_known),
        cmocka_unit_test(test_requests_with_bad_values_are_refused),
        cmocka_unit_test(test_files_of_a_router_load_and_match_their_fingerprint),
        cmocka_unit_test(test_certificates_carry_the_extensions_of_the_reference),
        cmocka_unit_test(test_a_renewed_server_certificate_keeps_the_identity),
        cmocka_unit_test(test_loading_names_the_file_that_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
