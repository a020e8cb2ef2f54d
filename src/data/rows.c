/* SPDX-License-Identifier: MIT */
#include "data/rows.h"

#include "data/instant.h"
#include "data/number.h"

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/*
 * Where an unquoted field ends, NULL if a quote or a NUL is in it. Bytes from '-' on, most of a
 * number's, are passed eight at a time: the lowest byte b with the top bit of (b - '-') & ~b set is
 * the first below '-' (Mycroft, 1987).
 */
static inline const char *pass_over(const char *p, const char *limit)
{
    for (;; p++) {
        while (limit - p >= 8) {
            uint64_t t;
            memcpy(&t, p, sizeof t);
            t = le64toh(t);
            t = (t - EACH('-')) & ~t & EACH(0x80);
            p += t ? __builtin_ctzll(t) / 8 : 8;
            if (t)
                break;
        }
        if (*p == ',' || *p == '\n')
            return p;
        if (!*p || *p == '"')
            return NULL;
    }
}

/* The time at p, which must be later than times[-1]. */
static inline const char *take_time(const struct rows_plan *plan, const char *p, const char *limit,
                                    int64_t *times)
{
    double x;
    int exact;
    if (plan->format == TIME_ISO8601)
        p = instant_scan(p, times);
    else if (!(p = number_scan(p, limit, &x, &exact)) || !exact ||
             instant_of_number(x, plan->format, times))
        return NULL;
    return p && times[0] > times[-1] ? p : NULL;
}

/* One line: returns the beginning of the next, NULL if this one is not plain. */
static inline const char *take_line(const struct rows_plan *plan, const char *p, const char *limit,
                                    size_t row)
{
    if (*p == '\n' || *p == '\r')
        return NULL;
    for (size_t i = 0; i < plan->columns; i++, p++) {
        int exact = 1;
        if (i == plan->time)
            p = take_time(plan, p, limit, &plan->times[row]);
        else if (plan->to[i])
            p = number_scan(p, limit, &plan->to[i][row], &exact);
        else
            p = pass_over(p, limit);
        if (!p || !exact)
            return NULL;
        if (*p == '\r' && i + 1 == plan->columns)
            p++;
        if (*p != (i + 1 == plan->columns ? '\n' : ','))
            return NULL;
    }
    return p;
}

const char *rows_take(const struct rows_plan *plan, const char *at, const char *stop, size_t *row,
                      size_t room)
{
    const char *limit = stop + CSV_BEHIND, *next;
    size_t i = *row;
    while (at < stop && i < room && (next = take_line(plan, at, limit, i))) {
        at = next;
        i++;
    }
    *row = i;
    return at;
}
