/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A header block being received. Blocks of one connection come one after another, so that one of these is enough; it
 * holds memory only while a block is under way. */
#pragma once

#include "transport/http2/http2.h"

/* Where a field lies in the bytes gathered. */
struct head_place {
    uint16_t name, name_length, value, value_length;
};

struct head_gathering {
    int32_t stream; /* 0: none under way */
    bool is_kept;   /* false: only counted, as trailers are */
    size_t count;
    size_t length;
    size_t capacity;
    uint8_t *bytes;
    struct head_place *places;
};

void head_begin(struct head_gathering *gathering, int32_t stream, bool is_kept);
/* SMQ_ERR_TOO_LARGE: more fields, or longer ones, than a head may have. SMQ_ERR_NO_MEMORY. */
enum smq_result head_add(struct head_gathering *gathering, struct slice name, struct slice value);
/* The head of what was gathered; `fields` has room for HTTP2_FIELDS_MAX. Slices point into the gathering. */
void head_finish(const struct head_gathering *gathering, struct http2_field *fields, struct http2_head *head);
/* Frees what it holds; nothing is under way any more. */
void head_end(struct head_gathering *gathering);
