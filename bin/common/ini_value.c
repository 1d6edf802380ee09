/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Types of INI values: parsed, stored, compared, described. */
#include "bin/common/ini_value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool is_open_ended(const struct ini_row *row) {
    return row->minimum == 0 && row->maximum == 0;
}

/* A range whose end is that of its type tells nobody anything. */
static bool ends_far_away(const struct ini_row *row) {
    return is_open_ended(row) || row->maximum >= UINT32_MAX / 1000 * 1000;
}

static void describe_number(const struct ini_row *row, char *text, size_t size) {
    const char *units = row->type == INI_SIZE ? ", with K, M, G or T as you like" : "";
    if (ends_far_away(row) && row->type == INI_NUMBER)
        (void)snprintf(text, size, "a number from %" PRId64, row->minimum);
    else if (is_open_ended(row))
        (void)snprintf(text, size, "a number from 0%s", units);
    else
        (void)snprintf(text, size, "a number from %" PRId64 " to %" PRId64 "%s", row->minimum, row->maximum, units);
}

void ini_describe(const struct ini_row *row, char *text, size_t size) {
    size_t length = 0;
    switch (row->type) {
    case INI_SWITCH:
        (void)snprintf(text, size, "on or off");
        return;
    case INI_NUMBER:
    case INI_SIZE:
        describe_number(row, text, size);
        return;
    case INI_CHOICE:
        text[0] = '\0';
        for (size_t index = 0; row->choices[index] != NULL && length < size; index++)
            length +=
                (size_t)snprintf(text + length, size - length, "%s%s", index == 0 ? "" : " or ", row->choices[index]);
        return;
    default:
        (void)snprintf(text, size, "%s", row->accepted == NULL ? "some text" : row->accepted);
    }
}

/* The multiplier's power of two, and past it; -1 when there is none. */
static int read_unit(const char **text) {
    static const char units[] = "KMGT";
    const char *unit = **text == '\0' ? NULL : strchr(units, toupper((unsigned char)**text));
    if (unit == NULL)
        return -1;
    (*text)++;
    if (**text == 'b' || **text == 'B')
        (*text)++;
    return 10 * (int)(unit - units + 1);
}

static bool parse_number(const struct ini_row *row, const char *text, int64_t *out) {
    char *end = NULL;
    if (text[0] == '\0' || isspace((unsigned char)text[0]))
        return false;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text)
        return false;
    const char *rest = end;
    int shift = row->type == INI_SIZE ? read_unit(&rest) : -1;
    if (shift > 0) {
        if (number < 0 || number > (INT64_MAX >> shift))
            return false;
        number <<= shift;
    }
    if (*rest != '\0' || number < row->minimum || (!is_open_ended(row) && number > row->maximum))
        return false;
    *out = number;
    return true;
}

static bool parse_choice(const struct ini_row *row, const char *text, int *out) {
    for (int index = 0; row->choices[index] != NULL; index++) {
        if (strcmp(text, row->choices[index]) == 0) {
            *out = index;
            return true;
        }
    }
    return false;
}

bool ini_value_parse(const struct ini_row *row, const char *text, union ini_value *value) {
    switch (row->type) {
    case INI_SWITCH:
        value->flag = strcmp(text, "on") == 0;
        return value->flag || strcmp(text, "off") == 0;
    case INI_NUMBER:
    case INI_SIZE:
        return parse_number(row, text, &value->number);
    case INI_CHOICE:
        return parse_choice(row, text, &value->choice);
    default:
        value->text = text;
        return row->check == NULL || row->check(text);
    }
}

void ini_value_store(const struct ini_row *row, const union ini_value *value, void *field) {
    switch (row->type) {
    case INI_SWITCH:
        *(bool *)field = value->flag;
        return;
    case INI_NUMBER:
    case INI_SIZE:
        *(int64_t *)field = value->number;
        return;
    case INI_CHOICE:
        *(int *)field = value->choice;
        return;
    default:
        *(const char **)field = value->text;
    }
}

static bool same_text(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool ini_value_same(const struct ini_row *row, const void *a, const void *b) {
    switch (row->type) {
    case INI_SWITCH:
        return *(const bool *)a == *(const bool *)b;
    case INI_NUMBER:
    case INI_SIZE:
        return *(const int64_t *)a == *(const int64_t *)b;
    case INI_CHOICE:
        return *(const int *)a == *(const int *)b;
    default:
        return same_text(*(const char *const *)a, *(const char *const *)b);
    }
}

bool ini_accepts(const struct ini_row *row, const char *value) {
    union ini_value parsed;
    size_t length = strlen(value);
    for (size_t index = 0; index < length; index++)
        if ((unsigned char)value[index] < 0x20 || value[index] == 0x7f)
            return false;
    bool blank = length > 0 && (value[0] == ' ' || value[length - 1] == ' ');
    return !blank && ini_value_parse(row, value, &parsed);
}
