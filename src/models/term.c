/* SPDX-License-Identifier: MIT */
#include "models/term.h"

const char *term_label(const struct term *term)
{
    return term->symbol ? term->symbol : term->name;
}

const struct term *terms_by_batch(const struct terms *terms)
{
    for (size_t k = 0; k < terms->count; k++)
        if (terms->term[k].over == TERM_BATCHES || terms->term[k].over == TERM_WHOLE)
            return &terms->term[k];
    return NULL;
}

int terms_fix_batch(const struct terms *terms)
{
    for (size_t k = 0; k < terms->count; k++)
        if (terms->term[k].over == TERM_BATCHES)
            return 1;
    return 0;
}
