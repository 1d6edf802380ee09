/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The known file description, and what becomes of others like it. */
#pragma once

#include "test/unit/transport/xftp_descriptions.h"
#include "test/unit/transport/xftp_known.h"

#define HASH   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY    "MC4CAQAwBQYDK2VwBCIEIICBgoOEhYaHiImKi4yNjo-QkZKTlJWWl5iZmpucnZ6f"
#define CHUNK  "w2QKYPgCP89eV7YYCI7qhzeHaocgcAeL4h5vUGng2ec="
#define OTHER  "w2QKYPgCP89eV7YYCI7qhzeHaocgcAeL4h5vUGng2eg="
#define DIGEST "UJMNniKP4wH-TWwKVmjYrQ5WrRvFdmUGWdY-yY0D5Wh2aZn4fquIko1Wy79Ccbj2ck94NA-MCgT6cJp2W889yQ=="
#define ID     "ERITFBUWFxgZGhscHR4fIA=="
#define ENTRY  "  - 1:" ID ":" KEY ":" CHUNK "\n"
#define SERVER "xftp://" HASH "@localhost:7000"

/* The known answer of the protocol's facts, section 5.3. */
static const char known_text[] = "chunkSize: 64kb\n"
                                 "digest: " DIGEST "\n"
                                 "key: " HASH "\n"
                                 "nonce: QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX\n"
                                 "party: recipient\n"
                                 "replicas:\n"
                                 "- chunks:\n" ENTRY "  server: " SERVER "\n"
                                 "size: 64kb\n";

static inline void assert_written(const struct xftp_description *description, const char *expected) {
    struct slice text = description_text(description);
    assert_slice_text(text, expected);
    free_slice(text);
}

/* Parses and writes again. */
static inline void assert_becomes(const char *text, const char *expected) {
    struct xftp_description *description = parse_description(slice_of_text(text));
    assert_written(description, expected);
    xftp_description_destroy(&description);
}

/* The known text with one part replaced. */
static inline const char *with(const char *part, const char *replacement) {
    static char text[8192];
    const char *at = strstr(known_text, part);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - known_text), known_text, replacement, at + strlen(part));
    return text;
}
