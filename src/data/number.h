/* SPDX-License-Identifier: MIT */
/*
 * number: the grammar of decimal numbers, for csv_parse_number() and for rows. Inline, since
 * reading a large file is mostly this. It owns nothing.
 */
#ifndef DATA_NUMBER_H
#define DATA_NUMBER_H

#include <endian.h>
#include <float.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline int number_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/*
 * The digits that eight bytes begin with: how many, and their value. A byte less '0' is a digit if
 * 0x76 can be added to it below 0x80; then tens, hundreds and ten thousands are put together in
 * three multiplications (Lemire, "Quickly parsing eight digits", 2018).
 */
static inline unsigned number_eight(const char *p, uint64_t *value)
{
    uint64_t t;
    memcpy(&t, p, sizeof t);
    t = le64toh(t) ^ UINT64_C(0x3030303030303030);
    uint64_t odd = (t | (t + UINT64_C(0x7676767676767676))) & UINT64_C(0x8080808080808080);
    unsigned count = odd ? (unsigned)__builtin_ctzll(odd) / 8 : 8, half = 4 * (8 - count);
    t = t << half << half; /* zeros in front of the digits, nothing behind them */
    t = t * 10 + (t >> 8);
    *value = ((t & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
              (t >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
             32;
    return count;
}

/* Appends the digits at p to the decimal number m, modulo 2^64, and returns what is behind them. */
static inline const char *number_digits(const char *p, const char *limit, uint64_t *m)
{
    static const uint64_t power[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    while (limit - p >= 8) {
        uint64_t value;
        unsigned count = number_eight(p, &value);
        *m = *m * power[count] + value;
        p += count;
        if (count < 8)
            return p;
    }
    for (; number_is_digit(*p); p++)
        *m = *m * 10 + (uint64_t)(*p - '0');
    return p;
}

/* The exponent behind an "e", added to *exponent; NULL if there are no digits. */
static inline const char *number_exponent(const char *p, long *exponent)
{
    long sign = *p == '-' ? -1 : 1, value = 0;
    p += *p == '-' || *p == '+';
    if (!number_is_digit(*p))
        return NULL;
    for (; number_is_digit(*p); p++)
        value = value < 100000 ? value * 10 + (*p - '0') : value;
    *exponent += sign * value;
    return p;
}

/*
 * The decimal number with an optional exponent that text begins with: returns what is behind it,
 * NULL if there is none. Some byte of the text must be no part of a number; bytes before `limit`
 * may be read, whatever they are.
 *
 * A mantissa of at most 2^53 and a power of ten of at most 10^22 are both exact in a double, so one
 * multiplication or division gives the correctly rounded result (Clinger, "How to read floating
 * point numbers accurately", 1990): then *exact is 1 and *x the number. Others are for strtod().
 */
static inline const char *number_scan(const char *text, const char *limit, double *x, int *exact)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *p = text;
    int negative = *p == '-';
    p += negative || *p == '+';
    const char *begin = p;
    uint64_t m = 0; /* right for 19 digits */
    long exponent = 0;
    p = number_digits(p, limit, &m);
    ptrdiff_t digits = p - begin;
    if (*p == '.') {
        begin = ++p;
        p = number_digits(p, limit, &m);
        digits += p - begin;
        exponent = (long)(begin - p);
    }
    if (!digits)
        return NULL;
    if ((*p == 'e' || *p == 'E') && !(p = number_exponent(p + 1, &exponent)))
        return NULL;
    *exact = FLT_EVAL_METHOD == 0 && digits <= 19 && m <= (uint64_t)1 << 53 && exponent >= -22 &&
             exponent <= 22;
    if (*exact) {
        double size = exponent < 0 ? (double)m / power[-exponent] : (double)m * power[exponent];
        *x = negative ? -size : size;
    }
    return p;
}

#endif
