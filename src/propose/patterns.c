/* SPDX-License-Identifier: MIT */
/* Patterns of windows by a transformer autoencoder. */
#include <stdlib.h>
#include <string.h>

#include "propose/kinds.h"

/* Never of its own: whoever wants patterns asks for them. */
int patterns_fits(const struct proposing *p)
{
    (void)p;
    return 0;
}

/* The columns of a candle, in its order; NULL: there is no whole one. */
static char *candle_columns(struct proposing *p)
{
    const struct column_kinds *k = &p->column;
    static const enum column_role roles[] = {ROLE_OPEN, ROLE_HIGH, ROLE_LOW, ROLE_CLOSE,
                                             ROLE_VOLUME};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    int whole = 1;
    if (!out) {
        draft_short(p->draft);
        return NULL;
    }
    for (size_t i = 0; i < sizeof roles / sizeof *roles && whole; i++) {
        const char *name = column_of_role(k, roles[i]);
        char *column = name ? column_expression(name) : NULL;
        whole = name || roles[i] == ROLE_VOLUME;
        if (name && !column)
            draft_short(p->draft);
        if (column)
            fprintf(out, "%s%s", i ? ", " : "", column);
        free(column);
    }
    if (fclose(out))
        draft_short(p->draft);
    else if (whole)
        return text;
    free(text);
    return NULL;
}

static void draft_model(struct proposing *p, size_t windows)
{
    const size_t categories = windows / 100 < 8 ? 8 : windows / 100 > 1000 ? 1000 : windows / 100;
    draft_set(p->draft, "model.type", "autoencoder");
    draft_set(p->draft, "model.d_model", "%d", windows < 20000 ? 32 : 64);
    draft_why(p->draft, "model.d_model", "%zu training windows carry a model of this size.",
              windows);
    draft_set(p->draft, "model.heads", "4");
    draft_set(p->draft, "model.layers", "2");
    draft_set(p->draft, "model.feedforward", "%d", windows < 20000 ? 128 : 256);
    draft_set(p->draft, "model.latent", "32");
    draft_set(p->draft, "model.dropout", "%s", windows < 20000 ? "0" : "0.1");
    draft_set(p->draft, "train.lr", "%s", windows < 20000 ? "2e-3" : "1e-3");
    draft_set(p->draft, "train.warmup", "1 epochs");
    recording_train(p, windows, 4000);
    draft_set(p->draft, "cluster.categories", "%zu", categories);
    draft_why(p->draft, "cluster.categories", "Some hundred windows a category.");
}

int patterns_propose(struct proposing *p, struct error *err)
{
    struct recording seen;
    size_t windows = 0, count;
    char *candle = candle_columns(p), *all = NULL;
    const char *of = column_of_role(&p->column, ROLE_CLOSE);
    of = of ? of : column_of_kind(&p->column, COLUMN_NUMBERS);
    draft_set_path(p->draft, "data.source", p->data);
    if (!of || recording_read(&seen, p, of, candle != NULL, err)) {
        free(candle);
        return of ? -1
                  : error_set(err, STATUS_INPUT, "%s: no column of it holds numbers alone",
                              p->data);
    }
    all = columns_of_numbers(&p->column, &count);
    if (!all)
        draft_short(p->draft);
    draft_about(p->draft,
                "Patterns of windows by an autoencoder, proposed by seqtrain init. %zu rows in %zu "
                "series. Train: seqtrain -c %s; then: seqtrain encode -c %s.",
                seen.rows, seen.series, p->path, p->path);
    recording_gap(&seen, p);
    draft_set(p->draft, "data.features", "%s", candle ? candle : all ? all : "");
    draft_why(p->draft, "data.features", "%s",
              candle ? "The columns of a candle." : "All columns of numbers.");
    recording_window(&seen, p, of, 0);
    draft_set(p->draft, "data.scaler", "window");
    draft_why(p->draft, "data.scaler", "The shape of a window counts, not its level.");
    recording_split(&seen, p);
    draft_set(p->draft, "model.type", "autoencoder");
    int failed = recording_try(p, p->silent, &windows, err);
    if (!failed) {
        draft_model(p, windows);
        failed = recording_try(p, p->log, &windows, err);
    }
    free(candle);
    free(all);
    recording_fini(&seen);
    return failed;
}
