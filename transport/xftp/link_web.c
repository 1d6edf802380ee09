/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* File descriptions in web links: base64 of raw DEFLATE. */
#include <string.h>

#include <zlib.h>

#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "transport/wire/text.h"
#include "transport/xftp/link.h"

/* The first room for what is inflated; it doubles up to the limit. */
enum { RAW_DEFLATE = -MAX_WBITS, MEMORY_LEVEL = 8, FIRST_ROOM = 4096 };

enum smq_result xftp_web_link_fragment(struct slice text, struct slice *fragment) {
    struct reader reader = reader_of(text);
    if (!read_if(&reader, "https://"))
        read_literal(&reader, "http://");
    if (reader_status(&reader) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    (void)read_until(&reader, '#');
    (void)read_if(&reader, "#");
    *fragment = read_tail(&reader);
    return fragment->length > 0 ? SMQ_OK : SMQ_ERR_NOT_FOUND;
}

/* ---- memory that is wiped, zlib's own too: it holds the description */

struct zlib_block {
    size_t size;
    _Alignas(16) uint8_t bytes[];
};

static void *zlib_alloc(void *context, unsigned count, unsigned size) {
    (void)context;
    size_t bytes = (size_t)count * size;
    struct zlib_block *block = memory_zalloc(sizeof *block + bytes);
    if (block == NULL)
        return Z_NULL;
    block->size = bytes;
    return block->bytes;
}

static void zlib_free(void *context, void *address) {
    (void)context;
    struct zlib_block *block = (struct zlib_block *)(void *)((uint8_t *)address - offsetof(struct zlib_block, bytes));
    secret_wipe(block->bytes, block->size);
    memory_free(block);
}

static struct xftp_web_yaml room_of(size_t capacity) {
    return (struct xftp_web_yaml){.capacity = capacity, .bytes = memory_zalloc(capacity)};
}

void xftp_web_yaml_free(struct xftp_web_yaml *yaml) {
    if (yaml->bytes != NULL)
        secret_wipe(yaml->bytes, yaml->capacity);
    memory_free(yaml->bytes);
    *yaml = (struct xftp_web_yaml){0};
}

static enum smq_result grow(struct xftp_web_yaml *yaml) {
    if (yaml->capacity >= XFTP_DESCRIPTION_TEXT_MAX)
        return SMQ_ERR_TOO_LARGE;
    struct xftp_web_yaml larger = room_of(2 * yaml->capacity);
    if (larger.bytes == NULL)
        return SMQ_ERR_NO_MEMORY;
    larger.length = yaml->length;
    memcpy(larger.bytes, yaml->bytes, yaml->length);
    xftp_web_yaml_free(yaml);
    *yaml = larger;
    return SMQ_OK;
}

/* ---- reading ---- */

static enum smq_result inflate_step(z_stream *stream, struct xftp_web_yaml *yaml, bool *ended) {
    stream->next_out = yaml->bytes + yaml->length;
    stream->avail_out = (unsigned)(yaml->capacity - yaml->length);
    int status = inflate(stream, Z_NO_FLUSH);
    yaml->length = yaml->capacity - stream->avail_out;
    *ended = status == Z_STREAM_END;
    if (status == Z_MEM_ERROR)
        return SMQ_ERR_NO_MEMORY;
    if (*ended)
        return stream->avail_in == 0 ? SMQ_OK : SMQ_ERR_SYNTAX;
    bool goes_on = (status == Z_OK || status == Z_BUF_ERROR) && stream->avail_out == 0;
    return goes_on ? grow(yaml) : SMQ_ERR_SYNTAX;
}

static enum smq_result inflate_all(struct slice compressed, struct xftp_web_yaml *yaml) {
    z_stream stream = {.zalloc = zlib_alloc,
                       .zfree = zlib_free,
                       .next_in = (uint8_t *)(uintptr_t)compressed.bytes,
                       .avail_in = (unsigned)compressed.length};
    if (inflateInit2(&stream, RAW_DEFLATE) != Z_OK)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = SMQ_OK;
    bool ended = false;
    while (result == SMQ_OK && !ended)
        result = inflate_step(&stream, yaml, &ended);
    (void)inflateEnd(&stream);
    return result;
}

enum smq_result xftp_web_fragment_inflate(struct slice fragment, struct xftp_web_yaml *yaml) {
    if (fragment.length > XFTP_LINK_TEXT_MAX)
        return SMQ_ERR_TOO_LARGE;
    struct xftp_web_yaml compressed = room_of(fragment.length + 1);
    struct xftp_web_yaml inflated = room_of(FIRST_ROOM);
    enum smq_result result = compressed.bytes != NULL && inflated.bytes != NULL ? SMQ_OK : SMQ_ERR_NO_MEMORY;
    if (result == SMQ_OK)
        result = base64url_parse(fragment, compressed.bytes, compressed.capacity, &compressed.length);
    if (result == SMQ_OK)
        result = inflate_all(slice_of(compressed.bytes, compressed.length), &inflated);
    xftp_web_yaml_free(&compressed);
    if (result == SMQ_OK)
        *yaml = inflated;
    else
        xftp_web_yaml_free(&inflated);
    return result;
}

/* ---- writing ---- */

size_t xftp_web_fragment_size(size_t yaml_length) {
    return base64_length(compressBound(yaml_length), BASE64_URL);
}

static enum smq_result deflate_all(struct slice yaml, struct xftp_web_yaml *compressed) {
    z_stream stream = {.zalloc = zlib_alloc,
                       .zfree = zlib_free,
                       .next_in = (uint8_t *)(uintptr_t)yaml.bytes,
                       .avail_in = (unsigned)yaml.length,
                       .next_out = compressed->bytes,
                       .avail_out = (unsigned)compressed->capacity};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW_DEFLATE, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return SMQ_ERR_NO_MEMORY;
    int status = deflate(&stream, Z_FINISH);
    compressed->length = compressed->capacity - stream.avail_out;
    (void)deflateEnd(&stream);
    return status == Z_STREAM_END ? SMQ_OK : SMQ_ERR_TOO_LARGE;
}

void write_xftp_web_fragment(struct writer *writer, struct slice yaml) {
    if (yaml.length > XFTP_DESCRIPTION_TEXT_MAX) {
        writer_fail(writer);
        return;
    }
    struct xftp_web_yaml compressed = room_of(compressBound(yaml.length));
    if (compressed.bytes == NULL || deflate_all(yaml, &compressed) != SMQ_OK)
        writer_fail(writer);
    else
        write_base64(writer, slice_of(compressed.bytes, compressed.length), BASE64_URL);
    xftp_web_yaml_free(&compressed);
}

void write_xftp_web_link_start(struct writer *writer, const struct xftp_description *description) {
    if (description->chunk_count == 0 || description->chunks[0].replica_count == 0) {
        writer_fail(writer);
        return;
    }
    struct server_address server =
        description->servers[description->replicas[description->chunks[0].first_replica].server];
    server.host_count = 1;
    write_text(writer, "https://");
    write_hosts_text(writer, &server, 0, true);
    write_text(writer, "/#");
}
