/* SPDX-License-Identifier: MIT */
#include "train/collapse.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text/utf8.h"

#define SHOWN 160 /* bytes of a caption */

int collapse_judge(struct collapse *collapse, const struct collapse_figures *f)
{
    const int was = collapse->below;
    if (isnan(f->distinct))
        return 0;
    collapse->below = f->distinct < COLLAPSE_BELOW && !(f->distinct >= f->references);
    return collapse->below && !was;
}

/* A caption in one line, cut between two characters. */
static void show(const char *caption, char to[SHOWN])
{
    static const char more[] = "...";
    const size_t size = strlen(caption), room = SHOWN - sizeof more;
    size_t used = 0;
    uint32_t point;
    for (size_t i = 0, n; i < size; i += n) {
        n = utf8_read(caption + i, size - i, &point);
        const int is_plain = n && point >= 0x20 && (point < 0x7f || point >= 0xa0);
        if (used + (is_plain ? n : 1) > room) {
            memcpy(to + used, more, sizeof more);
            return;
        }
        if (is_plain)
            memcpy(to + used, caption + i, n);
        else
            to[used] = '?';
        used += is_plain ? n : 1;
        n += !n;
    }
    to[used] = 0;
}

void collapse_words(const struct collapse_figures *f, char text[COLLAPSE_TEXT])
{
    char caption[SHOWN], references[64] = "";
    show(f->caption, caption);
    if (isfinite(f->references))
        snprintf(references, sizeof references, " (of the references %.0f)",
                 f->references * (double)f->count);
    snprintf(text, COLLAPSE_TEXT,
             "captions collapse: %.0f of %zu are different%s, and %zu are '%s'",
             f->distinct * (double)f->count, f->count, references, f->frequent, caption);
}
