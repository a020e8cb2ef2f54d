/* SPDX-License-Identifier: MIT */
#include "train/collapse.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text/utf8.h"

#define SHOWN 160 /* bytes of a caption */

int collapse_number(const struct collapse *c)
{
    return c->told | c->fine << 1 | c->stale << 3 | c->most << 6;
}

struct collapse collapse_of(int number)
{
    const struct collapse c = {number & 1, number >> 1 & 3, number >> 3 & 7, number >> 6};
    return number < 0 || c.fine > 2 || c.most > 1000 ? (struct collapse){0} : c;
}

int collapse_is_below(const struct collapse_figures *f)
{
    return f->distinct < COLLAPSE_BELOW && !(f->distinct >= f->references);
}

/* Another evaluation at which they are nearly all the same; the first is where a rise begins. */
static void go_on(struct collapse *c, double distinct, int warms)
{
    const int now = 1 + (int)(999 * distinct);
    const int rises = !c->most || now >= c->most + (int)(1000 * COLLAPSE_RISE);
    if (rises)
        c->most = now;
    c->stale = rises || warms ? 0 : c->stale + (c->stale < COLLAPSE_PATIENCE);
}

int collapse_judge(struct collapse *c, const struct collapse_figures *f, int warms)
{
    if (isnan(f->distinct))
        return 0;
    if (!collapse_is_below(f)) {
        *c = (struct collapse){.fine = c->most ? 1 : c->fine + (c->fine < 2)};
        return 0;
    }
    go_on(c, f->distinct, warms);
    if (c->told || c->stale < (c->fine == 2 ? 1 : COLLAPSE_PATIENCE))
        return 0;
    return c->told = 1;
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
