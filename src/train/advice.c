/* SPDX-License-Identifier: MIT */
#include "train/advice.h"

#include <string.h>

#include "models/model.h"

static void add(char *to, size_t size, const char *what)
{
    size_t used = strlen(to);
    snprintf(to + used, size - used, "%s%s", used ? ", " : "", what);
}

void advice_warn(const struct config *c, struct log *log)
{
    char keys[256] = "";
    if (model_of(c)->attends) {
        if (c->train.clip_norm == 0 || c->train.clip_norm > 10)
            add(keys, sizeof keys, "train.clip_norm (1.0 is usual)");
        if (c->train.lr > 1e-3)
            add(keys, sizeof keys, "train.lr (at most 1e-3)");
        if (c->train.warmup.value <= 0)
            add(keys, sizeof keys, "train.warmup (1% to 10% of the steps)");
        if (c->train.weight_decay == 0)
            add(keys, sizeof keys, "train.weight_decay (0.01)");
        if (*keys)
            log_warn(log, "models with attention often stall with such settings: %s", keys);
    } else if (c->train.clip_norm > 200)
        log_warn(log, "train.clip_norm = %g hardly clips: models without attention take up to 200",
                 c->train.clip_norm);
}

void advice_print(const struct config *c, const struct schedule *s, FILE *out)
{
    long width = model_of(c)->attends ? c->model.d_model : c->model.hidden;
    const char *lr = width < 512 ? "3e-4" : width < 1024 ? "1e-4" : "5e-5 to 1e-4";
    fprintf(out,
            "recommended: lr %s for a width of %ld, clip_norm %s, warm-up of %ld to %ld steps "
            "(5%% to 10%%; 1%% is %ld, enough for many small data sets)\n",
            lr, width, model_of(c)->attends ? "1.0" : "1.0 to 200", (s->total + 10) / 20,
            (s->total + 5) / 10, (s->total + 50) / 100);
}
