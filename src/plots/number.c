/* SPDX-License-Identifier: MIT */
#include "plots/number.h"

#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void print_plain(char *out, size_t size, const char *format, va_list ap)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = plain ? uselocale(plain) : (locale_t)0;
    vsnprintf(out, size, format, ap);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
}

void number_print(char *out, size_t size, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    print_plain(out, size, format, ap);
    va_end(ap);
}

void number_signed(char *out, size_t size, const char *format, ...)
{
    static const char minus[] = "\u2212";
    char plain[128];
    va_list ap;
    va_start(ap, format);
    print_plain(plain, sizeof plain, format, ap);
    va_end(ap);
    size_t used = 0;
    for (const char *s = plain; *s; s++) {
        size_t n = *s == '-' ? sizeof minus - 1 : 1;
        if (used + n >= size)
            break;
        memcpy(out + used, *s == '-' ? minus : s, n);
        used += n;
    }
    out[used] = 0;
}

void number_count(char *out, size_t size, uint64_t count)
{
    char digits[24];
    size_t n = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count), used = 0;
    for (size_t i = 0; i < n && used + 2 < size; i++) {
        if (i && (n - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = 0;
}
