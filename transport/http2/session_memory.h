/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The heap of one nghttp2 session: counted, limited, and without the frame buffer of 16 KB that each would hold while
 * idle. nghttp2 allocates that buffer once, when the session is created, as the only block of its size; it writes a
 * frame there, and has no use for it after nghttp2_session_mem_send has given the frame out. So sessions of one thread,
 * each of which copies at once what it is given, can share one. (A client's preface lies in it from the beginning:
 * clients do not share.) */
#pragma once

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    SESSION_BLOCK_MAX = 40960, /* at once: a header field can be declared long, and never come */
};

struct session_memory {
    size_t used;
    bool limit_reached; /* an allocation was refused because of a limit */
    bool is_creating;   /* the session is being created */
    void *shared;       /* stands for the frame buffer; NULL: the session has its own */
};

/* `memory` is borrowed for the session's life. */
nghttp2_mem session_memory_of(struct session_memory *memory);
