/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connection links in binary. */
#include <string.h>

#include "transport/agent/connection_link.h"
#include "transport/wire/encoding.h"

enum { INVITATION = 'I', CONTACT = 'C' };

static void read_queues(struct reader *reader, struct connection_request *request) {
    uint8_t count = read_count_nonempty(reader);
    if (count > CONNECTION_QUEUES_MAX)
        reader_fail(reader);
    for (uint8_t i = 0; i < count && !reader->failed; i++) {
        read_queue_uri(reader, &request->queues[i]);
        if (request->queues[i].mode == QUEUE_MODE_NONE) /* contact mode is not written in the ranges of today */
            request->queues[i].mode = QUEUE_MODE_CONTACT;
    }
    request->queue_count = reader->failed ? 0 : count;
}

void read_connection_request(struct reader *reader, struct connection_request *request) {
    memset(request, 0, sizeof *request);
    uint8_t mode = read_u8(reader);
    if (mode != INVITATION && mode != CONTACT)
        reader_fail(reader);
    request->mode = mode == INVITATION ? CONNECTION_INVITATION : CONNECTION_CONTACT;
    request->agent_versions = read_version_range(reader);
    read_queues(reader, request);
    request->has_client_data = read_maybe(reader);
    if (request->has_client_data)
        request->client_data = read_large(reader);
    if (request->mode == CONNECTION_INVITATION)
        read_e2e_link_parameters(reader, &request->e2e);
}

void write_connection_request(struct writer *writer, const struct connection_request *request) {
    bool is_invitation = request->mode == CONNECTION_INVITATION;
    write_u8(writer, is_invitation ? INVITATION : CONTACT);
    write_version_range(writer, request->agent_versions);
    write_count(writer, request->queue_count);
    if (request->queue_count == 0)
        writer_fail(writer);
    for (size_t i = 0; i < request->queue_count; i++)
        write_queue_uri(writer, &request->queues[i]);
    write_maybe(writer, request->has_client_data);
    if (request->has_client_data)
        write_large(writer, request->client_data);
    if (is_invitation)
        write_e2e_link_parameters(writer, &request->e2e);
}
