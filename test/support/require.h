/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* cmocka's assertion for helpers outside of the test function. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Fails the running test when `condition` does not hold. */
#define require(condition) assert_true(condition)
