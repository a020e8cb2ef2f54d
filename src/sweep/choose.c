/* SPDX-License-Identifier: MIT */
#include "sweep/chain.h"
#include "sweep/supervisor.h"
#include "util/file.h"
#include "util/now.h"

/* How often a run has failed since this supervisor began, or since --overwrite has begun it anew.
 */
static unsigned failures_of(const struct fleet *f, size_t run)
{
    const unsigned all = f->state->place[run - 1].failures, before = f->run[run - 1].failed_before;
    return all >= before ? all - before : all;
}

/* How often a run has failed, by its device too: another call begins with those that have not. */
static unsigned turns_of(const struct fleet *f, size_t run)
{
    return failures_of(f, run) + f->state->place[run - 1].by_device;
}

/* Whether a run has failed for good, as far as this supervisor goes. */
int choose_failed(const struct fleet *f, size_t run)
{
    const struct run_place *p = &f->state->place[run - 1];
    const unsigned retries = (unsigned)f->runs->sweep->base->sweep.retries;
    return !state_is_over(f->state, run) && failures_of(f, run) > (p->is_lasting ? 0 : retries);
}

/* Whether there is something to do for a run, here or elsewhere. */
int choose_open(const struct fleet *f, size_t run)
{
    return !state_is_over(f->state, run) && !choose_failed(f, run);
}

/* Whether a run can be tried here. */
int choose_in_reach(const struct fleet *f, size_t run)
{
    const size_t before = chain_before(f->runs->sweep, run);
    if (before && !state_is_over(f->state, before) &&
        (choose_failed(f, before) || !choose_in_reach(f, before)))
        return 0;
    for (size_t i = 0; i < f->slots.count; i++)
        if (health_serves(&f->health, i) &&
            slots_allow(&f->slots, f->runs->sweep, i, supervisor_row(f, run)->value[0]))
            return 1;
    return f->run[run - 1].in_slot;
}

/* Whether the run that a run starts from has ended. */
static int is_ready(const struct fleet *f, size_t run)
{
    const size_t before = chain_before(f->runs->sweep, run);
    return !before || f->state->place[before - 1].state == RUN_ENDED;
}

/* Whether another process has a run: 1, or 0 where it may be taken. */
static int is_elsewhere(struct fleet *f, size_t run, struct error *err)
{
    struct fleet_run *r = &f->run[run - 1];
    struct claim_look look;
    if (claim_look(f->state->folder, run, &look, err))
        return -1;
    r->stale = claim_is_stale(&r->watch, &look, now()) ? look.generation : 0;
    if (look.state != CLAIM_HELD || r->stale)
        return 0;
    r->next_look = now() + SUPERVISOR_LOOK;
    if (!r->waits_told)
        screen_say(&f->screen, "Run %zu (%s) is trained by %s.", run, supervisor_row(f, run)->name,
                   look.holder);
    r->waits_told = 1;
    return 1;
}

/* The run that a free slot takes: the first of those that have failed least; 0: none. */
int choose_next(struct fleet *f, size_t slot, size_t *run, struct error *err)
{
    int elsewhere = 1;
    while (elsewhere > 0) {
        *run = 0;
        for (size_t i = 1; i <= f->runs->count; i++)
            if (choose_open(f, i) && !f->run[i - 1].in_slot && f->run[i - 1].next_look <= now() &&
                slots_allow(&f->slots, f->runs->sweep, slot, supervisor_row(f, i)->value[0]) &&
                health_may(&f->health, slot, i) && is_ready(f, i) &&
                (!*run || turns_of(f, i) < turns_of(f, *run)))
                *run = i;
        elsewhere = *run ? is_elsewhere(f, *run, err) : 0;
    }
    return elsewhere;
}

int choose_pruned(const struct fleet *f, size_t run)
{
    return f->state->place[run - 1].state == RUN_PRUNED;
}

/* Looks whether the file of the sweep says the same as when it was read. */
void choose_look(struct fleet *f)
{
    const struct fleet_options *o = f->options;
    const struct stat before = f->file;
    struct error ignored;
    if (!stat(o->config_path, &f->file) && file_same(&f->file, &before))
        return;
    struct sweep *s = sweep_open(o->config_path, o->settings, o->setting_count, &ignored);
    if (!f->changed && (!s || !state_is_same(f->state, s))) {
        f->changed = 1;
        screen_say(&f->screen, "%s was changed: no other run begins, those under way go on.",
                   o->config_path);
    }
    sweep_free(s);
}
