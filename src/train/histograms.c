/* SPDX-License-Identifier: MIT */
#include "train/histograms.h"

#include <math.h>
#include <stdlib.h>

#include "train/loop.h"

/* Whether there are histograms of epoch `epoch`. */
static int is_due(const struct loop *loop, long epoch)
{
    const struct config *c = loop->training->config;
    return c->log.tensorboard && c->log.histograms > 0 && train_writes(loop->training) &&
           (epoch % c->log.histograms == 0 || epoch == train_epochs(loop->training));
}

static size_t most_elems(const struct params *params)
{
    size_t most = 0;
    for (size_t i = 0; i < params->count; i++)
        if (params->list[i]->group == PARAM_TRAINED && params->list[i]->value.elems > most)
            most = params->list[i]->value.elems;
    return most;
}

/* Of all trained parameters in `arena`, times `scale`: "GROUP/NAME". */
static int tell(const struct loop *loop, const struct arena *arena, const char *group, float scale,
                long step, struct error *err)
{
    const struct training *t = loop->training;
    const struct params *params = t->engine->params;
    float *x = malloc((most_elems(params) + 1) * sizeof *x);
    int failed = x ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; !failed && i < params->count; i++) {
        const struct tensor *value = &params->list[i]->value;
        char name[PARAM_MAX_NAME + 16];
        if (params->list[i]->group != PARAM_TRAINED)
            continue;
        failed = params_read(params, i, arena, x, err);
        for (size_t k = 0; !failed && scale != 1 && k < value->elems; k++)
            x[k] *= scale;
        snprintf(name, sizeof name, "%s/%s", group, value->name);
        if (!failed)
            log_histogram(t->log, name, step, x, value->elems);
    }
    free(x);
    return failed;
}

int histograms_gradients(struct loop *loop, const struct step *step, struct error *err)
{
    struct engine *e = loop->training->engine;
    const struct progress *p = &loop->training->progress;
    struct metrics metrics = {0};
    if (p->done + step->group < loop->n || !is_due(loop, p->epoch + 1))
        return 0;
    const int scaled = loop->training->config->train.precision == PRECISION_FP16;
    if (engine_gather(e, err) || (scaled && engine_read_metrics(e, &metrics, err)))
        return -1;
    const float scale = (float)ldexp(1, -(int)metrics.log2_scale);
    return tell(loop, e->params->grads, "gradients", scale, p->step + 1, err);
}

int histograms_weights(struct loop *loop, struct error *err)
{
    const struct training *t = loop->training;
    return is_due(loop, t->progress.epoch)
               ? tell(loop, t->engine->params->values, "weights", 1, t->progress.step, err)
               : 0;
}
