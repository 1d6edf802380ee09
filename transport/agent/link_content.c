/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a short link leads to. */
#include "transport/agent/link_content.h"

#include <string.h>

#include "transport/wire/text.h"

void short_link_keys(const struct short_link *link, struct box_key *key, uint8_t link_id[LINK_ID_SIZE]) {
    if (link->type == SHORT_LINK_INVITATION)
        link_invitation_key(link->link_key, key);
    else
        link_contact_keys(link->link_key, link_id, key);
}

/* ---- fixed data ---- */

void write_link_fixed_content(struct writer *writer, const struct link_content *content) {
    struct link_fixed_data fixed = {.agent_versions = content->agent_versions, .root_key = content->root_key};
    write_link_fixed_data(writer, &fixed);
    write_connection_request(writer, &content->request);
    if (content->has_entity_id)
        write_short(writer, content->entity_id);
}

enum smq_result link_fixed_content_parse(const struct link_fixed_data *fixed, struct link_content *content) {
    struct reader reader = reader_of(fixed->request);
    content->agent_versions = fixed->agent_versions;
    content->root_key = fixed->root_key;
    read_connection_request(&reader, &content->request);
    struct reader attempt = reader; /* the id has no mark: it is there when it parses */
    content->entity_id = read_short(&attempt);
    content->has_entity_id = !attempt.failed;
    return reader_status(&reader);
}

/* ---- the whole ---- */

/* The queue's server, told by whoever made the link, may have moved to other names since; the link's is the one that
 * answered. */
static bool take_address(const struct short_link *link, struct slice sender_id, struct queue_uri *queue) {
    const char *host = server_address_host(&link->server, 0);
    bool found = false;
    for (size_t i = 0; i < queue->server.host_count && !found; i++)
        found = strcmp(server_address_host(&queue->server, i), host) == 0;
    if (!found || !slice_equal(sender_id, slice_of(queue->sender_id, queue->sender_id_length)))
        return false;
    queue->server = link->server;
    return true;
}

enum smq_result link_content_open(const struct short_link *link, struct slice sender_id, uint8_t *fixed_blob,
                                  size_t fixed_length, uint8_t *user_blob, size_t user_length,
                                  struct link_content *content, struct link_check *check) {
    struct link_fixed_data fixed;
    struct box_key key;
    uint8_t link_id[LINK_ID_SIZE];
    bool contact = link->type != SHORT_LINK_INVITATION;
    memset(content, 0, sizeof *content);
    short_link_keys(link, &key, link_id);
    enum smq_result result = link_data_open(link->link_key, &key, fixed_blob, fixed_length, user_blob, user_length,
                                            &fixed, &content->user, check);
    box_key_wipe(&key);
    if (result == SMQ_OK)
        result = link_fixed_content_parse(&fixed, content);
    if (result == SMQ_OK &&
        (content->user.contact != contact || (content->request.mode == CONNECTION_CONTACT) != contact))
        result = SMQ_ERR_SYNTAX;
    if (result == SMQ_OK && !take_address(link, sender_id, &content->request.queues[0])) {
        check->fault = LINK_FAULT_ADDRESS;
        result = SMQ_ERR_CRYPTO;
    }
    return result;
}

enum smq_result link_user_data_check(const struct public_key *root_key, const struct public_key *signer,
                                     const struct link_user_data *user, struct link_check *check) {
    struct reader reader = reader_of(user->owners);
    bool allowed = public_key_equal(root_key, signer);
    for (size_t i = 0; i < user->owner_count && !allowed; i++) {
        struct link_owner owner;
        read_link_owner(&reader, &owner);
        allowed = !reader.failed && public_key_equal(&owner.key, signer);
    }
    enum smq_result result = link_owners_check(root_key, user, check);
    return result == SMQ_OK && !allowed ? SMQ_ERR_INVALID : result;
}

/* ---- text ---- */

static const struct {
    const char *before, *after; /* an owner's id */
} fault_texts[] = {
    [LINK_FAULT_NONE] = {"", NULL},
    [LINK_FAULT_HASH] = {"link data hash", NULL},
    [LINK_FAULT_SIGNATURE] = {"link data signature", NULL},
    [LINK_FAULT_OWNER_IS_ROOT] = {"owner key for ID ", " matches root key"},
    [LINK_FAULT_OWNER_TWICE] = {"duplicate owner key or ID ", ""},
    [LINK_FAULT_OWNER_UNAUTHORIZED] = {"invalid authorization of owner ID ", ""},
    [LINK_FAULT_USER_SIGNATURE] = {"user data signature", NULL},
    [LINK_FAULT_ADDRESS] = {"different address", NULL},
};

void write_link_fault(struct writer *writer, const struct link_check *check) {
    write_text(writer, fault_texts[check->fault].before);
    if (fault_texts[check->fault].after == NULL)
        return;
    write_base64(writer, check->owner_id, BASE64_URL_UNPADDED);
    write_text(writer, fault_texts[check->fault].after);
}
