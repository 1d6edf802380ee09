/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One thread; names in answers are pointers to the question. */
#include "test/support/dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "queues/base/check.h"
#include "queues/base/random.h"
#include "queues/base/thread.h"

enum {
    HEADER = 12,
    TYPE_A = 1,
    TYPE_CNAME = 5,
    TYPE_AAAA = 28,
    HOUR_S = 3600,
    MANY = 2000,
    MESSAGE_MAX = 65535,
    NXDOMAIN = 3,
    REFUSED = 5,
    TRUNCATED = 0x02,
};

struct message {
    uint8_t bytes[MESSAGE_MAX];
    size_t length;
};

struct question {
    char name[64];
    unsigned type;
    size_t length; /* of header and question */
};

static bool read_question(const struct message *asked, struct question *question) {
    size_t at = HEADER, out = 0;
    while (at < asked->length && asked->bytes[at] != 0) {
        size_t label = asked->bytes[at++];
        if (at + label >= asked->length || out + label + 2 > sizeof question->name)
            return false;
        memcpy(question->name + out, asked->bytes + at, label);
        out += label;
        question->name[out++] = '.';
        at += label;
    }
    question->name[out > 0 ? out - 1 : 0] = 0;
    question->length = at + 5;
    if (question->length > asked->length)
        return false;
    question->type = (unsigned)asked->bytes[at + 1] << 8 | asked->bytes[at + 2];
    return true;
}

static bool begins(const char *name, const char *beginning) {
    return strncmp(name, beginning, strlen(beginning)) == 0;
}

static void put_record(struct message *answer, unsigned type, uint32_t ttl_s, const void *data, size_t length) {
    const uint8_t head[] = {0xc0,
                            HEADER,
                            0,
                            (uint8_t)type,
                            0,
                            1,
                            (uint8_t)(ttl_s >> 24),
                            (uint8_t)(ttl_s >> 16),
                            (uint8_t)(ttl_s >> 8),
                            (uint8_t)ttl_s,
                            (uint8_t)(length >> 8),
                            (uint8_t)length};
    memcpy(answer->bytes + answer->length, head, sizeof head);
    memcpy(answer->bytes + answer->length + sizeof head, data, length);
    answer->length += sizeof head + length;
    unsigned count = ((unsigned)answer->bytes[6] << 8 | answer->bytes[7]) + 1;
    answer->bytes[6] = (uint8_t)(count >> 8);
    answer->bytes[7] = (uint8_t)count;
}

static void put_addresses(struct message *answer, const struct question *question) {
    static const uint8_t loopback[] = {127, 0, 0, 1}, forbidden[] = {10, 0, 0, 1};
    static const uint8_t loopback6[16] = {[15] = 1};
    static const uint8_t itself[] = {0xc0, HEADER};
    uint32_t ttl_s = begins(question->name, "brief") ? 1 : HOUR_S;
    if (begins(question->name, "loop"))
        put_record(answer, TYPE_CNAME, ttl_s, itself, sizeof itself);
    else if (question->type == TYPE_AAAA && begins(question->name, "dual"))
        put_record(answer, TYPE_AAAA, ttl_s, loopback6, sizeof loopback6);
    else if (question->type == TYPE_A)
        put_record(answer, TYPE_A, ttl_s, begins(question->name, "private") ? forbidden : loopback, 4);
    for (int i = 1; question->type == TYPE_A && begins(question->name, "huge") && i < MANY; i++)
        put_record(answer, TYPE_A, ttl_s, (const uint8_t[]){127, 1, (uint8_t)(i >> 8), (uint8_t)i}, 4);
}

static void put_garbage(struct message *answer) {
    enum { LENGTH = 200 };
    random_bytes(answer->bytes + HEADER, LENGTH);
    answer->length = HEADER + LENGTH;
    answer->bytes[7] = 7; /* answers, it says */
}

/* False: silence. */
static bool make_answer(const struct message *asked, const struct question *question, bool is_tcp,
                        struct message *answer) {
    static const char *const known[] = {"good", "brief", "dual", "private", "huge", "tcp", "loop", "forged"};
    if (begins(question->name, "silent"))
        return false;
    memcpy(answer->bytes, asked->bytes, question->length);
    answer->length = question->length;
    answer->bytes[2] = 0x81; /* an answer, recursion desired */
    answer->bytes[3] = 0x80 | REFUSED;
    memset(answer->bytes + 6, 0, 6);
    if (begins(question->name, "missing"))
        answer->bytes[3] = 0x80 | NXDOMAIN;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (begins(question->name, known[i]))
            answer->bytes[3] = 0x80;
    if (begins(question->name, "garbage"))
        put_garbage(answer);
    else if (!is_tcp && (begins(question->name, "huge") || begins(question->name, "tcp")))
        answer->bytes[2] |= TRUNCATED;
    else if (answer->bytes[3] == 0x80)
        put_addresses(answer, question);
    return true;
}

static void note(struct dns_server *server, const struct question *question) {
    pthread_mutex_lock(&server->lock);
    if (server->count < DNS_QUESTIONS_MAX)
        memcpy(server->names[server->count++], question->name, sizeof question->name);
    pthread_mutex_unlock(&server->lock);
}

static void serve_udp(struct dns_server *server) {
    static struct message asked, answer;
    struct sockaddr_in peer;
    struct question question;
    socklen_t size = sizeof peer;
    ssize_t got = recvfrom(server->udp, asked.bytes, sizeof asked.bytes, 0, (struct sockaddr *)&peer, &size);
    asked.length = got < 0 ? 0 : (size_t)got;
    if (!read_question(&asked, &question))
        return;
    note(server, &question);
    if (!make_answer(&asked, &question, false, &answer))
        return;
    if (begins(question.name, "forged") && question.type == TYPE_A) {
        static struct message forged;
        forged = answer;
        forged.bytes[0] ^= 0xff;
        forged.bytes[forged.length - 1] = 99;
        (void)sendto(server->udp, forged.bytes, forged.length, 0, (const struct sockaddr *)&peer, size);
    }
    (void)sendto(server->udp, answer.bytes, answer.length, 0, (const struct sockaddr *)&peer, size);
}

/* One question a connection would do; c-ares asks several over one, so it is served until it ends. */
static bool serve_question(int descriptor) {
    static struct message asked, answer;
    struct question question;
    uint8_t length[2];
    if (recv(descriptor, length, 2, MSG_WAITALL) != 2)
        return false;
    asked.length = (size_t)length[0] << 8 | length[1];
    if (recv(descriptor, asked.bytes, asked.length, MSG_WAITALL) != (ssize_t)asked.length ||
        !read_question(&asked, &question) || !make_answer(&asked, &question, true, &answer))
        return false;
    length[0] = (uint8_t)(answer.length >> 8);
    length[1] = (uint8_t)answer.length;
    return send(descriptor, length, 2, MSG_NOSIGNAL | MSG_MORE) == 2 &&
           send(descriptor, answer.bytes, answer.length, MSG_NOSIGNAL) == (ssize_t)answer.length;
}

static void serve_tcp(const struct dns_server *server) {
    const struct timeval deadline = {.tv_usec = 300000};
    int descriptor = accept4(server->tcp, NULL, NULL, SOCK_CLOEXEC);
    if (descriptor < 0)
        return;
    (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
    while (serve_question(descriptor)) {
    }
    (void)close(descriptor);
}

static void run(void *argument) {
    struct dns_server *server = argument;
    struct pollfd polled[] = {{.fd = server->stop[0], .events = POLLIN},
                              {.fd = server->udp, .events = POLLIN},
                              {.fd = server->tcp, .events = POLLIN}};
    while (poll(polled, 3, -1) > 0 && polled[0].revents == 0) {
        if (polled[1].revents != 0)
            serve_udp(server);
        if (polled[2].revents != 0)
            serve_tcp(server);
    }
}

void dns_server_start(struct dns_server *server) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    memset(server, 0, sizeof *server);
    CHECK(pthread_mutex_init(&server->lock, NULL) == 0);
    server->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    server->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(server->tcp >= 0 && server->udp >= 0);
    CHECK(bind(server->tcp, (const struct sockaddr *)&address, size) == 0 && listen(server->tcp, 64) == 0);
    CHECK(getsockname(server->tcp, (struct sockaddr *)&address, &size) == 0);
    CHECK(bind(server->udp, (const struct sockaddr *)&address, size) == 0);
    server->port = ntohs(address.sin_port);
    (void)snprintf(server->address, sizeof server->address, "127.0.0.1:%u", (unsigned)server->port);
    CHECK(pipe(server->stop) == 0);
    CHECK(thread_create(&server->thread, "dns-server", run, server) == SMQ_OK);
}

void dns_server_stop(struct dns_server *server) {
    CHECK(write(server->stop[1], "", 1) == 1);
    thread_join(&server->thread);
    (void)close(server->stop[0]);
    (void)close(server->stop[1]);
    (void)close(server->tcp);
    (void)close(server->udp);
    (void)pthread_mutex_destroy(&server->lock);
}

unsigned dns_server_asked(struct dns_server *server, const char *beginning) {
    unsigned asked = 0;
    pthread_mutex_lock(&server->lock);
    for (unsigned i = 0; i < server->count; i++)
        asked += begins(server->names[i], beginning);
    pthread_mutex_unlock(&server->lock);
    return asked;
}
