/* SPDX-License-Identifier: MIT */
#include "sweep/search.h"

#include <stdlib.h>
#include <string.h>

#include "sweep/sampler.h"
#include "util/jsonnumber.h"

static int out_of_memory(struct error *err)
{
    return error_set(err, STATUS_FAILED, "out of memory");
}

int search_check(const struct runs *runs, struct error *err)
{
    const struct sweep *sweep = runs->sweep;
    if (sweep->base->sweep.sampler != SAMPLER_TPE || runs_compare(runs))
        return 0;
    return error_set(err, STATUS_USAGE,
                     "%s: [sweep] sampler = tpe compares runs, which are judged by different "
                     "figures here: train.monitor and train.mode must not vary",
                     config_name(sweep->base));
}

int search_is_due(const struct state *s, size_t run)
{
    return s->runs->sweep->base->sweep.sampler == SAMPLER_TPE && !s->place[run - 1].point;
}

/* --- trials */

/* What a sampler sees of a run; one that has failed may be tried again, but counts as failed. */
static struct trial trial_of(const struct run_place *p)
{
    static const enum trial_state as[] = {[RUN_WAITING] = TRIAL_RUNNING,
                                          [RUN_STARTED] = TRIAL_RUNNING,
                                          [RUN_STOPPED] = TRIAL_RUNNING,
                                          [RUN_FAILED] = TRIAL_FAILED,
                                          [RUN_ENDED] = TRIAL_DONE};
    return (struct trial){
        .state = as[p->state], .point = p->point, .figure = jsonnumber_of(p->latest, "best")};
}

/* --- points */

/* The point of a run, from the others that have one: -1 without memory. *by_tpe: it is no random
 * one. */
static int draw(const struct state *s, size_t run, double *point, int *by_tpe)
{
    const struct sweep *sweep = s->runs->sweep;
    const struct sampler sampler = {
        .axis = sweep->axis,
        .axes = sweep->axes,
        .seed = (uint64_t)sweep->base->run.seed,
        .maximize = !s->runs->row[0].lower_is_better,
        .startup_trials = (size_t)sweep->base->sweep.tpe_startup_trials,
    };
    struct trial *trial = calloc(s->runs->count, sizeof *trial);
    size_t trials = 0;
    if (!trial)
        return -1;
    for (size_t i = 0; i < s->runs->count; i++)
        if (i + 1 != run && s->place[i].point)
            trial[trials++] = trial_of(&s->place[i]);
    *by_tpe = sampler_is_tpe(&sampler, trial, trials);
    int failed = sampler_tpe(&sampler, trial, trials, run, point);
    free(trial);
    return failed;
}

/* What a point is in the journal, but for "from"; NULL without memory. */
static json_t *drawn_event(const struct state *s, size_t run)
{
    const struct sweep *sweep = s->runs->sweep;
    double *point = calloc(sweep->axes + 1, sizeof *point);
    json_t *values = json_object(), *event = NULL;
    int by_tpe, failed = !point || !values || draw(s, run, point, &by_tpe);
    for (size_t k = 0; !failed && k < sweep->keys; k++) {
        char *text = sweep_value(&sweep->key[k], point);
        failed = !text || json_object_set_new(values, sweep->key[k].name, json_string(text));
        free(text);
    }
    if (!failed)
        event = json_pack("{s:s, s:O}", "by", by_tpe ? "tpe" : "random", "values", values);
    json_decref(values);
    free(point);
    return event;
}

int search_draw(struct state *s, size_t run, struct error *err)
{
    if (state_read(s, err))
        return -1;
    if (!search_is_due(s, run))
        return 0;
    if (state_clear_run(s, run, err))
        return -1;
    json_t *event = drawn_event(s, run);
    if (!event || json_object_set_new(event, "from", journal_seen(s->journal))) {
        json_decref(event);
        return out_of_memory(err);
    }
    return state_tell(s, "drawn", run, event, err);
}

/* --- again */

/* Whether the event is what it would be again, from what it was derived from. */
static int decide_again(const struct state *part, const json_t *event,
                        struct search_replayed *replayed, FILE *told)
{
    const size_t run = (size_t)json_integer_value(json_object_get(event, "run"));
    json_t *again = drawn_event(part, run);
    if (!again)
        return -1;
    const json_t *was = json_object_get(event, "values"), *is = json_object_get(again, "values");
    replayed->points++;
    if (!json_equal(was, is) ||
        !json_equal(json_object_get(event, "by"), json_object_get(again, "by"))) {
        replayed->differ++;
        fprintf(told, "run %zu: another point is drawn\n", run);
    }
    json_decref(again);
    return 0;
}

int search_replay(struct state *s, struct search_replayed *replayed, FILE *told, struct error *err)
{
    const struct journal *journal = s->journal;
    json_t *known = json_object(); /* of each file, what its writer has read: {file: lines} */
    int failed = !known;
    *replayed = (struct search_replayed){0};
    for (size_t i = 0; !failed && i < journal_count(journal); i++) {
        const struct journal_event *e = journal_event(journal, i);
        json_t *from = json_object_get(e->object, "from"), *before;
        if (!from)
            continue;
        if (!(before = json_object_get(known, e->file)) &&
            json_object_set_new(known, e->file, before = json_object())) {
            failed = 1;
            break;
        }
        struct state part = {0};
        failed = json_object_update(before, from) || state_part(s, before, &part) ||
                 decide_again(&part, e->object, replayed, told);
        state_part_fini(&part);
    }
    json_decref(known);
    return failed ? out_of_memory(err) : 0;
}
