/* SPDX-License-Identifier: MIT */
#include "util/quoted.h"

#include <string.h>

void quoted_put(const char *text, const char *special, FILE *out)
{
    if (special && !strpbrk(text, special)) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', out);
        putc(*text, out);
    }
    putc('"', out);
}
