/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* File descriptions as YAML: keys in alphabetical order, two spaces of indentation, items of a sequence at the column
 * of its key. The web client reads lines, not YAML, so nothing of this is a matter of taste. */
#include <arpa/inet.h>
#include <string.h>

#include "queues/base/secret.h"
#include "transport/wire/text.h"
#include "transport/xftp/description.h"
#include "transport/xftp/size_text.h"
#include "transport/xftp/yaml_text.h"

/* Room for the parts of a text: a replica's line, a server's lines, all other lines. */
enum { REPLICA_TEXT_MAX = 512, SERVER_TEXT_MAX = ADDRESS_TEXT_MAX + 64, OTHER_TEXT_MAX = 1024, ENTRY_MAX = 448 };

size_t xftp_description_text_size(const struct xftp_description *description) {
    return OTHER_TEXT_MAX + description->server_count * SERVER_TEXT_MAX + description->replica_count * REPLICA_TEXT_MAX;
}

/* ---- the order of servers ---- */

/* Addresses by their numbers, names by their letters; IPv4 before IPv6 before onion before names. */
static int compare_hosts(const struct server_address *a, const struct server_address *b, size_t index) {
    enum host_kind kind = server_address_host_kind(a, index), other_kind = server_address_host_kind(b, index);
    const char *host = server_address_host(a, index), *other = server_address_host(b, index);
    uint8_t number[sizeof(struct in6_addr)] = {0}, other_number[sizeof(struct in6_addr)] = {0};
    if (kind != other_kind)
        return kind < other_kind ? -1 : 1;
    if (kind != HOST_IPV4 && kind != HOST_IPV6)
        return strcmp(host, other);
    int family = kind == HOST_IPV4 ? AF_INET : AF_INET6;
    (void)inet_pton(family, host, number);
    (void)inet_pton(family, other, other_number);
    return memcmp(number, other_number, sizeof number);
}

/* Ports are compared as they are written, so 80 comes after 443; none is the least. */
static int compare_ports(uint16_t port, uint16_t other) {
    char digits[8] = {0}, other_digits[8] = {0};
    struct writer writer = writer_of(digits, sizeof digits - 1),
                  other_writer = writer_of(other_digits, sizeof digits - 1);
    if (port != 0)
        write_decimal(&writer, port);
    if (other != 0)
        write_decimal(&other_writer, other);
    return strcmp(digits, other_digits);
}

static int compare_servers(const struct server_address *a, const struct server_address *b) {
    int order = 0;
    for (size_t i = 0; order == 0 && i < a->host_count && i < b->host_count; i++)
        order = compare_hosts(a, b, i);
    if (order == 0 && a->host_count != b->host_count)
        return a->host_count < b->host_count ? -1 : 1;
    if (order == 0)
        order = compare_ports(a->port, b->port);
    return order != 0 ? order : memcmp(a->key_hash, b->key_hash, sizeof a->key_hash);
}

/* The indices of the servers, in order: at most 256, so sorting by insertion is as good as any. */
static void sort_servers(const struct xftp_description *description, uint16_t *order) {
    for (size_t i = 0; i < description->server_count; i++) {
        size_t place = i;
        for (; place > 0; place--) {
            if (compare_servers(&description->servers[order[place - 1]], &description->servers[i]) <= 0)
                break;
            order[place] = order[place - 1];
        }
        order[place] = (uint16_t)i;
    }
}

/* ---- lines ---- */

static void write_base64_line(struct writer *writer, const char *key, const void *bytes, size_t length) {
    char text[128];
    struct writer value = writer_of(text, sizeof text);
    write_base64(&value, slice_of(bytes, length), BASE64_URL);
    write_text(writer, key);
    write_yaml_text(writer, slice_of(text, writer_length(&value)));
    write_text(writer, "\n");
    secret_wipe(text, sizeof text);
}

static void write_size_line(struct writer *writer, const char *key, uint64_t size) {
    char text[32];
    struct writer value = writer_of(text, sizeof text);
    write_size_text(&value, size);
    write_text(writer, key);
    write_yaml_text(writer, slice_of(text, writer_length(&value)));
    write_text(writer, "\n");
}

static void write_redirect(struct writer *writer, const struct xftp_description *description) {
    write_text(writer, "redirect:\n");
    write_base64_line(writer, "  digest: ", description->redirect_digest, sizeof description->redirect_digest);
    write_text(writer, "  size: ");
    write_signed_decimal(writer, description->redirect_size);
    write_text(writer, "\n");
}

static void write_entry(struct writer *writer, const struct xftp_description *description, size_t chunk_index,
                        size_t replica_index) {
    const struct xftp_chunk *chunk = &description->chunks[chunk_index];
    const struct xftp_replica *replica = &description->replicas[replica_index];
    uint8_t key[KEY_PKCS8_MAX];
    struct writer key_writer = writer_of(key, sizeof key);
    write_private_key_der(&key_writer, &replica->key);
    if (writer_finish(&key_writer) != SMQ_OK)
        writer_fail(writer);
    write_decimal(writer, chunk_index + 1);
    write_text(writer, ":");
    write_base64(writer, slice_of(replica->id, replica->id_length), BASE64_URL);
    write_text(writer, ":");
    write_base64(writer, slice_of(key, writer_length(&key_writer)), BASE64_URL);
    secret_wipe(key, sizeof key);
    if (replica_index != chunk->first_replica)
        return;
    write_text(writer, ":");
    write_base64(writer, slice_of(chunk->digest, sizeof chunk->digest), BASE64_URL);
    if (chunk->size != description->chunk_size) {
        write_text(writer, ":");
        write_size_text(writer, chunk->size);
    }
}

static void write_entry_line(struct writer *writer, const struct xftp_description *description, size_t chunk_index,
                             size_t replica_index) {
    char text[ENTRY_MAX];
    struct writer value = writer_of(text, sizeof text);
    write_entry(&value, description, chunk_index, replica_index);
    if (writer_finish(&value) != SMQ_OK)
        writer_fail(writer);
    write_text(writer, "  - ");
    write_yaml_text(writer, slice_of(text, writer_length(&value)));
    write_text(writer, "\n");
    secret_wipe(text, sizeof text);
}

/* False, with nothing written, when nothing is at this server. */
static bool write_entries(struct writer *writer, const struct xftp_description *description, uint16_t server) {
    bool any = false;
    for (size_t i = 0; i < description->chunk_count && !writer->failed; i++) {
        size_t first = description->chunks[i].first_replica;
        for (size_t j = first; j < first + description->chunks[i].replica_count; j++) {
            if (description->replicas[j].server != server)
                continue;
            if (!any)
                write_text(writer, "- chunks:\n");
            any = true;
            write_entry_line(writer, description, i, j);
        }
    }
    return any;
}

static void write_server_line(struct writer *writer, const struct server_address *server) {
    char text[ADDRESS_TEXT_MAX];
    struct writer value = writer_of(text, sizeof text);
    write_server_address_text(&value, server, NULL, 0);
    if (writer_finish(&value) != SMQ_OK)
        writer_fail(writer);
    write_text(writer, "  server: ");
    write_yaml_text(writer, slice_of(text, writer_length(&value)));
    write_text(writer, "\n");
}

static void write_replicas(struct writer *writer, const struct xftp_description *description) {
    uint16_t order[XFTP_DESCRIPTION_SERVERS_MAX];
    if (description->replica_count == 0) {
        write_text(writer, "replicas: []\n");
        return;
    }
    write_text(writer, "replicas:\n");
    sort_servers(description, order);
    for (size_t i = 0; i < description->server_count && !writer->failed; i++)
        if (write_entries(writer, description, order[i]))
            write_server_line(writer, &description->servers[order[i]]);
}

void write_xftp_description(struct writer *writer, const struct xftp_description *description) {
    if (xftp_description_problem(description) != NULL || description->size < 0 || description->redirect_size < 0)
        writer_fail(writer);
    write_size_line(writer, "chunkSize: ", description->chunk_size);
    write_base64_line(writer, "digest: ", description->digest, sizeof description->digest);
    write_base64_line(writer, "key: ", description->key, sizeof description->key);
    write_base64_line(writer, "nonce: ", description->nonce, sizeof description->nonce);
    write_text(writer, description->party == XFTP_FILE_SENDER ? "party: sender\n" : "party: recipient\n");
    if (description->has_redirect)
        write_redirect(writer, description);
    write_replicas(writer, description);
    write_size_line(writer, "size: ", (uint64_t)description->size);
}
