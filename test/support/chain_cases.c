/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Two tables: certificates by who issued them, and chains of them. */
#include "test/support/chain_cases.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "test/support/require.h"

enum { DAY_S = 86400 };

enum certificate_name {
    NOBODY,
    /* the victim, with identities of one, two and three levels */
    IDENTITY,
    LEAF,
    LEAF_ED448,
    LEAF_WITH_CA_BIT,
    LEAF_OF_LEAF,
    LEAF_V1,
    LEAF_EXPIRED,
    LEAF_EARLY,
    LEAF_TAMPERED,
    IDENTITY_ED448,
    LEAF_OF_ED448,
    IDENTITY_EXPIRED,
    LEAF_OF_EXPIRED,
    IDENTITY_NAMELESS,
    LEAF_OF_NAMELESS,
    IDENTITY_RSA,
    LEAF_OF_RSA,
    IDENTITY_RSA_HUGE,
    LEAF_OF_RSA_HUGE,
    IDENTITY_RSA_EXPONENT,
    LEAF_OF_RSA_EXPONENT,
    NETWORK,
    OPERATOR,
    DEEP,
    LEAF_OF_DEEP,
    DIRECT,
    LEAF_OF_DIRECT,
    NAMESAKE, /* issued by the network, and has its name */
    LEAF_OF_NAMESAKE,
    DEEP_EXPIRED,
    LEAF_OF_DEEP_EXPIRED,
    DEEP_EARLY,
    LEAF_OF_DEEP_EARLY,
    DEEP_NO_CA,
    LEAF_OF_DEEP_NO_CA,
    DEEP_OTHER_USAGE,
    LEAF_OF_DEEP_OTHER_USAGE,
    DEEP_V1,
    LEAF_OF_DEEP_V1,
    DEEP_TAMPERED,
    LEAF_OF_DEEP_TAMPERED,
    OPERATOR_EXPIRED,
    DEEP_OF_EXPIRED,
    LEAF_OF_DEEP_OF_EXPIRED,
    OPERATOR_SHORT, /* path length 0 */
    DEEP_OF_SHORT,
    LEAF_OF_DEEP_OF_SHORT,
    /* the attacker */
    EVIL,
    EVIL_LEAF,
    EVIL_SUB,
    EVIL_SUBLEAF,
    TWIN, /* name and key identifiers of the victim's identity */
    TWIN_LEAF,
    EVIL_NAMELESS,
    EVIL_NAMELESS_LEAF,
    CERTIFICATE_NAMES,
};

enum certificate_form { PLAIN, CA, CA_TWIN, CA_SHORT, CA_OTHER_USAGE, CA_V1, PLAIN_V1, PLAIN_TAMPERED, CA_TAMPERED };

#define IDENTITY_NAME "SMP server CA"

static const struct certificate_row {
    const char *subject; /* "" is an empty name */
    enum certificate_name issuer;
    enum certificate_form form;
    int algorithm; /* 0: Ed25519; above 1000: an RSA key of so many bits, odd ones with a long exponent */
    int from_days; /* from and until when it is valid, days from now; 0..0: -1..10 */
    int until_days;
} certificate_rows[CERTIFICATE_NAMES] = {
    [IDENTITY] = {IDENTITY_NAME, IDENTITY, CA, 0, 0, 0},
    [LEAF] = {"leaf", IDENTITY, PLAIN, 0, 0, 0},
    [LEAF_ED448] = {"leaf", IDENTITY, PLAIN, EVP_PKEY_ED448, 0, 0},
    [LEAF_WITH_CA_BIT] = {"leaf", IDENTITY, CA, 0, 0, 0},
    [LEAF_OF_LEAF] = {"evil", LEAF, PLAIN, 0, 0, 0},
    [LEAF_V1] = {"leaf", IDENTITY, PLAIN_V1, 0, 0, 0},
    [LEAF_EXPIRED] = {"leaf", IDENTITY, PLAIN, 0, -20, -10},
    [LEAF_EARLY] = {"leaf", IDENTITY, PLAIN, 0, 1, 10},
    [LEAF_TAMPERED] = {"leaf", IDENTITY, PLAIN_TAMPERED, 0, 0, 0},
    [IDENTITY_ED448] = {IDENTITY_NAME, IDENTITY_ED448, CA, EVP_PKEY_ED448, 0, 0},
    [LEAF_OF_ED448] = {"leaf", IDENTITY_ED448, PLAIN, 0, 0, 0},
    [IDENTITY_EXPIRED] = {IDENTITY_NAME, IDENTITY_EXPIRED, CA, 0, -20, -10},
    [LEAF_OF_EXPIRED] = {"leaf", IDENTITY_EXPIRED, PLAIN, 0, 0, 0},
    [IDENTITY_NAMELESS] = {"", IDENTITY_NAMELESS, CA, 0, 0, 0},
    [LEAF_OF_NAMELESS] = {"", IDENTITY_NAMELESS, PLAIN, 0, 0, 0},
    [IDENTITY_RSA] = {IDENTITY_NAME, IDENTITY_RSA, CA, 2048, 0, 0},
    [LEAF_OF_RSA] = {"leaf", IDENTITY_RSA, PLAIN, 0, 0, 0},
    [IDENTITY_RSA_HUGE] = {IDENTITY_NAME, IDENTITY_RSA_HUGE, CA, 4104, 0, 0},
    [LEAF_OF_RSA_HUGE] = {"leaf", IDENTITY_RSA_HUGE, PLAIN, 0, 0, 0},
    [IDENTITY_RSA_EXPONENT] = {IDENTITY_NAME, IDENTITY_RSA_EXPONENT, CA, 2049, 0, 0},
    [LEAF_OF_RSA_EXPONENT] = {"leaf", IDENTITY_RSA_EXPONENT, PLAIN, 0, 0, 0},
    [NETWORK] = {"network", NETWORK, CA, 0, 0, 0},
    [OPERATOR] = {"operator", NETWORK, CA, EVP_PKEY_ED448, 0, 0},
    [DEEP] = {IDENTITY_NAME, OPERATOR, CA, 0, 0, 0},
    [LEAF_OF_DEEP] = {"leaf", DEEP, PLAIN, 0, 0, 0},
    [DIRECT] = {IDENTITY_NAME, NETWORK, CA, 0, 0, 0},
    [LEAF_OF_DIRECT] = {"leaf", DIRECT, PLAIN, 0, 0, 0},
    [NAMESAKE] = {"network", NETWORK, CA, 0, 0, 0},
    [LEAF_OF_NAMESAKE] = {"network", NAMESAKE, PLAIN, 0, 0, 0},
    [DEEP_EXPIRED] = {IDENTITY_NAME, NETWORK, CA, 0, -20, -10},
    [LEAF_OF_DEEP_EXPIRED] = {"leaf", DEEP_EXPIRED, PLAIN, 0, 0, 0},
    [DEEP_EARLY] = {IDENTITY_NAME, NETWORK, CA, 0, 1, 10},
    [LEAF_OF_DEEP_EARLY] = {"leaf", DEEP_EARLY, PLAIN, 0, 0, 0},
    [DEEP_NO_CA] = {IDENTITY_NAME, NETWORK, PLAIN, 0, 0, 0},
    [LEAF_OF_DEEP_NO_CA] = {"leaf", DEEP_NO_CA, PLAIN, 0, 0, 0},
    [DEEP_OTHER_USAGE] = {IDENTITY_NAME, NETWORK, CA_OTHER_USAGE, 0, 0, 0},
    [LEAF_OF_DEEP_OTHER_USAGE] = {"leaf", DEEP_OTHER_USAGE, PLAIN, 0, 0, 0},
    [DEEP_V1] = {IDENTITY_NAME, NETWORK, CA_V1, 0, 0, 0},
    [LEAF_OF_DEEP_V1] = {"leaf", DEEP_V1, PLAIN, 0, 0, 0},
    [DEEP_TAMPERED] = {IDENTITY_NAME, NETWORK, CA_TAMPERED, 0, 0, 0},
    [LEAF_OF_DEEP_TAMPERED] = {"leaf", DEEP_TAMPERED, PLAIN, 0, 0, 0},
    [OPERATOR_EXPIRED] = {"operator", NETWORK, CA, 0, -20, -10},
    [DEEP_OF_EXPIRED] = {IDENTITY_NAME, OPERATOR_EXPIRED, CA, 0, 0, 0},
    [LEAF_OF_DEEP_OF_EXPIRED] = {"leaf", DEEP_OF_EXPIRED, PLAIN, 0, 0, 0},
    [OPERATOR_SHORT] = {"operator", NETWORK, CA_SHORT, 0, 0, 0},
    [DEEP_OF_SHORT] = {IDENTITY_NAME, OPERATOR_SHORT, CA, 0, 0, 0},
    [LEAF_OF_DEEP_OF_SHORT] = {"leaf", DEEP_OF_SHORT, PLAIN, 0, 0, 0},
    [EVIL] = {"evil CA", EVIL, CA, 0, 0, 0},
    [EVIL_LEAF] = {"leaf", EVIL, PLAIN, 0, 0, 0},
    [EVIL_SUB] = {IDENTITY_NAME, EVIL, CA, 0, 0, 0},
    [EVIL_SUBLEAF] = {"leaf", EVIL_SUB, PLAIN, 0, 0, 0},
    [TWIN] = {IDENTITY_NAME, TWIN, CA_TWIN, 0, 0, 0},
    [TWIN_LEAF] = {"leaf", TWIN, PLAIN, 0, 0, 0},
    [EVIL_NAMELESS] = {"", EVIL_NAMELESS, CA, 0, 0, 0},
    [EVIL_NAMELESS_LEAF] = {"", EVIL_NAMELESS, PLAIN, 0, 0, 0},
};

static const struct chain_row {
    const char *name;
    enum certificate_name identity;
    enum certificate_fault fault;
    enum certificate_name chain[CASE_CHAIN_MAX];
} chain_rows[] = {
    {"two", IDENTITY, CERTIFICATE_FAULT_NONE, {LEAF, IDENTITY}},
    {"three", DEEP, CERTIFICATE_FAULT_NONE, {LEAF_OF_DEEP, DEEP, OPERATOR}},
    {"four", DEEP, CERTIFICATE_FAULT_NONE, {LEAF_OF_DEEP, DEEP, OPERATOR, NETWORK}},
    {"an identity that is not self-signed as the anchor", DEEP, CERTIFICATE_FAULT_NONE, {LEAF_OF_DEEP, DEEP}},
    {"Ed448 below Ed25519", IDENTITY, CERTIFICATE_FAULT_NONE, {LEAF_ED448, IDENTITY}},
    {"Ed25519 below Ed448", IDENTITY_ED448, CERTIFICATE_FAULT_NONE, {LEAF_OF_ED448, IDENTITY_ED448}},
    {"Ed25519 below RSA", IDENTITY_RSA, CERTIFICATE_FAULT_NONE, {LEAF_OF_RSA, IDENTITY_RSA}},
    {"a leaf that may be a CA", IDENTITY, CERTIFICATE_FAULT_NONE, {LEAF_WITH_CA_BIT, IDENTITY}},
    {"the identity twice", IDENTITY, CERTIFICATE_FAULT_NONE, {LEAF, IDENTITY, IDENTITY}},
    {"the identity three times", IDENTITY, CERTIFICATE_FAULT_NONE, {LEAF, IDENTITY, IDENTITY, IDENTITY}},
    {"an anchor that is expired", IDENTITY_EXPIRED, CERTIFICATE_FAULT_NONE, {LEAF_OF_EXPIRED, IDENTITY_EXPIRED}},
    {"no names", IDENTITY_NAMELESS, CERTIFICATE_FAULT_NONE, {LEAF_OF_NAMELESS, IDENTITY_NAMELESS}},
    {"one name for all", NAMESAKE, CERTIFICATE_FAULT_NONE, {LEAF_OF_NAMESAKE, NAMESAKE, NETWORK}},
    {"a path length that is kept", DEEP_OF_SHORT, CERTIFICATE_FAULT_NONE, {LEAF_OF_DEEP_OF_SHORT, DEEP_OF_SHORT}},
    {"a superfluous certificate above the identity",
     DIRECT,
     CERTIFICATE_FAULT_NONE,
     {LEAF_OF_DIRECT, DIRECT, EVIL, NETWORK}},

    {"attacker's leaf, public identity, attacker's CA",
     IDENTITY,
     CERTIFICATE_FAULT_UNKNOWN,
     {EVIL_LEAF, IDENTITY, EVIL}},
    {"attacker's leaf, public identity", IDENTITY, CERTIFICATE_FAULT_UNKNOWN, {EVIL_LEAF, IDENTITY}},
    {"attacker's leaf, public identity between attacker's CAs",
     IDENTITY,
     CERTIFICATE_FAULT_SIGNATURE,
     {EVIL_SUBLEAF, IDENTITY, EVIL_SUB, EVIL}},
    {"attacker's leaf, public identity, network",
     DEEP,
     CERTIFICATE_FAULT_UNKNOWN,
     {EVIL_LEAF, DEEP, OPERATOR, NETWORK}},
    {"a twin's leaf, identity, twin", IDENTITY, CERTIFICATE_FAULT_SIGNATURE, {TWIN_LEAF, IDENTITY, TWIN}},
    {"a twin's leaf, identity", IDENTITY, CERTIFICATE_FAULT_SIGNATURE, {TWIN_LEAF, IDENTITY}},
    {"a twin's leaf, identity, twin, identity",
     IDENTITY,
     CERTIFICATE_FAULT_SIGNATURE,
     {TWIN_LEAF, IDENTITY, TWIN, IDENTITY}},
    {"a twin's leaf, identity, identity, twin",
     IDENTITY,
     CERTIFICATE_FAULT_SIGNATURE,
     {TWIN_LEAF, IDENTITY, IDENTITY, TWIN}},
    {"a nameless leaf, nameless identity, nameless CA",
     IDENTITY_NAMELESS,
     CERTIFICATE_FAULT_SIGNATURE,
     {EVIL_NAMELESS_LEAF, IDENTITY_NAMELESS, EVIL_NAMELESS}},
    {"another identity", IDENTITY, CERTIFICATE_FAULT_IDENTITY, {EVIL_LEAF, EVIL}},
    {"the identity above another", IDENTITY, CERTIFICATE_FAULT_IDENTITY, {EVIL_SUBLEAF, EVIL_SUB, EVIL}},
    {"the identity behind the leaf's issuer", IDENTITY, CERTIFICATE_FAULT_IDENTITY, {EVIL_LEAF, EVIL, IDENTITY}},
    {"a leaf that signs", IDENTITY, CERTIFICATE_FAULT_IDENTITY, {LEAF_OF_LEAF, LEAF, IDENTITY}},
    {"a leaf as the identity", LEAF, CERTIFICATE_FAULT_FORM, {LEAF_OF_LEAF, LEAF, IDENTITY}},
    {"a genuine leaf and identity, and another's CA", IDENTITY, CERTIFICATE_FAULT_UNKNOWN, {LEAF, IDENTITY, NETWORK}},
    {"a genuine leaf and identity, and a twin", IDENTITY, CERTIFICATE_FAULT_SIGNATURE, {LEAF, IDENTITY, TWIN}},
    {"an identity that is no CA", DEEP_NO_CA, CERTIFICATE_FAULT_FORM, {LEAF_OF_DEEP_NO_CA, DEEP_NO_CA, NETWORK}},
    {"an identity that may not sign certificates",
     DEEP_OTHER_USAGE,
     CERTIFICATE_FAULT_FORM,
     {LEAF_OF_DEEP_OTHER_USAGE, DEEP_OTHER_USAGE, NETWORK}},
    {"an identity of version 1", DEEP_V1, CERTIFICATE_FAULT_FORM, {LEAF_OF_DEEP_V1, DEEP_V1, NETWORK}},
    {"a path length that is exceeded",
     DEEP_OF_SHORT,
     CERTIFICATE_FAULT_FORM,
     {LEAF_OF_DEEP_OF_SHORT, DEEP_OF_SHORT, OPERATOR_SHORT, NETWORK}},
    {"a leaf of version 1", IDENTITY, CERTIFICATE_FAULT_FORM, {LEAF_V1, IDENTITY}},
    {"an expired leaf", IDENTITY, CERTIFICATE_FAULT_EXPIRED, {LEAF_EXPIRED, IDENTITY}},
    {"a leaf of tomorrow", IDENTITY, CERTIFICATE_FAULT_EXPIRED, {LEAF_EARLY, IDENTITY}},
    {"an expired identity below a network",
     DEEP_EXPIRED,
     CERTIFICATE_FAULT_EXPIRED,
     {LEAF_OF_DEEP_EXPIRED, DEEP_EXPIRED, NETWORK}},
    {"an identity of tomorrow below a network",
     DEEP_EARLY,
     CERTIFICATE_FAULT_EXPIRED,
     {LEAF_OF_DEEP_EARLY, DEEP_EARLY, NETWORK}},
    {"an expired operator",
     DEEP_OF_EXPIRED,
     CERTIFICATE_FAULT_EXPIRED,
     {LEAF_OF_DEEP_OF_EXPIRED, DEEP_OF_EXPIRED, OPERATOR_EXPIRED, NETWORK}},
    {"a leaf that was changed", IDENTITY, CERTIFICATE_FAULT_SIGNATURE, {LEAF_TAMPERED, IDENTITY}},
    {"an identity that was changed",
     DEEP_TAMPERED,
     CERTIFICATE_FAULT_SIGNATURE,
     {LEAF_OF_DEEP_TAMPERED, DEEP_TAMPERED, NETWORK}},
    {"a key that costs whoever verifies",
     IDENTITY_RSA_HUGE,
     CERTIFICATE_FAULT_SIGNATURE,
     {LEAF_OF_RSA_HUGE, IDENTITY_RSA_HUGE}},
    {"an exponent that does",
     IDENTITY_RSA_EXPONENT,
     CERTIFICATE_FAULT_SIGNATURE,
     {LEAF_OF_RSA_EXPONENT, IDENTITY_RSA_EXPONENT}},
    {"one", IDENTITY, CERTIFICATE_FAULT_CHAIN, {LEAF}},
    {"five", IDENTITY, CERTIFICATE_FAULT_CHAIN, {LEAF, IDENTITY, IDENTITY, IDENTITY, IDENTITY}},
};

enum { CHAIN_ROWS = sizeof chain_rows / sizeof chain_rows[0] };

static struct {
    EVP_PKEY *key;
    X509 *certificate;
    uint8_t *der;
    size_t length;
} made[CERTIFICATE_NAMES];

/* Its public exponent has a thousand bits. */
static EVP_PKEY *make_slow_key(int bits) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *exponent = BN_new();
    require(BN_set_bit(exponent, 1000) == 1 && BN_add_word(exponent, 1297) == 1);
    require(EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits) == 1 &&
            EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, exponent) == 1 && EVP_PKEY_generate(context, &key) == 1);
    BN_free(exponent);
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *make_key(int algorithm) {
    if (algorithm == EVP_PKEY_ED448)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    if (algorithm == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return algorithm % 2 == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)algorithm) : make_slow_key(algorithm - 1);
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    require(extension != NULL && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

/* The key identifier of another certificate. */
static void copy_key_identifier(X509 *certificate, const X509 *from) {
    ASN1_OCTET_STRING *identifier = X509_get_ext_d2i(from, NID_subject_key_identifier, NULL, NULL);
    require(identifier != NULL);
    require(X509_add1_ext_i2d(certificate, NID_subject_key_identifier, identifier, 0, X509V3_ADD_DEFAULT) == 1);
    ASN1_OCTET_STRING_free(identifier);
}

static void add_extensions(X509 *certificate, X509 *issuer, enum certificate_form form) {
    if (form == PLAIN_V1 || form == CA_V1)
        return;
    bool is_ca = form == CA || form == CA_TWIN || form == CA_SHORT || form == CA_OTHER_USAGE || form == CA_TAMPERED;
    add_extension(certificate, issuer, NID_basic_constraints,
                  form == CA_SHORT ? "critical,CA:TRUE,pathlen:0" : (is_ca ? "critical,CA:TRUE" : "CA:FALSE"));
    if (form == CA_OTHER_USAGE)
        add_extension(certificate, issuer, NID_key_usage, "digitalSignature,cRLSign");
    if (form == CA_TWIN)
        copy_key_identifier(certificate, made[IDENTITY].certificate);
    else if (is_ca)
        add_extension(certificate, issuer, NID_subject_key_identifier, "hash");
}

static void set_times(X509 *certificate, const struct certificate_row *row) {
    bool usual = row->from_days == 0 && row->until_days == 0;
    time_t now = (time_t)clock_realtime_s();
    require(ASN1_TIME_adj(X509_getm_notBefore(certificate), now, usual ? -1 : row->from_days, 0) != NULL &&
            ASN1_TIME_adj(X509_getm_notAfter(certificate), now, usual ? 10 : row->until_days, 0) != NULL);
}

static void make_certificate(enum certificate_name name) {
    const struct certificate_row *row = &certificate_rows[name];
    EVP_PKEY *key = make_key(row->algorithm);
    X509 *certificate = X509_new();
    require(key != NULL && certificate != NULL);
    made[name].key = key;
    made[name].certificate = certificate;
    X509 *issuer = made[row->issuer].certificate;
    EVP_PKEY *issuer_key = made[row->issuer].key;
    bool is_v1 = row->form == PLAIN_V1 || row->form == CA_V1;
    require(X509_set_version(certificate, is_v1 ? X509_VERSION_1 : X509_VERSION_3) == 1);
    require(ASN1_INTEGER_set(X509_get_serialNumber(certificate), name) == 1);
    if (row->subject[0] != '\0')
        require(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                           (const unsigned char *)row->subject, -1, -1, 0) == 1);
    require(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1);
    set_times(certificate, row);
    require(X509_set_pubkey(certificate, key) == 1);
    add_extensions(certificate, issuer, row->form);
    require(X509_sign(certificate, issuer_key, EVP_PKEY_is_a(issuer_key, "RSA") ? EVP_sha256() : NULL) > 0);
    int length = i2d_X509(certificate, &made[name].der);
    require(length > 0);
    made[name].length = (size_t)length;
    if (row->form == PLAIN_TAMPERED || row->form == CA_TAMPERED)
        made[name].der[length - 1] ^= 1;
}

void chain_cases_make(void) {
    for (enum certificate_name name = IDENTITY; name < CERTIFICATE_NAMES; name++)
        make_certificate(name);
}

void chain_cases_free(void) {
    for (enum certificate_name name = IDENTITY; name < CERTIFICATE_NAMES; name++) {
        EVP_PKEY_free(made[name].key);
        X509_free(made[name].certificate);
        OPENSSL_free(made[name].der);
    }
    memset(made, 0, sizeof made);
}

size_t chain_case_count(void) {
    return CHAIN_ROWS;
}

static struct slice der_of(enum certificate_name name) {
    return slice_of(made[name].der, made[name].length);
}

struct chain_case chain_case(size_t index) {
    const struct chain_row *row = &chain_rows[index];
    struct chain_case found = {.name = row->name, .fault = row->fault};
    while (found.count < CASE_CHAIN_MAX && row->chain[found.count] != NOBODY) {
        found.chain[found.count] = der_of(row->chain[found.count]);
        found.count++;
    }
    struct credentials credentials = {.count = 0};
    require(credentials_take_key(&credentials, made[row->chain[0]].key) == SMQ_OK);
    found.key = credentials.key;
    require(certificate_fingerprint(der_of(row->identity), found.fingerprint) == SMQ_OK);
    return found;
}

struct chain_case chain_case_of_attacker(void) {
    size_t index = 0;
    while (chain_rows[index].chain[0] != EVIL_LEAF || chain_rows[index].chain[2] != EVIL)
        index++;
    return chain_case(index);
}

struct credentials chain_case_credentials(const struct chain_case *chain_case) {
    struct credentials credentials = {.key = chain_case->key, .count = chain_case->count};
    require(chain_case->count <= CERTIFICATE_CHAIN_MAX);
    memcpy(credentials.chain, chain_case->chain, chain_case->count * sizeof credentials.chain[0]);
    return credentials;
}
