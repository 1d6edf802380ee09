/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Values of an INI file by the type of their row. For ini.c alone. */
#pragma once

#include "bin/common/ini.h"

/* A value as its type has it. */
union ini_value {
    const char *text; /* INI_TEXT, INI_SECRET: the text that was parsed */
    bool flag;
    int64_t number;
    int choice;
};

/* False: not acceptable. */
bool ini_value_parse(const struct ini_row *row, const char *text, union ini_value *value);
/* Into the field of the row's type; and whether two fields hold the same. */
void ini_value_store(const struct ini_row *row, const union ini_value *value, void *field);
bool ini_value_same(const struct ini_row *row, const void *a, const void *b);
