/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The role that answers what lanes cannot answer at once. */
#include "actors/router/operator/web_private.h"

#include <limits.h>
#include <stdlib.h>

#include "actors/router/operator/web_lane.h"
#include "actors/runtime/supervisor.h"
#include "queues/base/memory.h"

static void write_metrics(const struct web *web, struct web_answer *answer) {
    const struct web_options *options = &web->options;
    answer->is_private = true;
    if (options->write_metrics == NULL) {
        web_write_fault(404, "There are no metrics here.", answer);
    } else if (options->write_metrics(options->context, &answer->body) != SMQ_OK) {
        text_free(&answer->body);
        web_write_fault(500, "The metrics cannot be written now.", answer);
    } else {
        answer->status = 200;
        answer->type = "text/plain; version=0.0.4; charset=utf-8";
    }
}

static void receive(void *state, struct message *message) {
    struct web *web = state;
    struct web_request *request = caa_container_of(message, struct web_request, message);
    if (atomic_load(&web->bytes) >= WEB_BYTES_MAX)
        web_write_fault(503, "Too many requests: please come again.", &request->answer);
    else if (request->kind == WEB_METRICS)
        write_metrics(web, &request->answer);
    else
        web_read_page(web, request->path, &request->answer);
    atomic_fetch_add(&web->bytes, request->answer.body.length);
    web_request_return(request);
}

static const struct actor_ops web_ops = {.role = "web", .receive = receive};

static enum smq_result keep_texts(struct web *web, const struct web_options *options) {
    const char *address = options->ports.monitor_address == NULL ? "127.0.0.1" : options->ports.monitor_address;
    char path[PATH_MAX];
    if (options->static_path != NULL && realpath(options->static_path, path) == NULL)
        return SMQ_ERR_SYSTEM;
    web->options.static_path = web->options.ports.monitor_address = NULL;
    web->monitor_address = memory_copy_of_text(address);
    if (options->static_path != NULL)
        web->root = memory_copy_of_text(path);
    bool has_all = web->monitor_address != NULL && (web->root != NULL || options->static_path == NULL);
    return has_all ? SMQ_OK : SMQ_ERR_NO_MEMORY;
}

enum smq_result web_create(const struct web_options *options, struct web **web) {
    struct web *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->options = *options;
    web_lane_services(created);
    enum smq_result result = keep_texts(created, options);
    if (result == SMQ_OK)
        result = actor_create(&web_ops, created, -1, &created->actor);
    if (result != SMQ_OK) {
        web_destroy(&created);
        return result;
    }
    *web = created;
    return SMQ_OK;
}

enum smq_result web_start(struct web *web, struct supervisor *supervisor) {
    return supervisor_start_actor(supervisor, web->actor); /* which owns it from here on */
}

void web_destroy(struct web **web) {
    struct web *destroyed = *web;
    *web = NULL;
    if (destroyed == NULL)
        return;
    memory_free(destroyed->root);
    memory_free(destroyed->monitor_address);
    memory_free(destroyed);
}

const struct http_service *web_pages(const struct web *web) {
    return web->root == NULL ? NULL : &web->pages;
}

const struct http_service *web_health(const struct web *web) {
    return &web->health;
}
