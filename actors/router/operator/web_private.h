/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests of the web on their way from a receive lane to the role and back. */
#pragma once

#include <stdatomic.h>

#include "actors/router/operator/web.h"
#include "actors/runtime/actor.h"

struct web {
    struct web_options options; /* without texts */
    char *root;                 /* canonical; NULL: no pages */
    char *monitor_address;
    struct actor *actor;
    struct http_service pages, health;
    struct listener *listeners[WEB_PORTS]; /* whoever opens them */
    _Atomic uint32_t pending;
    _Atomic uint64_t bytes; /* of answers that are in memory */
};

enum web_kind { WEB_PAGE, WEB_METRICS };

/* What is to be answered. Texts are constant. */
struct web_answer {
    unsigned status;
    const char *type;
    struct text_buffer body;
    bool is_private; /* not to be kept by caches */
};

struct web_request {
    struct message message;      /* to the role; it owns the request then, until it posts the task */
    struct connection_task task; /* back to the lane */
    struct web *web;
    struct http_exchange *exchange;
    enum web_kind kind;
    bool is_head;
    struct web_answer answer;
    size_t sent;
    bool is_over; /* the lane's */
    char path[WEB_PATH_MAX];
};

/* web_page.c: finds and reads the file that `path`, as it stands in a request, means. Blocks for the disk. */
void web_read_page(const struct web *web, const char *path, struct web_answer *answer);
/* The file below `root` that `path` means; false: none. `file` has PATH_MAX bytes. */
bool web_find_file(const char *root, const char *path, char *file);
const char *web_type_of(const char *file);
/* A page that says what is wrong. */
void web_write_fault(unsigned status, const char *text, struct web_answer *answer);
