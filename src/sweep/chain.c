/* SPDX-License-Identifier: MIT */
#include "sweep/chain.h"

#include <stdlib.h>

int chain_check(const struct sweep *s, struct error *err)
{
    const struct config *c = s->base;
    const char *why = c->data.split != SPLIT_WALK_FORWARD ? "data.split = walk_forward"
                      : !sweep_key_of(s, "data.fold")     ? "a list of data.fold in [sweep]"
                      : c->sweep.sampler != SAMPLER_GRID  ? "sampler = grid"
                      : c->sweep.pruner != PRUNER_NONE    ? "pruner = none"
                                                          : NULL;
    if (!c->sweep.continue_folds)
        return 0;
    if (why)
        return error_set(err, STATUS_USAGE, "%s: [sweep] continue_folds needs %s", config_name(c),
                         why);
    if (sweep_key_of(s, "model.init"))
        return error_set(err, STATUS_USAGE,
                         "%s: [sweep] model.init varies, but continue_folds says where each fold "
                         "starts from",
                         config_name(c));
    return 0;
}

size_t chain_before(const struct sweep *s, size_t number)
{
    const struct sweep_key *key =
        s->base->sweep.continue_folds ? sweep_key_of(s, "data.fold") : NULL;
    size_t step = 1; /* from a run to that with the next fold of the list */
    if (!key)
        return 0;
    for (size_t i = key->axis + 1; i < s->axes; i++) /* the last axis walks fastest */
        step *= s->axis[i].choices;
    const size_t count = s->axis[key->axis].choices, at = (number - 1) / step % count;
    const long fold = strtol(key->choice[at], NULL, 10);
    size_t before = count;
    for (size_t i = 0; i < count; i++) {
        const long one = strtol(key->choice[i], NULL, 10);
        if (one < fold && (before == count || one > strtol(key->choice[before], NULL, 10)))
            before = i;
    }
    return before == count ? 0 : number - at * step + before * step;
}
