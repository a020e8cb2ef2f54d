/* SPDX-License-Identifier: MIT */
#include "sweep/state.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/folder.h"
#include "sweep/names.h"
#include "util/file.h"
#include "util/jsonmem.h"
#include "util/jsonnumber.h"
#include "util/lines.h"

/* The claim of whoever clears run folders. */
#define CLAIM_OF_CLEARING 0

static int out_of_memory(struct error *err)
{
    return error_set(err, STATUS_FAILED, "out of memory");
}

/* --- what the sweep is */

/* The base configuration without what no result depends on, and without the run folder where it
 * says nothing of the runs'. */
static void put_base(const struct sweep *s, const char *text, FILE *out)
{
    static const char folder[] = "output = ";
    static const char *const others[] = {"[device]", "[log]", "[plots]", "[ranks]"};
    int skip = 0;
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        if (*line == '[') {
            skip = 0;
            for (size_t i = 0; i < sizeof others / sizeof *others; i++)
                skip |= !strncmp(line, others[i], strlen(others[i]));
        }
        if (!skip && length && (s->has_folder || strncmp(line, folder, strlen(folder)) != 0))
            fprintf(out, "%.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

static int put_key(const struct sweep *s, const struct sweep_key *key, FILE *out)
{
    const struct axis *axis = &s->axis[key->axis];
    fprintf(out, "%s =", key->name);
    for (size_t i = 0; key->choice && i < axis->choices; i++)
        fprintf(out, " '%s'", key->choice[i]);
    if (!key->choice) {
        char *low = names_number(axis->low, 17), *high = names_number(axis->high, 17);
        int failed = !low || !high;
        if (!failed)
            fprintf(out, " %d %s %s", (int)axis->kind, low, high);
        free(low);
        free(high);
        if (failed)
            return -1;
    }
    fprintf(out, axis->name == key->name ? "\n" : " beside %s\n", axis->name);
    return 0;
}

static void put_pruner(const struct config *c, FILE *out)
{
    if (c->sweep.pruner != PRUNER_NONE)
        fprintf(out, "pruner = %s\n", config_choice("sweep", "pruner", c->sweep.pruner));
    if (c->sweep.pruner == PRUNER_ASHA)
        fprintf(out, "min_resource = %ld\nreduction_factor = %ld\n", c->sweep.min_resource,
                c->sweep.reduction_factor);
    if (c->sweep.pruner == PRUNER_MEDIAN)
        fprintf(out, "startup_trials = %ld\nwarmup_steps = %ld\n", c->sweep.startup_trials,
                c->sweep.warmup_steps);
}

/* All on which the runs' results depend; the caller frees. NULL: memory. */
static char *text_of(const struct sweep *s)
{
    char *base = config_text(s->base), *text = NULL;
    size_t size;
    FILE *out = base ? open_memstream(&text, &size) : NULL;
    int failed = !out;
    if (out) {
        put_base(s, base, out);
        fprintf(out, "[sweep]\nsampler = %s\n",
                config_choice("sweep", "sampler", (int)s->base->sweep.sampler));
        if (s->base->sweep.sampler != SAMPLER_GRID)
            fprintf(out, "samples = %zu\n", s->runs);
        if (s->base->sweep.sampler == SAMPLER_TPE)
            fprintf(out, "tpe_startup_trials = %ld\n", s->base->sweep.tpe_startup_trials);
        put_pruner(s->base, out);
        if (s->base->sweep.continue_folds)
            fputs("continue_folds = yes\n", out);
    }
    for (size_t k = 0; !failed && k < s->keys; k++)
        failed = put_key(s, &s->key[k], out);
    if (out && fclose(out))
        failed = 1;
    free(base);
    if (!failed)
        return text;
    free(text);
    return NULL;
}

/* --- from events to states */

static const char *string_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void forget_places(struct state *s)
{
    for (size_t i = 0; i < s->runs->count; i++) {
        if (s->place[i].point && !s->is_part)
            runs_draw(s->runs, i + 1, NULL);
        free(s->place[i].point);
        free(s->place[i].report);
        s->place[i] = (struct run_place){0};
    }
}

static void begin_anew(struct state *s, const json_t *object)
{
    forget_places(s);
    s->begun = string_of(object, "text");
}

/* Whether a failure is one of configuration or input. */
static int is_lasting(const json_t *failed)
{
    json_int_t status = json_integer_value(json_object_get(failed, "status"));
    return status == STATUS_USAGE || status == STATUS_INPUT;
}

/* The point of the values that were drawn for a run. An event that holds none is passed over. */
static int take_point(struct state *s, size_t run, const json_t *object)
{
    struct run_place *p = &s->place[run - 1];
    double *point = calloc(s->runs->sweep->axes + 1, sizeof *point);
    if (!point)
        return -1;
    if (p->point || sweep_point_of(s->runs->sweep, json_object_get(object, "values"), point)) {
        free(point);
        return 0;
    }
    p->point = point;
    return s->is_part ? 0 : runs_draw(s->runs, run, point);
}

int state_prunes(const json_t *object)
{
    return !strcmp(string_of(object, "event"), "report") &&
           !strcmp(string_of(object, "decision"), "prune");
}

/* A figure that was told. The figures of epochs that were told already are the same. */
static int take_report(struct run_place *p, const json_t *object)
{
    const json_int_t epoch = json_integer_value(json_object_get(object, "epoch"));
    const size_t n = p->reports;
    if (epoch < 1 || (n && (size_t)epoch <= p->report[n - 1].epoch))
        return 0;
    struct trial_report *more = realloc(p->report, (n + 1) * sizeof *more);
    if (!more)
        return -1;
    more[n] = (struct trial_report){(size_t)epoch, jsonnumber_of(object, "figure")};
    p->report = more;
    p->reports = n + 1;
    p->rungs = (size_t)json_integer_value(json_object_get(object, "rungs"));
    if (state_prunes(object)) {
        p->state = RUN_PRUNED;
        p->latest = object;
    }
    return 0;
}

static void forget_life(struct run_place *p)
{
    free(p->report);
    *p = (struct run_place){.point = p->point};
}

static int take_run_event(struct run_place *p, const char *event, const json_t *object)
{
    if (!strcmp(event, "anew"))
        forget_life(p);
    if (p->state == RUN_ENDED || p->state == RUN_PRUNED) /* once and for all */
        return 0;
    if (!strcmp(event, "report"))
        return take_report(p, object);
    if (!strcmp(event, "started"))
        p->state = RUN_STARTED;
    else if (!strcmp(event, "ended"))
        p->state = RUN_ENDED;
    else if (!strcmp(event, "failed")) {
        p->state = RUN_FAILED;
        p->failures++;
        p->is_lasting = is_lasting(object);
    } else if (!strcmp(event, "smaller")) {
        p->state = RUN_STOPPED;
        p->batch = (long)json_integer_value(json_object_get(object, "batch"));
        p->accumulate = (long)json_integer_value(json_object_get(object, "accumulate"));
    } else if (!strcmp(event, "stopped"))
        p->state = RUN_STOPPED;
    else if (!strcmp(event, "elsewhere"))
        p->state = RUN_WAITING;
    else if (!strcmp(event, "device")) {
        p->state = RUN_WAITING;
        p->by_device++;
    } else if (!strcmp(event, "forgiven") && p->state == RUN_FAILED) {
        p->state = RUN_WAITING;
        p->failures--;
        p->by_device++;
        p->is_lasting = 0;
    } else
        return 0;
    p->latest = object;
    return 0;
}

/* -1: no memory. */
static int take_event(struct state *s, const json_t *object)
{
    const char *event = string_of(object, "event");
    json_int_t run = json_integer_value(json_object_get(object, "run"));
    if (!strcmp(event, "sweep") && !s->begun)
        begin_anew(s, object);
    else if (!strcmp(event, "overwrite")) {
        begin_anew(s, object);
        s->to_clear = 1;
    } else if (!strcmp(event, "cleared"))
        s->to_clear = 0;
    else if (run > 0 && (size_t)run <= s->runs->count && !strcmp(event, "drawn"))
        return take_point(s, (size_t)run, object);
    else if (run > 0 && (size_t)run <= s->runs->count)
        return take_run_event(&s->place[run - 1], event, object);
    return 0;
}

int state_read(struct state *s, struct error *err)
{
    if (journal_read(s->journal, err))
        return -1;
    /* unless an event has come in between, those before have been taken */
    if (s->folded && journal_event(s->journal, s->folded - 1) != s->last) {
        forget_places(s);
        s->begun = NULL;
        s->to_clear = 0;
        s->folded = 0;
    }
    for (; s->folded < journal_count(s->journal); s->folded++) {
        s->last = journal_event(s->journal, s->folded);
        if (take_event(s, s->last->object))
            return out_of_memory(err);
    }
    return 0;
}

int state_part(const struct state *s, const json_t *lines, struct state *part)
{
    *part = (struct state){.runs = s->runs, .is_part = 1};
    if (!(part->place = calloc(s->runs->count, sizeof *part->place)))
        return -1;
    for (size_t i = 0; i < journal_count(s->journal); i++) {
        const struct journal_event *e = journal_event(s->journal, i);
        const json_int_t known = json_integer_value(json_object_get(lines, e->file));
        if ((json_int_t)e->line <= known && take_event(part, e->object))
            return -1;
    }
    return 0;
}

void state_part_fini(struct state *part)
{
    if (part->place)
        forget_places(part);
    free(part->place);
    *part = (struct state){0};
}

struct state *state_open(struct runs *runs, struct log *log, struct error *err)
{
    struct state *s = calloc(1, sizeof *s);
    if (s) {
        s->runs = runs;
        s->folder = runs->sweep->base->sweep.output;
        s->text = text_of(runs->sweep);
        s->place = calloc(runs->count, sizeof *s->place);
    }
    if (!s || !s->text || !s->place)
        out_of_memory(err);
    else if ((s->journal = journal_open(s->folder, log, err)) && !state_read(s, err))
        return s;
    state_free(s);
    return NULL;
}

void state_free(struct state *s)
{
    if (s) {
        journal_free(s->journal);
        free(s->text);
        if (s->place)
            forget_places(s);
        free(s->place);
    }
    free(s);
}

/* --- beginning */

int state_is_same(const struct state *s, const struct sweep *sweep)
{
    char *text = text_of(sweep);
    int result = text ? !strcmp(text, s->text) : -1;
    free(text);
    return result;
}

int state_check(const struct state *s, struct error *err)
{
    char was[200], is[200];
    if (!s->begun || !strcmp(s->begun, s->text))
        return 0;
    lines_differ(s->begun, s->text, was, is, sizeof was);
    return error_set(err, STATUS_USAGE,
                     "%s holds another sweep: '%s' was '%s'. --overwrite begins anew, -o names "
                     "another folder",
                     s->folder, is, was);
}

/* Journals what the sweep is. */
static int tell_sweep(struct state *s, const char *event, struct error *err)
{
    json_t *text = json_string(s->text);
    if (!text && !jsonmem_short())
        return error_set(err, STATUS_USAGE,
                         "%s: names of files that are not UTF-8 cannot be journaled", s->folder);
    return journal_append(s->journal, event,
                          json_pack("{s:o, s:I}", "text", text, "runs", (json_int_t)s->runs->count),
                          err) ||
           state_read(s, err);
}

/* No run is under way, be it of a sweep that had more of them. */
static int check_idle(const struct state *s, struct error *err)
{
    size_t runs = s->runs->count;
    struct claim_look look;
    for (size_t i = 0; i < journal_count(s->journal); i++) {
        json_int_t had =
            json_integer_value(json_object_get(journal_event(s->journal, i)->object, "runs"));
        if (had > 0 && (size_t)had > runs && had <= 10000)
            runs = (size_t)had;
    }
    for (size_t run = 1; run <= runs; run++) {
        if (claim_look(s->folder, run, &look, err))
            return -1;
        if (look.state == CLAIM_HELD)
            return error_set(err, STATUS_USAGE,
                             "--overwrite: %s trains run %zu of %s; it is to be stopped first",
                             look.holder, run, s->folder);
    }
    return 0;
}

static int forget_file(const char *folder, const char *name, struct error *err)
{
    char *path = file_join(folder, name);
    int failed =
        !path || (unlink(path) && errno != ENOENT) ? error_errno(err, STATUS_FAILED, folder) : 0;
    free(path);
    return failed;
}

int state_clear_run(const struct state *s, size_t run, struct error *err)
{
    const struct run_row *row = &s->runs->row[run - 1];
    struct config config = *s->runs->sweep->base;
    struct folder folder;
    config.run.output = row->folder;
    folder_init(&folder, &config, FOLDER_OVERWRITE);
    int failed = folder_enter(&folder, 0, err) || (folder.entered && folder_clear(&folder, err));
    if (!failed && folder.entered)
        failed = forget_file(row->folder, STATE_CONSOLE, err);
    folder_fini(&folder);
    return failed ? -1 : 0;
}

/* Clears all; one process does so. */
static int clear(struct state *s, struct error *err)
{
    struct claim *claim = NULL;
    struct claim_look look;
    int taken = claim_take(s->folder, CLAIM_OF_CLEARING, 0, &claim, &look, err), failed = taken < 0;
    if (taken > 0)
        return error_set(err, STATUS_FAILED, "%s: %s is clearing it for another start", s->folder,
                         look.holder);
    for (size_t i = 0; !failed && i < s->runs->count; i++)
        failed = state_clear_run(s, i + 1, err);
    failed = failed || journal_append(s->journal, "cleared", NULL, err) || state_read(s, err);
    claim_release(claim);
    return failed ? -1 : 0;
}

int state_begin(struct state *s, int overwrite, struct error *err)
{
    if (overwrite && s->begun && (check_idle(s, err) || tell_sweep(s, "overwrite", err)))
        return -1;
    if (overwrite && !s->begun) /* runs that were trained one by one */
        if (tell_sweep(s, "overwrite", err))
            return -1;
    if (!s->begun && tell_sweep(s, "sweep", err))
        return -1;
    return state_check(s, err) || (s->to_clear && clear(s, err)) ? -1 : 0;
}

/* --- telling */

int state_tell(struct state *s, const char *event, size_t run, json_t *members, struct error *err)
{
    json_t *all = json_pack("{s:I}", "run", (json_int_t)run);
    json_object_update(all, members);
    json_decref(members);
    return journal_append(s->journal, event, all, err) || state_read(s, err);
}

int state_tell_smaller(struct state *s, size_t run, long batch, long accumulate, struct error *err)
{
    return state_tell(
        s, "smaller", run,
        json_pack("{s:I, s:I}", "batch", (json_int_t)batch, "accumulate", (json_int_t)accumulate),
        err);
}

int state_tell_end(struct state *s, size_t run, struct error *err)
{
    struct run_row *row = &s->runs->row[run - 1];
    follow_read(&row->follow);
    const struct follow *f = &row->follow;
    return state_tell(s, "ended", run,
                      json_pack("{s:I, s:I, s:s, s:o, s:o, s:s, s:O*}", "epochs",
                                (json_int_t)f->epoch, "best_epoch", (json_int_t)f->best_epoch,
                                "figure", f->figure, "best", jsonnumber(f->best), "seconds",
                                jsonnumber(f->seconds), "folder", row->folder, "tested", f->tested),
                      err);
}

int state_is_over(const struct state *s, size_t run)
{
    return s->place[run - 1].state == RUN_ENDED || s->place[run - 1].state == RUN_PRUNED;
}

const char *state_word(const struct state *s, size_t run)
{
    static const char *const word[] = {"waiting", "stopped", "stopped",
                                       "failed",  "ended",   "pruned"};
    struct claim_look look;
    struct error err;
    const enum run_state state = s->place[run - 1].state;
    if (state != RUN_ENDED && !claim_look(s->folder, run, &look, &err) && look.state == CLAIM_HELD)
        return "running";
    return word[state];
}
