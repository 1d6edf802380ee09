/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rows of settings in short. A file of rows defines FIELD(name), the offset in the struct that its rows are for; what
 * follows the comment are further fields of struct ini_row. */
#pragma once

#include "bin/common/ini.h"

#define TEXT_ROW(key_, field_, comment_, ...)                                                                          \
    { .key = key_, .type = INI_TEXT, .offset = FIELD(field_), .comment = comment_, __VA_ARGS__ }
#define SECRET_ROW(key_, field_, comment_, ...)                                                                        \
    { .key = key_, .type = INI_SECRET, .offset = FIELD(field_), .comment = comment_, __VA_ARGS__ }
#define SWITCH_ROW(key_, field_, initial_, comment_, ...)                                                              \
    { .key = key_, .type = INI_SWITCH, .offset = FIELD(field_), .initial = initial_, .comment = comment_, __VA_ARGS__ }
#define NUMBER_ROW(key_, field_, initial_, minimum_, maximum_, comment_, ...)                                          \
    {                                                                                                                  \
        .key = key_, .type = INI_NUMBER, .offset = FIELD(field_), .initial = initial_, .minimum = minimum_,            \
        .maximum = maximum_, .comment = comment_, __VA_ARGS__                                                          \
    }
#define SIZE_ROW(key_, field_, initial_, minimum_, maximum_, comment_, ...)                                            \
    {                                                                                                                  \
        .key = key_, .type = INI_SIZE, .offset = FIELD(field_), .initial = initial_, .minimum = minimum_,              \
        .maximum = maximum_, .comment = comment_, __VA_ARGS__                                                          \
    }
#define CHOICE_ROW(key_, field_, initial_, choices_, comment_, ...)                                                    \
    {                                                                                                                  \
        .key = key_, .type = INI_CHOICE, .offset = FIELD(field_), .initial = initial_, .choices = choices_,            \
        .comment = comment_, __VA_ARGS__                                                                               \
    }
/* A key of the reference that means nothing here: checked, not stored. */
#define UNUSED_ROW(key_, type_, initial_, warning_, comment_, ...)                                                     \
    {                                                                                                                  \
        .key = key_, .type = type_, .offset = INI_NOT_STORED, .initial = initial_, .without_effect = warning_,         \
        .comment = comment_, __VA_ARGS__                                                                               \
    }

#define CHECKED(check_, accepted_) .check = check_, .accepted = accepted_
#define LIVE                       .live = true

#define SETTINGS_SECONDS_MAX INT64_C(3153600000) /* a hundred years */
