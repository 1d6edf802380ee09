/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Where the body of a message is kept. */
#pragma once

#include <stdint.h>

struct body_location {
    uint64_t segment;  /* 0: the body is with its record */
    uint32_t offset;   /* in the segment */
    uint64_t checksum; /* of the body and its sequence */
};
