/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Days are counted in years that begin on 1 March, so that the leap day is a year's last day and
 * the months' starts follow one straight line: month m (0: March) begins on day (153 m + 2) / 5.
 */
#include "base/date.h"

#define DAY_SECONDS 86400

/* Days of 400, 100 and 4 years, and of one. */
#define DAYS_400    146097
#define DAYS_100    36524
#define DAYS_4      1461
#define DAYS_1      365

#define EPOCH_DAYS  719468 /* from 0000-03-01 to 1970-01-01 */

#define SECONDS_MIN INT64_C(-62167219200) /* 0000-01-01 00:00:00 */
#define SECONDS_MAX INT64_C(253402300799) /* 9999-12-31 23:59:59 */

struct date {
    int year, month, day; /* month 1..12, day 1..31 */
    int hour, minute, second;
};

static const char month_names[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char day_names[7][10] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday" };

static int64_t days_from_date(int year, int month, int day)
{
    /* January and February belong to the year before; + 400 years keeps all terms positive. */
    int64_t y = (int64_t)year + 400 - (month <= 2);
    int64_t m = month > 2 ? month - 3 : month + 9;

    return y * DAYS_1 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - DAYS_400 -
           EPOCH_DAYS;
}

static struct date date_from_days(int64_t days)
{
    int64_t n = days + EPOCH_DAYS + DAYS_400; /* from 1 March of the year -400 */
    int64_t year = -400 + n / DAYS_400 * 400;

    n %= DAYS_400;
    int64_t centuries = n / DAYS_100 < 3 ? n / DAYS_100 : 3; /* the last one has a leap day more */
    n -= centuries * DAYS_100;
    int64_t fours = n / DAYS_4;
    n -= fours * DAYS_4;
    int64_t ones = n / DAYS_1 < 3 ? n / DAYS_1 : 3;
    n -= ones * DAYS_1;
    int64_t m = (5 * n + 2) / 153;

    return (struct date){
        .year = (int)(year + centuries * 100 + fours * 4 + ones + (m >= 10)),
        .month = (int)(m < 10 ? m + 3 : m - 9),
        .day = (int)(n - (153 * m + 2) / 5 + 1),
    };
}

static char *put_digits(char *out, int value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + digits;
}

static char *put_text(char *out, const char *text, size_t len)
{
    memcpy(out, text, len);
    return out + len;
}

void date_format(int64_t seconds, char out[DATE_TEXT_BYTES])
{
    if (seconds < SECONDS_MIN)
        seconds = SECONDS_MIN;
    if (seconds > SECONDS_MAX)
        seconds = SECONDS_MAX;

    int64_t days = seconds / DAY_SECONDS - (seconds % DAY_SECONDS < 0);
    int second = (int)(seconds - days * DAY_SECONDS);
    int week_day = (int)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    struct date d = date_from_days(days);

    out = put_text(out, day_names[week_day], 3);
    out = put_digits(put_text(out, ", ", 2), d.day, 2);
    out = put_text(put_text(out, " ", 1), month_names[d.month - 1], 3);
    out = put_digits(put_text(out, " ", 1), d.year, 4);
    out = put_digits(put_text(out, " ", 1), second / 3600, 2);
    out = put_digits(put_text(out, ":", 1), second / 60 % 60, 2);
    out = put_digits(put_text(out, ":", 1), second % 60, 2);
    put_text(out, " GMT", 4);
}

/* ---- reading: each step takes its part off the front of the text, or fails ---- */

static bool take(struct text *t, const char *expected)
{
    size_t len = strlen(expected);

    if (t->len < len || memcmp(t->at, expected, len) != 0)
        return false;
    *t = text_skip(*t, len);
    return true;
}

static bool take_digits(struct text *t, unsigned digits, int *value)
{
    if (t->len < digits)
        return false;
    *value = 0;
    for (unsigned i = 0; i < digits; i++) {
        if (t->at[i] < '0' || t->at[i] > '9')
            return false;
        *value = *value * 10 + (t->at[i] - '0');
    }
    *t = text_skip(*t, digits);
    return true;
}

static bool take_month(struct text *t, int *month)
{
    for (*month = 1; *month <= 12; ++*month)
        if (take(t, month_names[*month - 1]))
            return true;
    return false;
}

/* The day's name, whole or its first three letters. */
static bool take_day_name(struct text *t, bool whole)
{
    for (unsigned i = 0; i < 7; i++) {
        size_t len = whole ? strlen(day_names[i]) : 3;
        if (t->len >= len && memcmp(t->at, day_names[i], len) == 0) {
            *t = text_skip(*t, len);
            return true;
        }
    }
    return false;
}

static bool take_time(struct text *t, struct date *d)
{
    return take_digits(t, 2, &d->hour) && take(t, ":") && take_digits(t, 2, &d->minute) &&
           take(t, ":") && take_digits(t, 2, &d->second);
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool parse_imf(struct text t, struct date *d)
{
    return take_day_name(&t, false) && take(&t, ", ") && take_digits(&t, 2, &d->day) &&
           take(&t, " ") && take_month(&t, &d->month) && take(&t, " ") &&
           take_digits(&t, 4, &d->year) && take(&t, " ") && take_time(&t, d) && take(&t, " GMT") &&
           t.len == 0;
}

/* Sunday, 06-Nov-94 08:49:37 GMT; leaves the year 0..99 */
static bool parse_rfc850(struct text t, struct date *d)
{
    return take_day_name(&t, true) && take(&t, ", ") && take_digits(&t, 2, &d->day) &&
           take(&t, "-") && take_month(&t, &d->month) && take(&t, "-") &&
           take_digits(&t, 2, &d->year) && take(&t, " ") && take_time(&t, d) && take(&t, " GMT") &&
           t.len == 0;
}

/* Sun Nov  6 08:49:37 1994 */
static bool parse_asctime(struct text t, struct date *d)
{
    return take_day_name(&t, false) && take(&t, " ") && take_month(&t, &d->month) &&
           take(&t, " ") &&
           (take(&t, " ") ? take_digits(&t, 1, &d->day) : take_digits(&t, 2, &d->day)) &&
           take(&t, " ") && take_time(&t, d) && take(&t, " ") && take_digits(&t, 4, &d->year) &&
           t.len == 0;
}

static bool date_valid(const struct date *d)
{
    static const int month_days[12] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = d->year % 4 == 0 && (d->year % 100 != 0 || d->year % 400 == 0);

    /* 60: a leap second (RFC 9110 section 5.6.7). */
    return d->day >= 1 && d->day <= month_days[d->month - 1] &&
           (d->month != 2 || d->day <= 28 || leap) && d->hour < 24 && d->minute < 60 &&
           d->second <= 60;
}

bool date_parse(struct text text, int64_t now, int64_t *seconds)
{
    struct date d = { 0 };

    if (parse_rfc850(text, &d)) {
        /* More than 50 years ahead means the past (RFC 9110 section 5.6.7). */
        int64_t days = now / DAY_SECONDS - (now % DAY_SECONDS < 0);
        int this_year = date_from_days(days).year;
        d.year += this_year - this_year % 100;
        if (d.year > this_year + 50)
            d.year -= 100;
        else if (d.year <= this_year - 50)
            d.year += 100;
    } else if (!parse_imf(text, &d) && !parse_asctime(text, &d)) {
        return false;
    }
    if (!date_valid(&d))
        return false;
    *seconds = days_from_date(d.year, d.month, d.day) * DAY_SECONDS + d.hour * 3600 +
               d.minute * 60 + d.second;
    return true;
}
