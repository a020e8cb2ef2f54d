/* SPDX-License-Identifier: MIT */
#include "sweep/results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/folds.h"
#include "sweep/screen.h"
#include "util/clocale.h"
#include "util/file.h"
#include "util/jsonmem.h"
#include "util/jsonnumber.h"
#include "util/quoted.h"

/* What is known of a run: by its end in the journal or, before, by its log. */
struct result {
    const char *state;
    long epochs, best_epoch;
    double best, seconds; /* NaN: not known */
    const char *message;  /* of its latest failure */
    long batch;           /* that memory has left of its micro-batch; 0: as it is configured */
};

static struct result result_of(const struct state *s, size_t run)
{
    const struct run_place *p = &s->place[run - 1];
    struct follow *f = &s->runs->row[run - 1].follow;
    struct result r = {.state = state_word(s, run), .best = NAN, .seconds = NAN, .batch = p->batch};
    if (p->state == RUN_ENDED) {
        r.epochs = (long)json_integer_value(json_object_get(p->latest, "epochs"));
        r.best_epoch = (long)json_integer_value(json_object_get(p->latest, "best_epoch"));
        r.best = jsonnumber_of(p->latest, "best");
        r.seconds = jsonnumber_of(p->latest, "seconds");
    } else if (p->state != RUN_WAITING && !s->to_clear) {
        follow_read(f);
        r.epochs = f->epoch;
        r.best_epoch = f->best_epoch;
        r.best = f->best;
        r.seconds = f->epoch ? f->seconds : NAN;
    }
    if (p->state == RUN_FAILED)
        r.message = json_string_value(json_object_get(p->latest, "message"));
    return r;
}

double results_figure(const struct state *s, size_t run)
{
    return result_of(s, run).best;
}

/* --- sweep.csv */

/* A field, in quotes where it needs them. */
static void put_field(const char *text, FILE *out)
{
    quoted_put(text, ",\"\r\n", out);
}

static void put_number(double x, FILE *out)
{
    putc(',', out);
    if (isfinite(x))
        fprintf(out, "%.10g", x);
}

static void put_csv(const struct state *s, FILE *out)
{
    const struct sweep *sweep = s->runs->sweep;
    fputs("run,name", out);
    for (size_t k = 0; k < sweep->keys; k++) {
        putc(',', out);
        put_field(sweep->key[k].name, out);
    }
    fputs(",state,failures,epochs,best_epoch,figure,best,seconds,folder,changed", out);
    if (folds_vary(sweep))
        folds_put_names(out);
    putc('\n', out);
    for (size_t run = 1; run <= s->runs->count; run++) {
        const struct run_row *row = &s->runs->row[run - 1];
        const struct result r = result_of(s, run);
        fprintf(out, "%zu,", run);
        put_field(row->name, out);
        for (size_t k = 0; k < sweep->keys; k++) {
            putc(',', out);
            put_field(row->value[k] ? row->value[k] : "", out);
        }
        fprintf(out, ",%s,%u,%ld,%ld,%s", r.state, s->place[run - 1].failures, r.epochs,
                r.best_epoch, row->figure);
        put_number(r.best, out);
        put_number(r.seconds, out);
        putc(',', out);
        put_field(row->folder, out);
        fprintf(out, r.batch ? ",train.batch=%ld" : ",", r.batch);
        if (folds_vary(sweep))
            folds_put_run(s, run, out);
        putc('\n', out);
    }
}

/* --- sweep.json */

/* Names of files may be anything; NULL is not known. */
static json_t *json_name(const char *text)
{
    json_t *string = text ? json_string(text) : NULL;
    return string ? string : json_null();
}

static json_t *json_run(const struct state *s, size_t run)
{
    const struct sweep *sweep = s->runs->sweep;
    const struct run_row *row = &s->runs->row[run - 1];
    const struct result r = result_of(s, run);
    json_t *values = json_object();
    for (size_t k = 0; k < sweep->keys; k++)
        json_object_set_new(values, sweep->key[k].name, json_name(row->value[k]));
    json_t *object = json_pack(
        "{s:I, s:o, s:o, s:o, s:s, s:I, s:I, s:I, s:s, s:o, s:o, s:o}", "run", (json_int_t)run,
        "name", json_name(row->name), "label", json_name(row->label), "values", values, "state",
        r.state, "failures", (json_int_t)s->place[run - 1].failures, "epochs", (json_int_t)r.epochs,
        "best_epoch", (json_int_t)r.best_epoch, "figure", row->figure, "best", jsonnumber(r.best),
        "seconds", jsonnumber(r.seconds), "folder", json_name(row->folder));
    if (r.message)
        json_object_set_new(object, "message", json_string(r.message));
    if (r.batch)
        json_object_set_new(object, "changed",
                            json_pack("{s:I, s:I}", "train.batch", (json_int_t)r.batch,
                                      "train.accumulate",
                                      (json_int_t)s->place[run - 1].accumulate));
    return object;
}

static char *json_of(const struct state *s)
{
    json_t *runs = json_array(), *all;
    for (size_t run = 1; run <= s->runs->count; run++)
        json_array_append_new(runs, json_run(s, run));
    all = json_pack("{s:o, s:o}", "sweep", json_name(s->folder), "runs", runs);
    if (folds_vary(s->runs->sweep))
        json_object_set_new(all, "tests", folds_json(s));
    char *text = jsonmem_dumps(all, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
    json_decref(all);
    return text;
}

/* --- files */

static struct file_draft *begin_file(const struct state *s, const char *name, struct error *err)
{
    char *path = file_join(s->folder, name);
    struct file_draft *draft = path ? file_begin(path, err) : NULL;
    if (!path)
        error_set(err, STATUS_FAILED, "out of memory");
    free(path);
    return draft;
}

static int write_csv(const struct state *s, struct error *err)
{
    struct file_draft *draft = begin_file(s, "sweep.csv", err);
    if (!draft)
        return -1;
    put_csv(s, draft->stream);
    return file_commit(draft, err);
}

static int write_json(const struct state *s, struct error *err)
{
    char *text = json_of(s);
    if (!text)
        return error_set(err, STATUS_FAILED, "out of memory");
    struct file_draft *draft = begin_file(s, "sweep.json", err);
    if (draft)
        fprintf(draft->stream, "%s\n", text);
    free(text);
    return draft ? file_commit(draft, err) : -1;
}

int results_write(struct state *s, struct error *err)
{
    size_t seen;
    int failed;
    locale_t before = clocale_enter();
    do { /* who writes later than another process has read what that one has journaled */
        seen = journal_count(s->journal);
        failed = write_csv(s, err) || write_json(s, err) || state_read(s, err);
    } while (!failed && journal_count(s->journal) != seen);
    clocale_leave(before);
    return failed ? -1 : 0;
}

/* --- for people */

/* The first line of a message that another process has journaled. */
static void put_line(const char *text, FILE *out)
{
    fputs("  ", out);
    for (; *text && *text != '\n'; text++)
        putc((unsigned char)*text < ' ' || *text == 127 ? '?' : *text, out);
}

int results_print(struct state *s, FILE *out, struct error *err)
{
    size_t ended = 0, pruned = 0, failed = 0, running = 0;
    if (state_read(s, err))
        return -1;
    locale_t before = clocale_enter();
    fprintf(out, "%4s  %-24s  %-8s  %6s  %12s  %9s\n", "run", "name", "state", "epochs", "best",
            "time");
    for (size_t run = 1; run <= s->runs->count; run++) {
        const struct result r = result_of(s, run);
        fprintf(out, "%4zu  %-24s  %-8s  %6ld  %12s  %9s", run, s->runs->row[run - 1].name, r.state,
                r.epochs, isfinite(r.best) ? log_figure(r.best, 6).text : "-",
                screen_time(r.seconds).text);
        if (r.batch)
            fprintf(out, "  train.batch = %ld", r.batch);
        if (r.message)
            put_line(r.message, out);
        putc('\n', out);
        ended += !strcmp(r.state, "ended");
        pruned += !strcmp(r.state, "pruned");
        failed += !strcmp(r.state, "failed");
        running += !strcmp(r.state, "running");
    }
    fprintf(out, "%zu of %zu runs ended, ", ended, s->runs->count);
    if (pruned)
        fprintf(out, "%zu pruned, ", pruned);
    fprintf(out, "%zu running, %zu failed.\n", running, failed);
    clocale_leave(before);
    char *tests = folds_text(s);
    if (!tests)
        return error_set(err, STATUS_FAILED, "out of memory");
    if (*tests)
        fprintf(out, "%s\n", tests);
    free(tests);
    return 0;
}

int results_best(const struct state *s, size_t *run, struct error *err)
{
    double best = NAN;
    *run = 0;
    for (size_t i = 0; i < s->runs->count; i++) {
        const struct run_row *row = &s->runs->row[i], *with = *run ? &s->runs->row[*run - 1] : row;
        if (s->place[i].state != RUN_ENDED)
            continue;
        double figure = jsonnumber_of(s->place[i].latest, "best");
        if (strcmp(row->figure, with->figure) || row->lower_is_better != with->lower_is_better)
            return error_set(err, STATUS_USAGE,
                             "run %zu is judged by %s and run %zu by %s: none is the best of all",
                             *run, with->figure, i + 1, row->figure);
        if (isnan(figure) || (*run && !(row->lower_is_better ? figure < best : figure > best)))
            continue;
        best = figure;
        *run = i + 1;
    }
    return 0;
}
