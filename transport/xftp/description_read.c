/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* File descriptions from YAML. Entries are gathered as they come, then sorted by chunk and folded into chunks. What the
 * text says of counts is never believed: room is made by the length of the text. */
#include <stdlib.h>
#include <string.h>

#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "transport/wire/text.h"
#include "transport/xftp/description.h"
#include "transport/xftp/size_text.h"
#include "transport/xftp/yaml_walk.h"

/* The least that an entry and a server take in a text. */
enum { ENTRY_TEXT_MIN = 64, SERVER_TEXT_MIN = 48 };

/* An item of `chunks`: a replica, and what it says of its chunk. */
struct entry {
    uint32_t chunk; /* from 1 */
    uint16_t server;
    bool has_digest, has_size;
    uint8_t id_length;
    uint8_t id[XFTP_REPLICA_ID_MAX];
    struct private_key key;
    uint8_t digest[XFTP_CHUNK_DIGEST_SIZE];
    uint32_t size;
};

struct parse {
    struct yaml_walk walk;
    struct xftp_description *description;
    struct entry *entries;
    size_t entry_count, entry_capacity;
    uint32_t *order;       /* indices of entries, by chunk, then as they came */
    uint16_t group_server; /* of the entries that are being read */
    const char *problem;
};

static void fail(struct parse *parse, const char *problem) {
    if (parse->problem == NULL && parse->walk.result == SMQ_OK)
        parse->problem = problem;
    yaml_walk_fail(&parse->walk, SMQ_ERR_SYNTAX);
}

/* ---- values ---- */

static void parse_size(struct parse *parse, uint64_t maximum, uint64_t *size) {
    struct slice text = yaml_walk_text(&parse->walk);
    if (size_text_parse(text, maximum, size) != SMQ_OK)
        fail(parse, "bad size");
}

/* Exactly `size` bytes of base64. */
static void parse_base64(struct parse *parse, uint8_t *bytes, size_t size) {
    size_t length = 0;
    if (base64url_parse(yaml_walk_text(&parse->walk), bytes, size, &length) != SMQ_OK || length != size)
        fail(parse, "bad base64 or length");
}

static void parse_chunk_size(struct parse *parse) {
    uint64_t size = 0;
    parse_size(parse, UINT32_MAX, &size);
    parse->description->chunk_size = (uint32_t)size;
}

static void parse_file_size(struct parse *parse) {
    uint64_t size = 0;
    parse_size(parse, INT64_MAX, &size);
    parse->description->size = (int64_t)size;
}

static void parse_digest(struct parse *parse) {
    parse_base64(parse, parse->description->digest, sizeof parse->description->digest);
}

static void parse_key(struct parse *parse) {
    parse_base64(parse, parse->description->key, sizeof parse->description->key);
}

/* Another length is filled with zeroes, or cut. */
static void parse_nonce(struct parse *parse) {
    uint8_t bytes[128];
    size_t length = 0;
    if (base64url_parse(yaml_walk_text(&parse->walk), bytes, sizeof bytes, &length) == SMQ_OK)
        box_nonce_of(slice_of(bytes, length), parse->description->nonce);
    else
        fail(parse, "bad nonce");
}

static void parse_party(struct parse *parse) {
    struct slice party = yaml_walk_text(&parse->walk);
    parse->description->party = XFTP_FILE_RECIPIENT;
    if (slice_equal(party, slice_of_text("sender")))
        parse->description->party = XFTP_FILE_SENDER;
    else if (!slice_equal(party, slice_of_text("recipient")))
        fail(parse, "bad party");
}

static void parse_redirect_digest(struct parse *parse) {
    parse_base64(parse, parse->description->redirect_digest, sizeof parse->description->redirect_digest);
}

/* A number of bytes, not the notation of sizes. */
static void parse_redirect_size(struct parse *parse) {
    struct reader reader = reader_of(yaml_walk_number(&parse->walk));
    parse->description->redirect_size = (int64_t)read_decimal(&reader, INT64_MAX);
    if (reader_finish(&reader) != SMQ_OK)
        fail(parse, "bad redirect size");
}

/* ---- mappings ---- */

struct field {
    const char *key;
    bool optional;
    void (*parse)(struct parse *parse);
};

/* Unknown keys are skipped; a known one comes once, and all do but the optional ones. */
static void parse_mapping(struct parse *parse, const struct field *fields, size_t count) {
    unsigned seen = 0;
    struct slice key;
    yaml_walk_enter_mapping(&parse->walk);
    while (yaml_walk_key(&parse->walk, &key)) {
        size_t index = 0;
        while (index < count && !slice_equal(key, slice_of_text(fields[index].key)))
            index++;
        if (index == count) {
            yaml_walk_skip(&parse->walk);
            continue;
        }
        if ((seen & 1U << index) != 0)
            fail(parse, "a key comes twice");
        seen |= 1U << index;
        fields[index].parse(parse);
    }
    for (size_t i = 0; i < count; i++)
        if ((seen & 1U << i) == 0 && !fields[i].optional)
            fail(parse, "a key is missing");
}

#define PARSE_MAPPING(parse, fields) parse_mapping(parse, fields, sizeof(fields) / sizeof((fields)[0]))

static void parse_redirect(struct parse *parse) {
    static const struct field fields[] = {{"digest", false, parse_redirect_digest},
                                          {"size", false, parse_redirect_size}};
    parse->description->has_redirect = !yaml_walk_null(&parse->walk);
    if (parse->description->has_redirect)
        PARSE_MAPPING(parse, fields);
}

/* ---- replicas ---- */

static void read_entry(struct reader *reader, struct entry *entry) {
    uint8_t key[KEY_PKCS8_MAX];
    entry->chunk = (uint32_t)read_decimal(reader, UINT32_MAX);
    read_literal(reader, ":");
    entry->id_length = (uint8_t)read_base64url(reader, entry->id, sizeof entry->id);
    read_literal(reader, ":");
    size_t key_length = read_base64url(reader, key, sizeof key);
    if (private_key_parse(slice_of(key, key_length), &entry->key) != SMQ_OK ||
        !key_authorizes_queues(entry->key.algorithm))
        reader_fail(reader);
    secret_wipe(key, sizeof key);
    entry->has_digest = read_if(reader, ":");
    if (entry->has_digest && read_base64url(reader, entry->digest, sizeof entry->digest) != sizeof entry->digest)
        reader_fail(reader);
    entry->has_size = entry->has_digest && read_if(reader, ":");
    if (entry->has_size)
        entry->size = (uint32_t)read_size_text(reader, UINT32_MAX);
}

static void parse_entries(struct parse *parse) {
    yaml_walk_enter_sequence(&parse->walk);
    while (yaml_walk_item(&parse->walk)) {
        struct reader reader = reader_of(yaml_walk_text(&parse->walk));
        if (parse->entry_count == parse->entry_capacity) {
            yaml_walk_fail(&parse->walk, SMQ_ERR_TOO_LARGE);
            return;
        }
        read_entry(&reader, &parse->entries[parse->entry_count++]);
        if (reader_finish(&reader) != SMQ_OK)
            fail(parse, "bad chunk");
    }
}

static bool is_printable(struct slice text) {
    for (size_t i = 0; i < text.length; i++)
        if (text.bytes[i] <= ' ' || text.bytes[i] >= 0x7f)
            return false;
    return true;
}

static void parse_server(struct parse *parse) {
    struct server_address server;
    struct slice text = yaml_walk_text(&parse->walk);
    if (!is_printable(text) || server_address_parse(text, ADDRESS_XFTP, &server) != SMQ_OK) {
        fail(parse, "bad server");
        return;
    }
    enum smq_result result = xftp_description_add_server(parse->description, &server, &parse->group_server);
    if (result != SMQ_OK)
        yaml_walk_fail(&parse->walk, result);
}

/* The server's line may come before or behind its entries. */
static void parse_replicas(struct parse *parse) {
    static const struct field fields[] = {{"chunks", false, parse_entries}, {"server", false, parse_server}};
    yaml_walk_enter_sequence(&parse->walk);
    while (yaml_walk_item(&parse->walk)) {
        size_t first = parse->entry_count;
        PARSE_MAPPING(parse, fields);
        for (size_t i = first; i < parse->entry_count; i++)
            parse->entries[i].server = parse->group_server;
    }
}

static void parse_document(struct parse *parse) {
    static const struct field fields[] = {
        {"chunkSize", false, parse_chunk_size}, {"digest", false, parse_digest},  {"key", false, parse_key},
        {"nonce", false, parse_nonce},          {"party", false, parse_party},    {"redirect", true, parse_redirect},
        {"replicas", false, parse_replicas},    {"size", false, parse_file_size},
    };
    PARSE_MAPPING(parse, fields);
    (void)yaml_walk_finish(&parse->walk);
}

/* ---- from entries to chunks ---- */

static int compare_entries(const void *a, const void *b, void *context) {
    const struct entry *entries = context;
    uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
    if (entries[one].chunk != entries[other].chunk)
        return entries[one].chunk < entries[other].chunk ? -1 : 1;
    return one < other ? -1 : 1;
}

static const struct entry *entry_at(const struct parse *parse, size_t place) {
    return &parse->entries[parse->order[place]];
}

/* Size and digest of the chunk whose entries are at `first` to `end`: each is told by some, and by all alike. */
static void fold_chunk(struct parse *parse, size_t first, size_t end, struct entry *told) {
    told->size = parse->description->chunk_size;
    for (size_t i = first; i < end; i++) {
        const struct entry *entry = entry_at(parse, i);
        bool other_digest =
            entry->has_digest && told->has_digest && memcmp(entry->digest, told->digest, sizeof told->digest) != 0;
        if (other_digest || (entry->has_size && told->has_size && entry->size != told->size))
            fail(parse, "different size or digest in chunk replicas");
        if (entry->has_digest)
            memcpy(told->digest, entry->digest, sizeof told->digest);
        if (entry->has_size)
            told->size = entry->size;
        told->has_digest = told->has_digest || entry->has_digest;
        told->has_size = told->has_size || entry->has_size;
    }
    if (!told->has_digest)
        fail(parse, "no digest for chunk");
}

static void add_chunk(struct parse *parse, size_t first, size_t end) {
    struct xftp_description *description = parse->description;
    struct entry told = {0};
    fold_chunk(parse, first, end, &told);
    if (parse->walk.result != SMQ_OK)
        return;
    enum smq_result result = xftp_description_add_chunk(description, told.size, told.digest);
    for (size_t i = first; i < end && result == SMQ_OK; i++) {
        const struct entry *entry = entry_at(parse, i);
        result = xftp_description_add_replica(description, entry->server, slice_of(entry->id, entry->id_length),
                                              &entry->key);
    }
    if (result != SMQ_OK)
        fail(parse, "bad chunk");
}

static void add_chunks(struct parse *parse) {
    for (size_t i = 0; i < parse->entry_count; i++)
        parse->order[i] = (uint32_t)i;
    qsort_r(parse->order, parse->entry_count, sizeof *parse->order, compare_entries, parse->entries);
    size_t first = 0;
    while (first < parse->entry_count && parse->walk.result == SMQ_OK) {
        uint32_t number = entry_at(parse, first)->chunk;
        size_t end = first;
        while (end < parse->entry_count && entry_at(parse, end)->chunk == number)
            end++;
        if (number != parse->description->chunk_count + 1)
            fail(parse, "chunk numbers are not sequential");
        add_chunk(parse, first, end);
        first = end;
    }
}

static size_t at_most(size_t count, size_t maximum) {
    return count < maximum ? count : maximum;
}

static enum smq_result make_room(struct parse *parse, size_t text_length) {
    size_t entries = at_most(text_length / ENTRY_TEXT_MIN + 1, XFTP_DESCRIPTION_CHUNKS_MAX);
    size_t servers = at_most(text_length / SERVER_TEXT_MIN + 1, XFTP_DESCRIPTION_SERVERS_MAX);
    parse->entry_capacity = entries;
    parse->entries = memory_zalloc_array(entries, sizeof *parse->entries);
    parse->order = memory_zalloc_array(entries, sizeof *parse->order);
    if (parse->entries == NULL || parse->order == NULL)
        return SMQ_ERR_NO_MEMORY;
    return xftp_description_create(entries, entries, servers, &parse->description);
}

static void free_room(struct parse *parse) {
    if (parse->entries != NULL)
        secret_wipe(parse->entries, parse->entry_capacity * sizeof *parse->entries);
    memory_free(parse->entries);
    memory_free(parse->order);
    xftp_description_destroy(&parse->description);
}

static enum smq_result parse_text(struct parse *parse, struct slice text) {
    yaml_walk_open(&parse->walk, text);
    parse_document(parse);
    if (parse->walk.result == SMQ_OK)
        add_chunks(parse);
    if (parse->walk.result == SMQ_OK && xftp_description_problem(parse->description) != NULL)
        fail(parse, xftp_description_problem(parse->description));
    enum smq_result result = parse->walk.result;
    yaml_walk_close(&parse->walk);
    return result;
}

enum smq_result xftp_description_parse(struct slice text, struct xftp_description **description, const char **problem) {
    struct parse parse;
    if (text.length > XFTP_DESCRIPTION_TEXT_MAX)
        return SMQ_ERR_TOO_LARGE;
    memset(&parse, 0, sizeof parse);
    enum smq_result result = make_room(&parse, text.length);
    if (result == SMQ_OK)
        result = parse_text(&parse, text);
    if (result == SMQ_OK) {
        *description = parse.description;
        parse.description = NULL;
    } else if (problem != NULL) {
        *problem = parse.problem != NULL ? parse.problem : "not a file description";
    }
    free_room(&parse);
    return result;
}
