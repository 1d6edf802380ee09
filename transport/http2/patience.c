/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "transport/http2/patience.h"

#include <nghttp2/nghttp2.h>

enum { SMALL_DATA = 256 };

static const uint16_t frame_costs[] = {
    [NGHTTP2_HEADERS] = 64,    [NGHTTP2_PRIORITY] = 256,      [NGHTTP2_RST_STREAM] = 1280,
    [NGHTTP2_SETTINGS] = 1280, [NGHTTP2_PUSH_PROMISE] = 1280, [NGHTTP2_PING] = 640,
    [NGHTTP2_GOAWAY] = 1280,   [NGHTTP2_WINDOW_UPDATE] = 256, [NGHTTP2_CONTINUATION] = 1280,
};

void patience_begin(struct patience *patience, uint64_t now) {
    patience->left = PATIENCE_MAX;
    patience->updated = now;
}

void patience_pass(struct patience *patience, uint64_t now) {
    if (now <= patience->updated)
        return;
    uint64_t passed = now - patience->updated;
    patience->updated = now;
    patience_earn(patience, passed < PATIENCE_MAX ? (size_t)passed * PATIENCE_PER_MS : PATIENCE_MAX);
}

void patience_earn(struct patience *patience, size_t amount) {
    patience->left += amount < PATIENCE_MAX ? (int64_t)amount : PATIENCE_MAX;
    if (patience->left > PATIENCE_MAX)
        patience->left = PATIENCE_MAX;
}

bool patience_spend(struct patience *patience, size_t amount) {
    patience->left -= (int64_t)amount;
    return patience->left >= 0;
}

size_t patience_frame_cost(uint8_t type, size_t payload, bool is_last) {
    if (type == NGHTTP2_DATA)
        return payload < SMALL_DATA && !is_last ? 128 : 0;
    return type < sizeof frame_costs / sizeof frame_costs[0] ? frame_costs[type] : 0;
}
