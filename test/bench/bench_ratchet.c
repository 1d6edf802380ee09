/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Measures the cryptography of agents' messages on one thread: processor time of sntrup761, of X448, and of a message
 * of 16 KB over a ratchet, with and without a KEM, in a chain and with a step for each, beside its ciphers alone.
 *
 * bench_ratchet [rounds] */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "transport/crypto/ratchet/ratchet.h"
#include "transport/crypto/setup.h"

enum { PADDED = 15840, PADDED_KEM = 13618, TEXT_SIZE = 13000, MESSAGE_MAX = 16048 };

static uint8_t text[TEXT_SIZE], message[MESSAGE_MAX], buffer[MESSAGE_MAX];

static double cpu_us(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void need(enum smq_result result) {
    if (result == SMQ_OK)
        return;
    fprintf(stderr, "bench_ratchet: %s\n", smq_result_text(result));
    exit(1);
}

static void measure(const char *what, void (*once)(void), int rounds) {
    once();
    double start = cpu_us();
    for (int i = 0; i < rounds; i++)
        once();
    printf("%-58s %9.1f us\n", what, (cpu_us() - start) / rounds);
}

/* ---- primitives */

static uint8_t public_key[SNTRUP761_PUBLIC_KEY_SIZE], secret_key[SNTRUP761_SECRET_KEY_SIZE];
static uint8_t ciphertext[SNTRUP761_CIPHERTEXT_SIZE], shared[SNTRUP761_SHARED_SECRET_SIZE];
static struct key_pair pair;

static void kem_keypair(void) {
    need(sntrup761_keypair(&random_source_system, public_key, secret_key));
}

static void kem_encapsulate(void) {
    need(sntrup761_encapsulate(&random_source_system, public_key, ciphertext, shared));
}

static void kem_decapsulate(void) {
    need(sntrup761_decapsulate(secret_key, ciphertext, shared));
}

static void x448_pair(void) {
    need(key_pair_generate(KEY_X448, &pair));
}

static void x448_agreement(void) {
    struct dh448_secret secret;
    need(dh448(&pair, &pair.public_key, &secret));
}

static void gcm_message(void) {
    static const uint8_t key[GCM_KEY_SIZE], iv[GCM_IV_SIZE];
    struct gcm_associated none = {{{0}}};
    uint8_t tag[GCM_TAG_SIZE];
    need(gcm_seal(key, iv, &none, slice_of(message, PADDED), message, tag));
}

/* ---- messages */

static struct ratchet alice, bob;
static struct skipped_keys none_skipped;
static size_t padded;

static void make_ratchets(bool kem) {
    const struct version_range version = {E2E_VERSION_MAX, E2E_VERSION_MAX};
    struct x3dh_keys initiator, joiner;
    struct e2e_parameters link, reply;
    need(x3dh_keys_generate(&random_source_system, kem ? KEM_PROPOSED : KEM_NONE, NULL, &initiator));
    x3dh_parameters(&initiator, version, &link);
    need(x3dh_keys_generate(&random_source_system, kem ? KEM_ACCEPTED : KEM_NONE, &link, &joiner));
    x3dh_parameters(&joiner, version, &reply);
    need(ratchet_join(&random_source_system, &joiner, &link, E2E_VERSION_MAX, &bob));
    need(ratchet_initiate(&initiator, &reply, E2E_VERSION_MAX, kem, &alice));
    padded = kem ? PADDED_KEM : PADDED;
}

static size_t encrypt(struct ratchet *from) {
    struct message_key key;
    need(ratchet_encrypt(from, PQ_AS_IT_IS, E2E_VERSION_MAX, &key));
    need(message_key_seal(&key, slice_of(text, sizeof text), padded, message));
    return message_size(&key, padded);
}

static void decrypt(struct ratchet *to, size_t length) {
    struct ratchet_received received;
    need(ratchet_decrypt(to, &none_skipped, &random_source_system, slice_of(message, length), buffer, &received));
    need(received.verdict == RATCHET_RECEIVED ? SMQ_OK : SMQ_ERR_PROTOCOL);
}

static void send_only(void) {
    (void)encrypt(&bob);
}

static void message_in_chain(void) {
    decrypt(&alice, encrypt(&bob));
}

/* There and back: two messages, each with a step at its receiver. */
static void turn(void) {
    decrypt(&alice, encrypt(&bob));
    decrypt(&bob, encrypt(&alice));
}

static void agree(void) {
    make_ratchets(padded == PADDED_KEM);
}

static void measure_messages(const char *what, bool kem, int rounds) {
    char line[80];
    make_ratchets(kem);
    (void)snprintf(line, sizeof line, "message sent, %s", what);
    measure(line, send_only, rounds);
    make_ratchets(kem);
    (void)snprintf(line, sizeof line, "message sent and received in a chain, %s", what);
    measure(line, message_in_chain, rounds);
    make_ratchets(kem);
    (void)snprintf(line, sizeof line, "two messages with a step each, %s", what);
    measure(line, turn, rounds / 10);
    (void)snprintf(line, sizeof line, "agreement of both sides, %s", what);
    measure(line, agree, rounds / 10);
}

int main(int count, char **arguments) {
    long asked = count > 1 ? strtol(arguments[1], NULL, 10) : 2000;
    int rounds = asked < 10 || asked > INT_MAX ? 0 : (int)asked;
    if (rounds < 10 || crypto_setup() != SMQ_OK) {
        fprintf(stderr, "usage: bench_ratchet [rounds], at least 10\n");
        return 2;
    }
    measure("sntrup761 key pair", kem_keypair, rounds / 10);
    measure("sntrup761 encapsulation", kem_encapsulate, rounds / 10);
    measure("sntrup761 decapsulation", kem_decapsulate, rounds / 10);
    measure("X448 key pair", x448_pair, rounds / 10);
    measure("X448 agreement", x448_agreement, rounds / 10);
    measure("AES-256-GCM of 15,840 bytes", gcm_message, rounds);
    measure_messages("no KEM", false, rounds);
    measure_messages("KEM", true, rounds);
    return 0;
}
