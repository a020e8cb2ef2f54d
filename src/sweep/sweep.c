/* SPDX-License-Identifier: MIT */
#include "sweep/sweep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/prepare.h"
#include "sweep/chain.h"
#include "sweep/names.h"
#include "sweep/sampler.h"
#include "sweep/values.h"
#include "util/clocale.h"
#include "util/file.h"

#define MOST_RUNS 10000

/* A sweep that is being read. */
struct reading {
    struct sweep *sweep;
    struct values *values; /* [keys] */
    struct error *err;
    int faults;
    int failed; /* for want of memory: `err` tells so, and no fault */
};

/* --- faults: all are told, a line each */

/* Adds a fault to those before; -1. */
static int add_fault(struct reading *r, const struct error *one)
{
    struct error *all = r->err;
    size_t used = r->faults ? strlen(all->text) : 0;
    if (r->failed)
        return -1;
    r->failed = one->status == STATUS_FAILED;
    if (r->failed)
        *all = *one;
    else if (!r->faults || used + 1 + strlen(one->text) < sizeof all->text)
        snprintf(all->text + used, sizeof all->text - used, "%s%s", used ? "\n" : "", one->text);
    all->status = one->status;
    r->faults++;
    return -1;
}

static int out_of_memory(struct reading *r)
{
    struct error one = {0};
    error_set(&one, STATUS_FAILED, "[sweep]: out of memory");
    return add_fault(r, &one);
}

/* What is wrong with a key that varies; -1. */
static int key_fault(struct reading *r, size_t key, const char *what)
{
    struct error one = {0};
    config_varied_fault(r->sweep->base, key, &one, "%s", what);
    return add_fault(r, &one);
}

/* --- reading */

/* Whether a key takes each of its values. */
static int try_values(struct reading *r, size_t key)
{
    const struct values *v = &r->values[key];
    struct error one = {0};
    int failed = 0;
    for (size_t i = 0; i < v->count && !r->failed; i++)
        if (config_try(r->sweep->base, key, v->item[i], &one))
            failed = add_fault(r, &one);
    for (size_t i = 0; !v->item && i < 2 && !r->failed; i++)
        if (config_try(r->sweep->base, key, v->bound[i], &one))
            failed = add_fault(r, &one);
    return failed;
}

static int read_key(struct reading *r, size_t key, const struct config_varied *varied)
{
    char what[VALUES_FAULT];
    if (values_read(&r->values[key], varied, what))
        return *what ? key_fault(r, key, what) : out_of_memory(r);
    if (!r->values[key].item && r->sweep->base->sweep.sampler == SAMPLER_GRID)
        return key_fault(r, key, "a range is drawn from: a grid has none (sampler = random)");
    return try_values(r, key);
}

/* The axis of a key: that of the first key of its zip, or one of its own. */
static int add_axis(struct reading *r, size_t key)
{
    struct sweep *s = r->sweep;
    const struct values *v = &r->values[key];
    char what[VALUES_FAULT];
    for (size_t i = 0; v->zip && i < key; i++) {
        if (r->values[i].zip != v->zip)
            continue;
        s->key[key].axis = s->key[i].axis;
        if (r->values[i].count == v->count)
            return 0;
        snprintf(what, sizeof what, "has %zu value%s, but %s, which it walks along with, has %zu",
                 v->count, v->count == 1 ? "" : "s", s->key[i].name, r->values[i].count);
        return key_fault(r, key, what);
    }
    s->key[key].axis = s->axes;
    s->axis[s->axes++] = (struct axis){.name = s->key[key].name,
                                       .kind = v->kind,
                                       .choices = v->count,
                                       .low = v->low,
                                       .high = v->high};
    return 0;
}

/* Whether choices a and b of an axis are the same, in all of its keys. */
static int same_choices(const struct sweep *s, size_t axis, size_t a, size_t b)
{
    for (size_t k = 0; k < s->keys; k++)
        if (s->key[k].axis == axis && strcmp(s->key[k].choice[a], s->key[k].choice[b]) != 0)
            return 0;
    return 1;
}

static int check_twice(struct reading *r, size_t key)
{
    const struct sweep *s = r->sweep;
    size_t axis = s->key[key].axis;
    char what[VALUES_FAULT];
    if (s->axis[axis].name != s->key[key].name || !s->key[key].choice)
        return 0;
    for (size_t b = 1; b < s->axis[axis].choices; b++)
        for (size_t a = 0; a < b; a++)
            if (same_choices(s, axis, a, b)) {
                snprintf(what, sizeof what, "value %zu is value %zu again: '%.60s'", b + 1, a + 1,
                         s->key[key].choice[b]);
                return key_fault(r, key, what);
            }
    return 0;
}

/* Keys and their axes. */
static int read_keys(struct reading *r)
{
    struct sweep *s = r->sweep;
    struct config_varied varied;
    for (size_t i = 0; i < s->keys; i++) {
        config_varied(s->base, i, &varied);
        s->key[i].is_whole = varied.is_whole;
        if (!(s->key[i].name = strdup(varied.name)))
            return out_of_memory(r);
        read_key(r, i, &varied);
    }
    for (size_t i = 0; i < s->keys; i++)
        if (r->values[i].kind != AXIS_CHOICE || r->values[i].count)
            add_axis(r, i);
    if (r->faults)
        return -1;
    for (size_t i = 0; i < s->keys; i++) {
        s->key[i].choice = r->values[i].item;
        r->values[i].item = NULL;
        r->values[i].count = 0;
    }
    for (size_t i = 0; i < s->keys; i++)
        check_twice(r, i);
    return r->faults ? -1 : 0;
}

/* How many runs there are. */
static int count_runs(struct sweep *s, struct error *err)
{
    s->runs = 1;
    if (s->base->sweep.sampler != SAMPLER_GRID) {
        s->runs = (size_t)s->base->sweep.samples;
        return 0;
    }
    for (size_t i = 0; i < s->axes; i++) {
        if (s->axis[i].choices > MOST_RUNS / s->runs)
            return error_set(err, STATUS_USAGE,
                             "%s: [sweep] is a grid of more than %d runs; sampler = random tries "
                             "some of them",
                             config_name(s->base), MOST_RUNS);
        s->runs *= s->axis[i].choices;
    }
    return 0;
}

/* --- all runs, before there is one */

struct folder {
    char *path;
    size_t number;
};

static int compare_folders(const void *va, const void *vb)
{
    const struct folder *a = va, *b = vb;
    int order = strcmp(a->path, b->path);
    return order ? order : a->number < b->number ? -1 : a->number > b->number;
}

/* The first key that varies and is not the run folder. */
static const char *other_key(const struct sweep *s)
{
    size_t i = s->keys > 1 && !strcmp(s->key[0].name, "run.output");
    return s->key[i].name;
}

/* Makes each run; two must not have one folder. */
static int try_runs(const struct sweep *s, struct error *err)
{
    struct folder *folder = calloc(s->runs, sizeof *folder);
    struct sweep_run run;
    size_t made = 0;
    int result = folder ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    for (; !result && made < s->runs; made++) {
        if (sweep_run(s, made + 1, NULL, &run, err))
            break;
        folder[made] = (struct folder){strdup(run.folder), made + 1};
        sweep_run_fini(&run);
        if (!folder[made].path)
            break;
    }
    if (!result && made < s->runs)
        result = *err->text ? -1 : error_set(err, STATUS_FAILED, "out of memory");
    if (!result)
        qsort(folder, made, sizeof *folder, compare_folders);
    for (size_t i = 1; !result && i < made; i++)
        if (!strcmp(folder[i].path, folder[i - 1].path))
            result = error_set(
                err, STATUS_USAGE,
                "%s: runs %zu and %zu would share the folder %s: let run.output hold what "
                "varies (${%s}), or leave it out, and each run has a folder in sweep.output",
                config_name(s->base), folder[i - 1].number, folder[i].number, folder[i].path,
                other_key(s));
    for (size_t i = 0; folder && i < s->runs; i++)
        free(folder[i].path);
    free(folder);
    return result;
}

/* Whether two runs of a grid have names that differ in nothing. */
static int find_numbered(struct sweep *s, struct error *err)
{
    struct folder *name = calloc(s->runs, sizeof *name);
    double *point = calloc(s->axes + 1, sizeof *point);
    int result = name && point ? 0 : -1;
    s->numbered = s->base->sweep.sampler != SAMPLER_GRID;
    for (size_t i = 0; !result && !s->numbered && i < s->runs; i++) {
        sweep_point(s, i + 1, point);
        name[i] = (struct folder){names_of(s, i + 1, point), i + 1};
        result = name[i].path ? 0 : -1;
    }
    if (!result && !s->numbered) {
        qsort(name, s->runs, sizeof *name, compare_folders);
        for (size_t i = 1; i < s->runs; i++)
            s->numbered |= !strcmp(name[i].path, name[i - 1].path);
    }
    for (size_t i = 0; name && i < s->runs; i++)
        free(name[i].path);
    free(name);
    free(point);
    return result ? error_set(err, STATUS_FAILED, "out of memory") : 0;
}

/* --- opening */

static int open_keys(struct sweep *s, struct error *err)
{
    struct config_varied varied;
    while (!config_varied(s->base, s->keys, &varied))
        s->keys++;
    struct reading r = {.sweep = s, .err = err};
    s->key = calloc(s->keys + 1, sizeof *s->key);
    s->axis = calloc(s->keys + 1, sizeof *s->axis);
    r.values = calloc(s->keys + 1, sizeof *r.values);
    int failed = !s->key || !s->axis || !r.values ? error_set(err, STATUS_FAILED, "out of memory")
                                                  : read_keys(&r);
    for (size_t i = 0; r.values && i < s->keys; i++)
        values_release(&r.values[i]);
    free(r.values);
    return failed;
}

/* Whether the file or a setting says a key of [run], "run.output", or it varies. */
static int is_said(const struct sweep *s, const char *name)
{
    return config_is_set(s->base, "run", strchr(name, '.') + 1) || sweep_key_of(s, name);
}

/* What a search cannot do: it knows a run's values when the run begins. */
static int check_tpe(const struct sweep *s, struct error *err)
{
    if (s->base->sweep.sampler != SAMPLER_TPE || !s->has_folder)
        return 0;
    return error_set(err, STATUS_USAGE,
                     "%s: [sweep] sampler = tpe: each run has a folder in sweep.output, named by "
                     "its number; run.output is to be left out",
                     config_name(s->base));
}

struct sweep *sweep_open(const char *path, char *const *settings, size_t count, struct error *err)
{
    struct sweep *s = calloc(1, sizeof *s);
    if (!s) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    s->base = prepare_config(path, settings, count, err);
    if (!s->base || open_keys(s, err) || count_runs(s, err) || chain_check(s, err))
        goto failed;
    s->has_folder = is_said(s, "run.output");
    s->has_name = is_said(s, "run.name");
    *err->text = 0;
    if (check_tpe(s, err) || find_numbered(s, err) || try_runs(s, err))
        goto failed;
    return s;
failed:
    sweep_free(s);
    return NULL;
}

void sweep_free(struct sweep *s)
{
    for (size_t k = 0; s && k < s->keys && s->key; k++) {
        for (size_t i = 0; s->key[k].choice && i < s->axis[s->key[k].axis].choices; i++)
            free(s->key[k].choice[i]);
        free(s->key[k].choice);
        free(s->key[k].name);
    }
    if (s) {
        free(s->key);
        free(s->axis);
        config_free(s->base);
    }
    free(s);
}

/* --- points */

void sweep_point(const struct sweep *s, size_t number, double *point)
{
    if (s->base->sweep.sampler != SAMPLER_GRID) {
        struct sampler sampler = {
            .axis = s->axis, .axes = s->axes, .seed = (uint64_t)s->base->run.seed};
        sampler_random(&sampler, number, point);
        return;
    }
    size_t left = number - 1;
    for (size_t i = s->axes; i-- > 0;) { /* the last axis walks fastest */
        point[i] = (double)(left % s->axis[i].choices);
        left /= s->axis[i].choices;
    }
}

/* Where a value stands on the axis of its key. */
static int place_of(const struct sweep *s, const struct sweep_key *key, const char *text,
                    double *place)
{
    const struct axis *axis = &s->axis[key->axis];
    char *end;
    for (size_t i = 0; key->choice && i < axis->choices; i++)
        if (!strcmp(text, key->choice[i])) {
            *place = (double)i;
            return 0;
        }
    *place = strtod(text, &end);
    return key->choice || end == text || *end || !isfinite(*place) ? -1 : 0;
}

int sweep_point_of(const struct sweep *s, const json_t *values, double *point)
{
    locale_t before = clocale_enter();
    int failed = 0;
    for (size_t k = s->keys; !failed && k-- > 0;) { /* the first key of an axis is the last here */
        const char *text = json_string_value(json_object_get(values, s->key[k].name));
        failed = !text || place_of(s, &s->key[k], text, &point[s->key[k].axis]);
    }
    clocale_leave(before);
    return failed ? -1 : 0;
}

/* --- runs */

static int fill_run(const struct sweep *s, size_t number, const double *point, int starts,
                    struct sweep_run *run, struct error *err);

/* The value of a key as a setting; the caller frees. NULL: memory. */
char *sweep_value(const struct sweep_key *key, const double *point)
{
    double value = point[key->axis];
    if (key->choice)
        return strdup(key->choice[(size_t)value]);
    return names_number(key->is_whole ? floor(value + 0.5) : value, 17);
}

/* "KEY=FOLDER/NAME", in which nothing is replaced. */
static char *path_setting(const char *key, const char *folder, const char *name)
{
    char *path = file_join(folder, name), *text = NULL;
    size_t size;
    FILE *out = path ? open_memstream(&text, &size) : NULL;
    if (out)
        fprintf(out, "%s=\"", key);
    for (const char *at = path; out && *at; at++) {
        if (!strncmp(at, "${", 2))
            putc('$', out);
        if (*at == '"')
            putc('"', out);
        putc(*at, out);
    }
    if (out)
        putc('"', out);
    free(path);
    if (out && !fclose(out))
        return text;
    free(text);
    return NULL;
}

/* "run.name=NAME" */
static char *name_setting(const char *name)
{
    char *text;
    return asprintf(&text, "run.name=%s", name) < 0 ? NULL : text;
}

/* Where a run of a chain starts from, as a setting; *setting stays NULL where it starts afresh. */
static int init_setting(const struct sweep *s, size_t number, char **setting, struct error *err)
{
    const size_t before = chain_before(s, number);
    struct sweep_run run;
    if (!before)
        return 0;
    if (fill_run(s, before, NULL, 0, &run, err))
        return -1;
    *setting = path_setting("model.init", run.folder, "best.safetensors");
    sweep_run_fini(&run);
    return *setting ? 0 : error_set(err, STATUS_FAILED, "out of memory");
}

/* `starts`: with what it starts from. */
static int make_run(const struct sweep *s, const double *point, int starts, const char **value,
                    struct sweep_run *run, struct error *err)
{
    char *own[3] = {NULL}; /* what the file does not say */
    size_t owns = 0;
    if (starts && init_setting(s, run->number, own, err))
        return -1;
    owns += own[0] != NULL;
    run->name = names_of(s, run->number, point);
    run->label = names_label(s, point);
    int failed = !run->name || !run->label;
    for (size_t i = 0; !failed && i < s->keys; i++)
        failed = !(value[i] = sweep_value(&s->key[i], point));
    if (!failed && !s->has_folder)
        failed = !(own[owns++] = path_setting("run.output", s->base->sweep.output, run->name));
    if (!failed && !s->has_name)
        failed = !(own[owns++] = name_setting(run->name));
    if (failed)
        error_set(err, STATUS_FAILED, "out of memory");
    else if (!(run->config = config_vary(s->base, value, own, owns, prepare_check, err)))
        error_prefix(err, "run %zu (%s)", run->number, run->label);
    for (size_t i = 0; i < owns; i++)
        free(own[i]);
    if (!run->config)
        return -1;
    run->folder = run->config->run.output;
    return (run->setting = config_settings(run->config, &run->settings, err)) ? 0 : -1;
}

static int fill_run(const struct sweep *s, size_t number, const double *point, int starts,
                    struct sweep_run *run, struct error *err)
{
    const char **value = calloc(s->keys + 1, sizeof *value);
    double *own = calloc(s->axes + 1, sizeof *own);
    *run = (struct sweep_run){.number = number};
    int failed = !value || !own;
    if (failed)
        error_set(err, STATUS_FAILED, "out of memory");
    if (!failed && !point)
        sweep_point(s, number, own);
    failed = failed || make_run(s, point ? point : own, starts, value, run, err);
    for (size_t i = 0; value && i < s->keys; i++)
        free((char *)value[i]);
    free(value);
    free(own);
    if (failed)
        sweep_run_fini(run);
    return failed ? -1 : 0;
}

int sweep_run(const struct sweep *s, size_t number, const double *point, struct sweep_run *run,
              struct error *err)
{
    return fill_run(s, number, point, 1, run, err);
}

void sweep_run_fini(struct sweep_run *run)
{
    for (size_t i = 0; run->setting && i < run->settings; i++)
        free(run->setting[i]);
    free(run->setting);
    free(run->name);
    free(run->label);
    config_free(run->config);
    *run = (struct sweep_run){0};
}
