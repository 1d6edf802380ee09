/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Hand-over points told to ThreadSanitizer, which cannot see the atomics inside Debian's liburcu. Nothing in other
 * builds. */
#pragma once

#include <stdint.h>

#if defined(__SANITIZE_THREAD__)
#define SANITIZER_THREAD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SANITIZER_THREAD 1
#endif
#endif

#ifdef SANITIZER_THREAD
void __tsan_acquire(void *address);
void __tsan_release(void *address);
/* What this thread did so far happens before everything after a later SANITIZER_ACQUIRE of the same address. */
#define SANITIZER_RELEASE(address) __tsan_release((void *)(uintptr_t)(address))
#define SANITIZER_ACQUIRE(address) __tsan_acquire((void *)(uintptr_t)(address))
#else
#define SANITIZER_RELEASE(address) ((void)0)
#define SANITIZER_ACQUIRE(address) ((void)0)
#endif
