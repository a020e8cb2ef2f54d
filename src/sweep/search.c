/* SPDX-License-Identifier: MIT */
#include "sweep/search.h"

#include <stdlib.h>
#include <string.h>

#include "sweep/curve.h"
#include "sweep/pruner.h"
#include "sweep/sampler.h"
#include "util/jsonnumber.h"

static int out_of_memory(struct error *err)
{
    return error_set(err, STATUS_FAILED, "out of memory");
}

int search_is_on(const struct sweep *sweep)
{
    return sweep->base->sweep.sampler == SAMPLER_TPE || sweep->base->sweep.pruner != PRUNER_NONE;
}

int search_check(const struct runs *runs, struct error *err)
{
    const struct sweep *sweep = runs->sweep;
    if (!search_is_on(sweep) || runs_compare(runs))
        return 0;
    return error_set(err, STATUS_USAGE,
                     "%s: [sweep] sampler = tpe and pruners compare runs, which are judged by "
                     "different figures here: train.monitor and train.mode must not vary",
                     config_name(sweep->base));
}

/* --- trials */

/* What samplers and pruners see of a run; one that has failed may be tried again, but counts as
 * failed. */
static struct trial trial_of(const struct run_place *p)
{
    static const enum trial_state as[] = {
        [RUN_WAITING] = TRIAL_RUNNING, [RUN_STARTED] = TRIAL_RUNNING, [RUN_STOPPED] = TRIAL_RUNNING,
        [RUN_FAILED] = TRIAL_FAILED,   [RUN_ENDED] = TRIAL_DONE,      [RUN_PRUNED] = TRIAL_PRUNED};
    return (struct trial){.state = as[p->state],
                          .point = p->point,
                          .figure = jsonnumber_of(p->latest, "best"),
                          .report = p->report,
                          .reports = p->reports,
                          .rungs = p->rungs};
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

/* Journals what was decided of a run; `event` is taken over, NULL: memory. */
static int tell(struct state *s, const char *name, size_t run, json_t *event, struct error *err)
{
    if (!event || json_object_set_new(event, "from", journal_seen(s->journal))) {
        json_decref(event);
        return out_of_memory(err);
    }
    return state_tell(s, name, run, event, err);
}

/* --- epochs */

/* What the pruner says of a trial. */
static int prunes(const struct config *c, int maximize, struct trial *trial, size_t trials,
                  size_t which)
{
    struct pruner pruner = pruner_defaults;
    pruner.maximize = maximize;
    pruner.startup_trials = (size_t)c->sweep.startup_trials;
    pruner.warmup_steps = (size_t)c->sweep.warmup_steps;
    pruner.min_resource = (size_t)c->sweep.min_resource;
    pruner.reduction_factor = (size_t)c->sweep.reduction_factor;
    return c->sweep.pruner == PRUNER_ASHA ? pruner_asha(&pruner, trial, trials, which)
                                          : pruner_median(&pruner, trial, trials, which);
}

/* An epoch of a run in the journal, but for "from". `figure` is as the journal holds it. NULL:
 * memory. *decides: 0 where asha has nothing to decide in this epoch. */
static json_t *report_event(const struct state *s, size_t run, const struct epoch_told *told,
                            double figure, int *decides)
{
    const struct config *c = s->runs->sweep->base;
    const struct run_place *p = &s->place[run - 1];
    struct trial *trial = calloc(s->runs->count, sizeof *trial);
    struct trial_report *report = malloc((p->reports + 1) * sizeof *report);
    json_t *event = NULL;
    int said = -1;
    if (trial && report) {
        for (size_t i = 0; i < s->runs->count; i++)
            trial[i] = trial_of(&s->place[i]);
        if (p->reports)
            memcpy(report, p->report, p->reports * sizeof *report);
        report[p->reports] = (struct trial_report){(size_t)told->epoch, figure};
        trial[run - 1].report = report;
        trial[run - 1].reports++;
        said = prunes(c, !s->runs->row[0].lower_is_better, trial, s->runs->count, run - 1);
        *decides = c->sweep.pruner != PRUNER_ASHA || said || trial[run - 1].rungs > p->rungs;
    }
    if (said >= 0)
        event = json_pack("{s:I, s:o, s:I, s:s}", "epoch", (json_int_t)told->epoch, "figure",
                          jsonnumber(figure), "rungs", (json_int_t)trial[run - 1].rungs, "decision",
                          told->is_last ? "end"
                          : said        ? "prune"
                                        : "continue");
    free(trial);
    free(report);
    return event;
}

int search_judge(struct state *s, size_t run, const struct epoch_told *told, struct error *err)
{
    const struct run_place *p = &s->place[run - 1];
    int decides;
    if (s->runs->sweep->base->sweep.pruner == PRUNER_NONE)
        return 0;
    if (state_read(s, err))
        return -1;
    if (state_is_over(s, run))
        return p->state == RUN_PRUNED;
    if (p->reports && (size_t)told->epoch <= p->report[p->reports - 1].epoch)
        return 0;
    json_t *event = report_event(s, run, told, journal_number(told->figure), &decides);
    if (event && !decides) {
        json_decref(event);
        return 0;
    }
    return tell(s, "report", run, event, err) ? -1 : p->state == RUN_PRUNED;
}

/* --- before a run begins */

static int draw_run(struct state *s, size_t run, struct error *err)
{
    if (s->runs->sweep->base->sweep.sampler != SAMPLER_TPE || s->place[run - 1].point)
        return 0;
    return state_clear_run(s, run, err) || tell(s, "drawn", run, drawn_event(s, run), err) ? -1 : 0;
}

/* A process may have ended between an epoch and its journal, and a journal may have lost lines. */
static int catch_up(struct state *s, size_t run, struct error *err)
{
    struct curve curve;
    if (s->runs->sweep->base->sweep.pruner == PRUNER_NONE)
        return 0;
    int said = curve_read(&curve, &s->runs->row[run - 1]) ? out_of_memory(err) : 0;
    for (size_t i = 0; i < curve.epochs && !said; i++) {
        const struct epoch_told told = {(long)i + 1, curve.value[i],
                                        curve.is_whole && i + 1 == curve.epochs};
        said = search_judge(s, run, &told, err);
    }
    free(curve.value);
    return said < 0 ? -1 : 0;
}

int search_prepare(struct state *s, size_t run, struct error *err)
{
    return state_read(s, err) || draw_run(s, run, err) || catch_up(s, run, err) ? -1 : 0;
}

/* --- again */

static int same(const json_t *was, const json_t *is, const char *key)
{
    const json_t *a = json_object_get(was, key), *b = json_object_get(is, key);
    return a && b ? json_equal(a, b) : a == b;
}

/* What would be journaled again in place of an event, by what was known then. NULL: memory. */
static json_t *decide_again(const struct state *part, const json_t *event, size_t run)
{
    const char *decision = json_string_value(json_object_get(event, "decision"));
    int decides;
    if (!decision)
        return drawn_event(part, run);
    const struct epoch_told told = {.epoch =
                                        (long)json_integer_value(json_object_get(event, "epoch")),
                                    .is_last = !strcmp(decision, "end")};
    return report_event(part, run, &told, jsonnumber_of(event, "figure"), &decides);
}

/* Compares an event with what it would be again. */
static int replay(const struct state *part, const json_t *event, struct search_replayed *replayed,
                  FILE *told)
{
    const size_t run = (size_t)json_integer_value(json_object_get(event, "run"));
    json_t *again = decide_again(part, event, run);
    if (!again)
        return -1;
    const int is_point = json_object_get(event, "values") != NULL;
    if (is_point)
        replayed->points++;
    else
        replayed->reports++;
    if (!same(event, again, "values") || !same(event, again, "by") ||
        !same(event, again, "rungs") || !same(event, again, "decision")) {
        replayed->differ++;
        fprintf(told,
                is_point ? "run %zu: another point is drawn\n"
                         : "run %zu: another decision in epoch %d\n",
                run, (int)json_integer_value(json_object_get(event, "epoch")));
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
        const json_int_t run = json_integer_value(json_object_get(e->object, "run"));
        if (!from || run < 1 || (size_t)run > s->runs->count)
            continue;
        if (!(before = json_object_get(known, e->file)) &&
            json_object_set_new(known, e->file, before = json_object())) {
            failed = 1;
            break;
        }
        struct state part = {0};
        failed = json_object_update(before, from) || state_part(s, before, &part) ||
                 replay(&part, e->object, replayed, told);
        state_part_fini(&part);
    }
    json_decref(known);
    return failed ? out_of_memory(err) : 0;
}
