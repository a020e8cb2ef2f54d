/* SPDX-License-Identifier: MIT */
#include "known/known.h"

#include <math.h>
#include <string.h>

#include "known/case.h"
#include "known/pieces.h"
#include "util/now.h"

struct trying {
    known_taker *take;
    void *ctx;
};

static void take_piece(void *ctx, const struct known_piece *piece)
{
    const struct trying *t = ctx;
    const int has_failed = piece->err != NULL;
    const struct known_result r = {.family = piece->family,
                                   .what = piece->what,
                                   .apart = has_failed ? NAN : piece->apart,
                                   .allowed = piece->allowed,
                                   .seconds = piece->seconds,
                                   .is_right = !has_failed && piece->apart <= piece->allowed,
                                   .why = has_failed ? piece->err->text : NULL};
    t->take(t->ctx, &r);
}

static void try_case(struct device *dev, const struct known_case *of, struct trying *t)
{
    struct error err;
    struct known_piece piece = {
        .family = of->family, .what = of->what, .allowed = known_allowed(of)};
    const double before = now();
    piece.err = known_run(of, dev, &piece.apart, &err) ? &err : NULL;
    piece.seconds = now() - before;
    take_piece(t, &piece);
}

void known_try(struct device *dev, known_taker *take, void *ctx)
{
    struct trying t = {take, ctx};
    known_products(dev, take_piece, &t);
    for (size_t i = 0; i < known_case_count; i++)
        if (known_is_for(&known_cases[i], device_info(dev)))
            try_case(dev, &known_cases[i], &t);
    if (!device_info(dev)->tf32)
        known_update(dev, take_piece, &t);
}
