/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Measures transport/http2 without a network: time that a server takes for each GiB of bodies that comes and that goes,
 * in chunks of 4 MiB, beside a memcpy of the same; requests with a block of 16 KB each way; heap of idle servers after
 * the handshake. The client's side, on the same thread, is not counted. Nothing waits, but other processes on the same
 * processor add to it.
 *
 * bench_http2 [MiB [requests [connections]]] */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "transport/http2/http2_stream.h"

enum { RECORD = 16384, CHUNK = 4 << 20, BLOCK = 16384, MIB = 1 << 20 };

struct side {
    struct http2 *http2;
    bool is_server;
    uint64_t spent_ns;
    uint64_t received;
    size_t answer; /* bytes of an answer's body */
    size_t left;   /* to send of the stream under way */
    unsigned done;
};

static uint8_t source[CHUNK];
static uint8_t frame_buffer[HTTP2_FRAME_BUFFER];

static void head(void *owner, struct http2_stream *stream, const struct http2_head *came) {
    (void)owner;
    (void)stream;
    (void)came;
}

static void body(void *owner, struct http2_stream *stream, struct slice bytes) {
    struct side *side = owner;
    side->received += bytes.length;
    http2_consume(stream, bytes.length);
}

static void body_end(void *owner, struct http2_stream *stream) {
    struct side *side = owner;
    struct http2_response response = {.status = 200, .has_body = true};
    if (!side->is_server)
        return;
    side->left = side->answer;
    if (http2_respond(stream, &response) != SMQ_OK)
        abort();
}

static enum smq_result fill(void *owner, struct http2_stream *stream, uint8_t *room, size_t size, size_t *length,
                            bool *last) {
    (void)stream;
    struct side *side = owner;
    *length = side->left < size ? side->left : size;
    memcpy(room, source + CHUNK - side->left, *length);
    side->left -= *length;
    *last = side->left == 0;
    return SMQ_OK;
}

static void closed(void *owner, struct http2_stream *stream, enum http2_end end, uint32_t code) {
    (void)code;
    ((struct side *)owner)->done += end == HTTP2_DONE;
    http2_release(stream);
}

static const struct http2_hooks hooks = {head, body, body_end, fill, closed, NULL, NULL};

static void open_side(struct side *side, bool is_server) {
    struct http2_config config = {is_server, &hooks, side, 10000, frame_buffer};
    *side = (struct side){.is_server = is_server};
    if (http2_create(&config, 0, &side->http2) != SMQ_OK)
        abort();
}

static bool pass(struct side *from, struct side *to) {
    static uint8_t record[RECORD];
    size_t length = 0;
    uint64_t start = clock_monotonic_ns();
    enum smq_result result = http2_output(from->http2, record, sizeof record, 0, &length);
    uint64_t middle = clock_monotonic_ns();
    from->spent_ns += middle - start;
    if (result != SMQ_OK)
        return false;
    if (http2_receive(to->http2, slice_of(record, length), 0) != SMQ_OK)
        abort();
    to->spent_ns += clock_monotonic_ns() - middle;
    return true;
}

static void run(struct side *client, struct side *server) {
    for (bool busy = true; busy;) {
        busy = pass(client, server);
        busy = pass(server, client) || busy;
    }
}

static void exchange(struct side *client, struct side *server, size_t upload) {
    struct http2_request request = {
        .method = slice_of_text("POST"),
        .scheme = slice_of_text("https"),
        .authority = slice_of_text("localhost"),
        .path = slice_of_text("/"),
        .has_body = true,
    };
    struct http2_stream *stream;
    client->left = upload;
    if (http2_request(client->http2, &request, NULL, &stream) != SMQ_OK)
        abort();
    run(client, server);
}

/* Returns the server's nanoseconds. */
static uint64_t exchange_many(size_t count, size_t upload, size_t download) {
    struct side client;
    struct side server;
    open_side(&client, false);
    open_side(&server, true);
    server.answer = download;
    for (size_t index = 0; index < count; index++)
        exchange(&client, &server, upload);
    if (server.done != count || client.done != count || server.received != count * upload)
        abort();
    http2_destroy(&client.http2);
    http2_destroy(&server.http2);
    return server.spent_ns;
}

static uint64_t copy_many(size_t count) {
    static uint8_t record[RECORD];
    uint64_t start = clock_monotonic_ns();
    for (size_t index = 0; index < count; index++)
        for (size_t at = 0; at < CHUNK; at += RECORD) {
            memcpy(record, source + at, RECORD);
            __asm__ volatile("" ::"r"(record) : "memory");
        }
    return clock_monotonic_ns() - start;
}

static size_t heap(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void measure_idle(size_t count) {
    struct side *servers = memory_zalloc_array(count, sizeof *servers);
    struct side client;
    if (servers == NULL)
        abort();
    size_t before = heap();
    for (size_t index = 0; index < count; index++) {
        open_side(&servers[index], true);
        open_side(&client, false);
        servers[index].answer = BLOCK;
        exchange(&client, &servers[index], BLOCK);
        http2_destroy(&client.http2);
    }
    printf("heap of an idle server after a request: %zu bytes (of nghttp2: %zu)\n", (heap() - before) / count,
           http2_memory(servers[0].http2));
    for (size_t index = 0; index < count; index++)
        http2_destroy(&servers[index].http2);
    memory_free(servers);
}

static size_t argument(int argc, char **argv, int index, size_t otherwise) {
    return argc > index ? strtoul(argv[index], NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
    size_t mib = argument(argc, argv, 1, 1024);
    size_t requests = argument(argc, argv, 2, 100000);
    size_t connections = argument(argc, argv, 3, 10000);
    size_t chunks = mib * MIB / CHUNK;
    memset(source, 'x', sizeof source);
    double per_gib = 1024.0 * MIB / ((double)chunks * CHUNK);
    printf("memcpy:   %.1f ms a GiB\n", (double)copy_many(chunks) / 1e6 * per_gib);
    printf("upload:   %.1f ms a GiB\n", (double)exchange_many(chunks, CHUNK, 1) / 1e6 * per_gib);
    printf("download: %.1f ms a GiB, with one copy into the record\n",
           (double)exchange_many(chunks, 1, CHUNK) / 1e6 * per_gib);
    printf("requests: %.2f us each, 16 KB both ways\n",
           (double)exchange_many(requests, BLOCK, BLOCK) / 1e3 / (double)requests);
    measure_idle(connections);
    return 0;
}
