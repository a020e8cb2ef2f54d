/* SPDX-License-Identifier: MIT */
/* Loss, its terms, learning rate and gradient norm over the epochs. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "task/picture.h"

/*
 * The baseline of the part that the loss curves show beside training: a picture compares figures of
 * one part only. Its loss is NaN where that is not known. 1: interrupted.
 */
static int baseline_of(const struct picture_of *of, struct task_baseline *baseline,
                       struct error *err)
{
    size_t count;
    const struct task_class *class = of->result->class;
    const uint32_t *start = dataset_windows(of->result->e->data, PART_VALIDATION, &count);
    *baseline = class->baseline(of->result);
    if (of->part != (count ? PART_VALIDATION : PART_TRAIN))
        baseline->loss = NAN;
    if (!count || of->part == PART_VALIDATION)
        return 0;
    struct task_result r;
    int ended = task_evaluate(&r, class, of->result->e, start, count, of->to->log, err);
    if (ended)
        return ended;
    baseline->loss = class->baseline(&r).loss;
    task_release(&r);
    return 0;
}

/* "Name term SYMBOL" into `title`, and "SYMBOL: what it is. " behind what is in `note`. */
static void name_term(const struct term *term, char title[96], char *note, size_t size)
{
    size_t used = strlen(note);
    snprintf(title, 96, "%s term %s", term->name, term->symbol ? term->symbol : "");
    title[0] = (char)toupper((unsigned char)title[0]);
    if (term->what)
        snprintf(note + used, size - used, "%s: %s. ", term_label(term), term->what);
}

/* The history by columns, [columns, epochs], which the caller frees; NULL without memory. */
static double *transposed(const struct progress *p, const struct history_columns *columns)
{
    double *to = malloc((p->epochs * columns->count + 1) * sizeof *to);
    for (size_t c = 0; to && c < columns->count; c++)
        for (size_t i = 0; i < p->epochs; i++)
            to[c * p->epochs + i] = *history_figure(&p->history[i], &columns->column[c]);
    return to;
}

static int loss_curves_draw(const struct picture_of *of, const char *path, struct error *err)
{
    const struct progress *p = of->progress;
    struct task_baseline baseline;
    int ended = baseline_of(of, &baseline, err);
    if (ended)
        return ended;
    const struct terms terms = model_terms(of->result->e->config);
    const struct history_columns columns = history_columns(&terms);
    struct plot_term term[TERMS_MOST];
    char title[TERMS_MOST][96], note[384] = "";
    double *column = transposed(p, &columns);
    int result = -1, several = terms.count > 1;
    size_t n = p->epochs, k = terms.count;
    if (column) {
        for (size_t i = 0; several && i < k; i++) {
            name_term(&terms.term[i], title[i], note, sizeof note);
            term[i] = (struct plot_term){title[i], column + (2 + i) * n, column + (3 + k + i) * n};
        }
        struct plot_losses losses = {.epochs = n,
                                     .epoch = column,
                                     .train_loss = column + n,
                                     .val_loss = column + (2 + k) * n,
                                     .term = term,
                                     .terms = several ? k : 0,
                                     .lr = column + (3 + 2 * k) * n,
                                     .grad_mean = column + (4 + 2 * k) * n,
                                     .grad_max = column + (5 + 2 * k) * n,
                                     .baseline = baseline.loss,
                                     .naive = isfinite(baseline.loss) ? baseline.name : NULL,
                                     .dashed = baseline.dashed,
                                     .note = note,
                                     .best = p->best_epoch,
                                     .name = several ? NULL : terms.term[0].name};
        result = plot_loss_curves(path, &of->about, &losses, err);
    } else
        error_set(err, STATUS_FAILED, "out of memory");
    free(column);
    return result;
}

const struct picture picture_loss_curves = {.draw = loss_curves_draw};
