/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* From a part to the whole: the object that a field is embedded in, and objects that begin with another. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The `type` whose `member` is at `pointer`. The compiler checks that it points to what the member is. */
#define owner_of(pointer, type, member)                                                                                \
    ({                                                                                                                 \
        _Static_assert(                                                                                                \
            __builtin_types_compatible_p(__typeof__(*(pointer)), __typeof__(((type *)(uintptr_t)(pointer))->member)),  \
            "the pointer is not to such a member");                                                                    \
        (type *)((uintptr_t)(pointer)-offsetof(type, member));                                                         \
    })

/* First in a struct: it has all fields of `struct kind` as if they were its own, and `base`, for functions that take
 * that. owner_of(pointer, type, base) leads back. */
#define EXTENDS(kind)                                                                                                  \
    union {                                                                                                            \
        struct kind base;                                                                                              \
        struct kind;                                                                                                   \
    }
