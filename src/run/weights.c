/* SPDX-License-Identifier: MIT */
#include "run/weights.h"

#include <stdlib.h>

#include "run/prepare.h"
#include "train/base.h"
#include "train/plan_text.h"
#include "util/file.h"

/* train.mode of the checkpoint as it is written here, where both mean the same: 0.1.0 wrote min
 * where it is auto now. */
static void same_mode(const struct training *t, struct config *then)
{
    struct monitor monitor;
    struct error ignored;
    if (!monitor_find(&monitor, then, t->monitor.measures, &ignored) &&
        monitor.lower_is_better == t->monitor.lower_is_better)
        then->train.mode = t->config->train.mode;
}

/* Where the checkpoint has a larger micro-batch of the same step, writes this one's into it. */
static int same_step(const struct training *t, struct config *then)
{
    const struct config *now = t->config;
    const long before = then->train.batch, step = before * then->train.accumulate;
    if (before <= now->train.batch || step != now->train.batch * now->train.accumulate)
        return 0;
    then->train.batch = now->train.batch;
    then->train.accumulate = now->train.accumulate;
    then->train.evaluate_batch = now->train.evaluate_batch; /* results do not depend on it */
    log_warn(
        t->log,
        "train.batch = %ld with accumulate = %ld makes the steps on from here, %ld did before: "
        "the results are not those of an undisturbed run to the bit",
        now->train.batch, now->train.accumulate, before);
    return 1;
}

/* Fails where steps would not have the bits that they had when the checkpoint was written. */
static int check_same(const struct training *t, const struct checkpoint *c, const char *path,
                      const struct weights_terms *terms, struct error *err)
{
    const char *plan = safetensors_get(c->st, "plan");
    const int now = t->config->train.recompute; /* auto may have chosen otherwise */
    const int recompute = c->config->train.recompute != now || now == RECOMPUTE_AUTO;
    char why[1024];
    same_mode(t, c->config);
    if (terms->smaller_batch && same_step(t, c->config))
        plan = NULL;
    int differs = config_differs(c->config, t->config, 1, why, sizeof why);
    if (differs > 0)
        return error_set(err, STATUS_USAGE, "--resume: %s", why);
    if (!differs && plan)
        differs = plan_text_differs(plan, t->plan, recompute, why, sizeof why);
    if (differs > 0)
        return error_set(err, STATUS_USAGE,
                         "--resume: the plan is not the one of the checkpoint, so the bits would "
                         "not be the same: %s",
                         why);
    return differs ? error_set(err, STATUS_FAILED, "%s: out of memory", path) : 0;
}

/* Fails where the texts make other tokens than they did. */
static int check_tokens(const struct training *t, const struct checkpoint *c, const char *path,
                        struct error *err)
{
    const int same = checkpoint_has_tokens(c->st, t->engine->data->tokenizer, path, err);
    if (same)
        return same < 0 ? -1 : 0;
    return error_set(err, STATUS_INPUT,
                     "--resume: the tokenizer is not that of %s, or the texts have other "
                     "characters: numbers would stand for other tokens",
                     path);
}

/* Takes weights, optimizer state and progress of a checkpoint in the run folder. */
static int resume_from(struct training *t, const struct weights_terms *terms, const char *name,
                       struct error *err)
{
    struct checkpoint c;
    char *path = train_path(t, name);
    int result = -1;
    if (!path)
        return error_set(err, STATUS_FAILED, "out of memory");
    progress_fini(&t->progress); /* that of a checkpoint that was damaged behind it */
    if (!checkpoint_read(&c, path, NULL, 0, model_check, err)) {
        prepare_tell_unchecked(terms->verbosity, t->log, c.st->summed, path);
        if (!check_same(t, &c, path, terms, err) && !check_tokens(t, &c, path, err) &&
            !checkpoint_load_weights(t->engine, c.st, path, err) &&
            !checkpoint_load_state(t->engine, c.st, path, &t->progress, err))
            result = 0;
        checkpoint_fini(&c);
    }
    free(path);
    return result;
}

void weights_same_batch(const struct folder *folder, struct config *config)
{
    struct checkpoint c;
    struct error ignored; /* weights_resume() tells it */
    int found = 0;
    const char *const names[] = {folder->last ? RUN_LAST : NULL,
                                 folder->former ? RUN_FORMER : NULL};
    if (config->train.batch > 0 && config->train.accumulate > 0)
        return;
    for (int i = 0; i < 2 && !found; i++) {
        char *path = names[i] ? file_join(folder->path, names[i]) : NULL;
        found = path && !checkpoint_read(&c, path, NULL, 0, model_check, &ignored);
        free(path);
    }
    if (!found)
        return;
    if (c.config->train.effective_batch == config->train.effective_batch) {
        config->train.batch = c.config->train.batch;
        config->train.accumulate = c.config->train.accumulate;
    }
    checkpoint_fini(&c);
}

int weights_resume(struct training *t, const struct folder *folder,
                   const struct weights_terms *terms, struct error *err)
{
    struct error first = {0};
    if (folder->last) {
        if (!resume_from(t, terms, RUN_LAST, err))
            return 0;
        if (!err->damaged || !folder->former)
            return -1;
        first = *err;
    } else {
        error_set(&first, STATUS_INPUT, "%s/" RUN_LAST " is missing", t->folder);
    }
    if (resume_from(t, terms, RUN_FORMER, err))
        return err->damaged ? error_prefix(err, "%s; the one before", first.text) : -1;
    t->from_former = 1;
    log_warn(t->log, "%s; the run goes on from " RUN_FORMER ", the checkpoint before", first.text);
    return 0;
}

typedef int load_fn(struct engine *e, const struct safetensors *st, const char *path,
                    struct error *err);

static int load(const struct training *t, const char *path, load_fn *how, int *summed,
                struct error *err)
{
    struct safetensors *st = safetensors_open(path, err);
    int result = st ? how(t->engine, st, path, err) : -1;
    const int same = result ? 1 : checkpoint_has_tokens(st, t->engine->data->tokenizer, path, err);
    if (!same)
        log_warn(t->log,
                 "%s was trained with another tokenizer, or on texts of other characters: its "
                 "numbers stood for other tokens than those of data.tokenizer",
                 path);
    if (same < 0)
        result = -1;
    *summed = st && st->summed;
    safetensors_free(st);
    return result;
}

int weights_load_own(const struct training *t, const char *name, struct error *err)
{
    char *path = train_path(t, name);
    int summed, result = path ? load(t, path, checkpoint_load_weights, &summed, err)
                              : error_set(err, STATUS_FAILED, "%s: out of memory", name);
    free(path);
    return result;
}

int weights_start(struct training *t, const struct weights_terms *terms, struct error *err)
{
    const char *init = t->config->model.init, *base = t->config->model.base;
    const uint64_t seed = (uint64_t)t->config->run.seed;
    int summed;
    t->progress.factor = 1;
    if (*base && !*init)
        return params_init_adapter(t->engine->params, seed, err) ||
                       base_load(t->engine->params, base, err)
                   ? -1
                   : 0;
    if (params_init(t->engine->params, seed, err))
        return -1;
    if (!*init)
        return 0;
    if (load(t, init, checkpoint_load_model, &summed, err))
        return -1;
    prepare_tell_unchecked(terms->verbosity, t->log, summed, init);
    return 0;
}
