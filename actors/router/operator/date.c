/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "actors/router/operator/date.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const int64_t SECOND_NS = 1000000000;

int64_t date_day(int64_t second) {
    int64_t day = second / DATE_DAY_S;
    return second % DATE_DAY_S < 0 ? day - 1 : day;
}

/* ".528011988" without the zeros at its end; "" for 0. */
static void write_fraction(int64_t ns, char text[16]) {
    (void)snprintf(text, 16, ".%09lld", (long long)ns);
    size_t length = strlen(text);
    while (length > 1 && text[length - 1] == '0')
        length--;
    text[length == 1 ? 0 : length] = 0;
}

void date_write(int64_t ns, enum date_form form, char text[DATE_TEXT_SIZE]) {
    int64_t fraction_ns = ns % SECOND_NS < 0 ? ns % SECOND_NS + SECOND_NS : ns % SECOND_NS;
    time_t second = (time_t)((ns - fraction_ns) / SECOND_NS);
    struct tm date;
    char day[16], hour[16], fraction[16];
    if (gmtime_r(&second, &date) == NULL)
        memset(&date, 0, sizeof date);
    (void)strftime(day, sizeof day, "%Y-%m-%d", &date);
    (void)strftime(hour, sizeof hour, "%H:%M:%S", &date);
    write_fraction(fraction_ns, fraction);
    if (form == DATE_DAY)
        (void)snprintf(text, DATE_TEXT_SIZE, "%s", day);
    else
        (void)snprintf(text, DATE_TEXT_SIZE, form == DATE_ISO ? "%s%c%s%sZ" : "%s%c%s%s UTC", day,
                       form == DATE_ISO ? 'T' : ' ', hour, fraction);
}

/* The digits after the point, of any number, as nanoseconds; `*rest` follows them. */
static int64_t read_fraction(const char *digits, const char **rest) {
    int64_t ns = 0, unit = SECOND_NS / 10;
    for (; *digits >= '0' && *digits <= '9'; digits++, unit /= 10)
        ns += (*digits - '0') * unit;
    *rest = digits;
    return ns;
}

enum smq_result date_read(struct slice text, int64_t *ns) {
    char copy[DATE_TEXT_SIZE];
    struct tm date = {0};
    int64_t fraction = 0;
    if (text.length >= sizeof copy)
        return SMQ_ERR_SYNTAX;
    memcpy(copy, text.bytes, text.length);
    copy[text.length] = 0;
    const char *rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &date);
    if (rest != NULL && *rest == '.')
        fraction = read_fraction(rest + 1, &rest);
    if (rest == NULL || strcmp(rest, "Z") != 0)
        return SMQ_ERR_SYNTAX;
    *ns = (int64_t)timegm(&date) * SECOND_NS + fraction;
    return SMQ_OK;
}

bool date_week_began(int64_t from, int64_t to) {
    /* 1970-01-01 was a Thursday: Mondays are the days 4, 11, ... */
    return to > from && from >= 0 && (to + 3) / 7 != (from + 3) / 7;
}

static int month_of(int64_t day) {
    time_t second = (time_t)(day * DATE_DAY_S);
    struct tm date;
    return gmtime_r(&second, &date) == NULL ? 0 : date.tm_year * 12 + date.tm_mon;
}

bool date_month_began(int64_t from, int64_t to) {
    return to > from && month_of(to) != month_of(from);
}
