/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* xftp info, xftp link and xftp rand. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bin/xftp/xftp_description_file.h"
#include "bin/xftp/xftp_session.h"
#include "queues/base/random.h"
#include "transport/xftp/size_text.h"

enum { PIECE_SIZE = 65536, SIZE_TEXT_SIZE = 32 };

static void print_size(uint64_t size) {
    char text[SIZE_TEXT_SIZE];
    struct writer writer = writer_of(text, sizeof text);
    write_size_text(&writer, size);
    printf("%.*s\n", (int)writer_length(&writer), text);
}

/* Bytes of chunks whose first replica is there. */
static uint64_t size_at(const struct xftp_description *description, size_t server) {
    uint64_t size = 0;
    for (size_t i = 0; i < description->chunk_count; i++)
        if (description->replicas[description->chunks[i].first_replica].server == server)
            size += description->chunks[i].size;
    return size;
}

int xftp_info(const struct xftp_options *options, int count, char **words) {
    (void)options;
    (void)count;
    bool is_link;
    struct xftp_description *description = xftp_description_read(words[0], &is_link);
    if (description == NULL)
        return 1;
    printf(description->party == XFTP_FILE_SENDER ? "Sender file description\n" : "Recipient file description\n");
    printf("File download size: ");
    print_size((uint64_t)description->size);
    printf("File server(s):\n");
    for (size_t i = 0; i < description->server_count; i++) {
        char address[ADDRESS_TEXT_MAX];
        struct writer writer = writer_of(address, sizeof address);
        write_server_address_text(&writer, &description->servers[i], NULL, 0);
        printf("%.*s: ", (int)writer_length(&writer), address);
        print_size(size_at(description, i));
    }
    xftp_description_destroy(&description);
    return 0;
}

int xftp_link(const struct xftp_options *options, int count, char **words) {
    (void)count;
    bool is_link;
    struct xftp_description *description = xftp_description_read(words[0], &is_link);
    if (description == NULL)
        return 1;
    int status = description->party == XFTP_FILE_RECIPIENT ? 0 : xftp_mistake("incorrect XFTP party");
    if (status == 0)
        xftp_description_print_link(description, options->app_link);
    xftp_description_destroy(&description);
    return status;
}

static bool write_random(int file, uint64_t size) {
    static uint8_t piece[PIECE_SIZE];
    while (size > 0) {
        size_t length = size < sizeof piece ? (size_t)size : sizeof piece;
        random_bytes(piece, length);
        ssize_t count = write(file, piece, length);
        if (count < 0 && errno != EINTR)
            return false;
        size -= count > 0 ? (uint64_t)count : 0;
    }
    return true;
}

int xftp_random(const struct xftp_options *options, int count, char **words) {
    (void)options;
    (void)count;
    uint64_t size;
    if (size_text_parse(slice_of_text(words[1]), INT64_MAX, &size) != SMQ_OK)
        return xftp_mistake("invalid size %s", words[1]);
    int file = open(words[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool is_written = file >= 0 && write_random(file, size);
    if (file >= 0 && close(file) != 0)
        is_written = false;
    if (!is_written)
        return xftp_mistake("%s: %s", words[0], strerror(errno));
    printf("File created: %s\n", words[0]);
    return 0;
}
