/* SPDX-License-Identifier: MIT */
#include "report/html.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "text/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Whether both XML 1.0 and HTML take it as it is. */
static int is_allowed(uint32_t code)
{
    if (code < 0x20)
        return code == '\t' || code == '\n';
    return (code < 0x7f || code > 0x9f) && (code < 0xfdd0 || code > 0xfdef) &&
           (code & 0xfffe) != 0xfffe;
}

static const char *entity(uint32_t code)
{
    switch (code) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void html_put(const char *bytes, size_t size, FILE *out)
{
    for (size_t at = 0; at < size;) {
        uint32_t code = 0;
        size_t n = utf8_read(bytes + at, size - at, &code);
        const char *as = n ? entity(code) : NULL;
        if (as)
            fputs(as, out);
        else if (!n || !is_allowed(code))
            fputs(code == '\r' ? "" : REPLACEMENT, out);
        else
            fwrite(bytes + at, 1, n, out);
        at += n ? n : utf8_broken(bytes + at, size - at);
    }
}

void html_text(const char *text, FILE *out)
{
    html_put(text, strlen(text), out);
}

void html_print(FILE *out, const char *format, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    html_text(text, out);
}

void html_data(const char *type, const unsigned char *bytes, size_t size, FILE *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    fprintf(out, "data:%s;base64,", type);
    for (size_t i = 0; i < size; i += 3) {
        const size_t n = size - i;
        const uint32_t word = (uint32_t)bytes[i] << 16 | (n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                              (n > 2 ? bytes[i + 2] : 0);
        putc(digits[word >> 18], out);
        putc(digits[word >> 12 & 63], out);
        putc(n > 1 ? digits[word >> 6 & 63] : '=', out);
        putc(n > 2 ? digits[word & 63] : '=', out);
    }
}

struct html_number html_number(double x)
{
    struct html_number n = {"-"};
    if (isfinite(x) && x == floor(x) && fabs(x) < 1e6)
        snprintf(n.text, sizeof n.text, "%.0f", x);
    else if (isfinite(x))
        snprintf(n.text, sizeof n.text, "%.6g", x);
    return n;
}

struct html_number html_count(double x)
{
    struct html_number n = {"-"};
    char plain[32];
    if (!(x >= 0 && x < 1e15))
        return n;
    snprintf(plain, sizeof plain, "%.0f", x);
    char *to = n.text;
    for (const char *p = plain; *p; p++) {
        *to++ = *p;
        if (p[1] && strlen(p + 1) % 3 == 0)
            *to++ = ',';
    }
    *to = 0;
    return n;
}

struct html_number html_time(double seconds)
{
    struct html_number n = {"-"};
    if (!(seconds >= 0 && seconds < 1e12))
        return n;
    const double whole = floor(seconds + 0.5);
    if (seconds < 10)
        snprintf(n.text, sizeof n.text, "%.2g s", seconds);
    else if (whole < 60)
        snprintf(n.text, sizeof n.text, "%.0f s", whole);
    else if (whole < 3600)
        snprintf(n.text, sizeof n.text, "%.0f min %.0f s", floor(whole / 60), fmod(whole, 60));
    else if (whole < 86400)
        snprintf(n.text, sizeof n.text, "%.0f h %.0f min", floor(whole / 3600),
                 floor(fmod(whole, 3600) / 60));
    else
        snprintf(n.text, sizeof n.text, "%.0f d %.0f h", floor(whole / 86400),
                 floor(fmod(whole, 86400) / 3600));
    return n;
}

struct html_number html_bytes(double bytes)
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    struct html_number n = {"-"};
    size_t i = 0;
    if (!(bytes >= 0))
        return n;
    for (; bytes >= 1024 && i + 1 < sizeof unit / sizeof *unit; i++)
        bytes /= 1024;
    snprintf(n.text, sizeof n.text, i ? "%.1f %s" : "%.0f %s", bytes, unit[i]);
    return n;
}
