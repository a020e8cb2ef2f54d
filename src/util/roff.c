/* SPDX-License-Identifier: MIT */
#include "util/roff.h"

#include <string.h>

/* Column at which lines of markup are broken. */
#define WIDTH 72

/* What groff(7) would take for markup, or turn into typography that cannot be pasted. */
static const char *escape(char c)
{
    switch (c) {
    case '\\':
        return "\\e";
    case '-':
        return "\\-";
    case '\'':
        return "\\(aq";
    case '"':
        return "\\(dq";
    case '`':
        return "\\(ga";
    case '^':
        return "\\(ha";
    case '~':
        return "\\(ti";
    default:
        return NULL;
    }
}

void roff_text(const char *text, size_t length, FILE *out)
{
    for (size_t i = 0; i < length; i++) {
        const char *escaped = escape(text[i]);
        if (escaped)
            fputs(escaped, out);
        else
            putc(text[i], out);
    }
}

void roff_paragraph(const char *text, FILE *out)
{
    for (size_t column = 0; *text; text += strspn(text, " ")) {
        size_t n = strcspn(text, " ");
        if (column && column + 1 + n > WIDTH) {
            putc('\n', out);
            column = 0;
        }
        if (column)
            putc(' ', out);
        else if (*text == '.')
            fputs("\\&", out);
        roff_text(text, n, out);
        column += n + (column > 0);
        text += n;
    }
    putc('\n', out);
}
