/* SPDX-License-Identifier: MIT */
/*
 * oracle [-g] [-p] BASE FILE [SECTION.KEY=VALUE ...]: writes what a training of the configuration
 * FILE, or of a case of tests/golden/, launches into BASE.launches, where tensors lie into
 * BASE.places, and the figures and hashes of three steps and one batch of evaluation into
 * BASE.results. -g: cut as for a GPU. -p: only plans, no results. tests/oracle.sh calls it for many
 * cases and compares two builds.
 *
 * Names stand in quotes, so that launches can be compared without them.
 */
#include <stdlib.h>
#include <string.h>

#include "chosen.h"
#include "golden_case.h"
#include "ir/graph.h"
#include "models/model.h"
#include "train/engine.h"

enum { STEPS = 3 };

static int failed;

/* Tells a failure; nothing is written behind the first. */
static int told(const struct error *err)
{
    fprintf(stderr, "oracle: %s\n", err->text);
    failed = 1;
    return 1;
}

/* --- launches */

static void print_tensor(FILE *out, const char *how, const struct tensor *t)
{
    fprintf(out, " %s \"%s\"[", how, t->name);
    for (int i = 0; i < t->rank; i++)
        fprintf(out, "%s%zu", i ? "," : "", t->dim[i]);
    fputc(']', out);
}

static void print_arg(FILE *out, const struct launch_arg *arg)
{
    switch (arg->kind) {
    case ARG_READ:
        print_tensor(out, "read", arg->tensor);
        break;
    case ARG_WRITE:
        print_tensor(out, "write", arg->tensor);
        break;
    case ARG_UPDATE:
        print_tensor(out, "update", arg->tensor);
        break;
    case ARG_INT:
        fprintf(out, " int %d", (int)arg->i);
        break;
    case ARG_FLOAT:
        fprintf(out, " float %a", (double)arg->f);
        break;
    }
}

static void print_launch(FILE *out, const struct launch *l)
{
    if (l->is_gemm)
        fprintf(out, "gemm %zux%zux%zu%s%s by \"%s\"", l->gemm.m, l->gemm.n, l->gemm.k,
                l->gemm.trans_a ? " A'" : "", l->gemm.trans_b ? " B'" : "",
                l->product ? gemm_describe(l->product) : "");
    else
        fprintf(out, "%s:%s %zu groups of %zu, %s", l->file, l->name, l->groups, l->lanes,
                l->options);
    fprintf(out, " for \"%s\"", l->label);
    for (unsigned a = 0; a < l->args; a++)
        print_arg(out, &l->arg[a]);
    fputc('\n', out);
}

static void print_launches(FILE *out, const char *title, const struct plan *p)
{
    fprintf(out, "%s, batch %zu, %zu launches\n", title, p->graph->batch, p->launch_count);
    for (size_t i = 0; i < p->launch_count; i++)
        print_launch(out, p->launches[i]);
}

/* --- places */

static int by_place(const void *a, const void *b)
{
    const struct tensor *x = *(struct tensor *const *)a, *y = *(struct tensor *const *)b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    if (x->segment != y->segment)
        return x->segment < y->segment ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

struct chosen {
    struct tensor **item; /* NULL: they are counted */
    size_t count;
};

static int choose(struct tensor *t, void *ctx)
{
    struct chosen *c = ctx;
    if (t->kind != TENSOR_ACTIVATION || t->first < 0)
        return 0;
    if (c->item)
        c->item[c->count] = t;
    c->count++;
    return 0;
}

static void print_places(FILE *out, const char *title, const struct plan *p)
{
    struct chosen c = {0};
    plan_each_tensor(p, choose, &c);
    c.item = calloc(c.count + 1, sizeof(struct tensor *));
    c.count = 0;
    if (c.item)
        plan_each_tensor(p, choose, &c);
    if (c.item)
        qsort(c.item, c.count, sizeof(struct tensor *), by_place);
    fprintf(out, "%s: %zu segments, %zu bytes\n", title, p->segments, p->activation_bytes);
    for (size_t i = 0; i < c.count; i++)
        fprintf(out, "segment %zu at %zu, %zu bytes, launches %d to %d \"%s\"\n",
                c.item[i]->segment, c.item[i]->offset, tensor_bytes(c.item[i]), c.item[i]->first,
                c.item[i]->last, c.item[i]->name);
    free(c.item);
}

static void print_params(FILE *out, const struct params *params)
{
    fprintf(out, "parameters: %zu words, %zu decayed, %zu running\n", params->elems,
            params->decayed, params->running);
    for (size_t i = 0; i < params->count; i++)
        fprintf(out, "at %zu, %zu bytes \"%s\"\n", params->list[i]->value.offset,
                params->list[i]->value.elems * 4, params->list[i]->value.name);
}

/* --- results */

/* FNV-1a (Fowler, Noll, Vo) of words. */
static unsigned long hash_of(const float *x, size_t count)
{
    unsigned long hash = 0xcbf29ce484222325UL;
    for (size_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, &x[i], sizeof word);
        hash = (hash ^ word) * 0x100000001b3UL;
    }
    return hash;
}

static struct step step_of(const struct engine *e, size_t number, size_t first, size_t group)
{
    struct step step = {.first = (uint32_t)first,
                        .group = (uint32_t)group,
                        .epoch = 1,
                        .seed = {(uint32_t)e->config->run.seed, 0},
                        .number = (uint32_t)number};
    optim_step(&e->optim, e->config->train.lr, &step);
    return step;
}

static int print_step(FILE *out, struct engine *e, size_t number, struct error *err)
{
    struct metrics m;
    if (engine_read_metrics(e, &m, err))
        return -1;
    fprintf(out, "step %zu: loss %a, term 1 %a, term 2 %a, gradient norm %a\n", number,
            (double)m.loss[0], (double)m.term[0][0], (double)m.term[1][0], (double)m.last_norm);
    return 0;
}

/* The windows in an order of their own, again and again. */
static int train(FILE *out, struct engine *e, struct error *err)
{
    const struct metrics zero = {0};
    size_t n = e->data->count[PART_TRAIN], batch = (size_t)e->config->train.batch, at = 0;
    size_t group = batch * (size_t)e->config->train.accumulate;
    if (engine_order(e, e->data->start[PART_TRAIN], n, err) || engine_write_metrics(e, &zero, err))
        return -1;
    for (size_t number = 1; number <= STEPS; number++) {
        size_t samples = n - at < group ? n - at : group;
        struct step step = step_of(e, number, at, samples);
        for (size_t done = 0; done < samples; done += step.count) {
            step.first = (uint32_t)(at + done);
            step.count = (uint32_t)(samples - done < batch ? samples - done : batch);
            if (engine_micro(e, &step, err))
                return -1;
        }
        if (engine_update(e, err) || print_step(out, e, number, err))
            return -1;
        at = at + samples == n ? 0 : at + samples;
    }
    return 0;
}

static int print_parameters(FILE *out, const struct params *params, struct error *err)
{
    for (size_t i = 0; i < params->count; i++) {
        const struct tensor *t = &params->list[i]->value;
        float *x = calloc(t->elems, sizeof *x);
        if (!x)
            return error_set(err, STATUS_FAILED, "out of memory");
        int bad = params_read(params, i, params->values, x, err);
        fprintf(out, "%s %016lx \"%s\"\n",
                params->list[i]->group == PARAM_RUNNING ? "statistic" : "parameter",
                hash_of(x, t->elems), t->name);
        free(x);
        if (bad)
            return -1;
    }
    return 0;
}

/* One batch of evaluation, of the validation part where there is one. */
static int evaluate(FILE *out, struct engine *e, struct error *err)
{
    int part = e->data->count[PART_VALIDATION] ? PART_VALIDATION : PART_TRAIN;
    size_t n = e->data->count[part] < e->eval_batch ? e->data->count[part] : e->eval_batch;
    size_t latent = e->eval_io.latent ? e->eval_io.latent->elems / e->eval_batch * n : 0;
    size_t elems = e->eval_io.output ? e->eval_io.output->elems / e->eval_batch * n : 0;
    float *value = calloc(n, 4), *z = calloc(latent + 1, 4), *y = calloc(elems + 1, 4);
    struct outputs outputs = {
        .value = value, .latent = latent ? z : NULL, .output = elems ? y : NULL};
    struct evaluation sums;
    int bad = value && z && y ? engine_evaluate(e, e->data->start[part], n, &outputs, &sums, err)
                              : error_set(err, STATUS_FAILED, "out of memory");
    if (!bad)
        fprintf(out,
                "evaluation of %zu: loss %a, term 1 %a, term 2 %a\nvalues %016lx\n"
                "latent %016lx\noutput %016lx\n",
                n, sums.loss, sums.term[0], sums.term[1], hash_of(value, n), hash_of(z, latent),
                hash_of(y, elems));
    free(value);
    free(z);
    free(y);
    return bad;
}

/* --- a case */

static FILE *open_part(const char *base, const char *part)
{
    char path[1024];
    snprintf(path, sizeof path, "%s.%s", base, part);
    FILE *out = fopen(path, "w");
    if (!out)
        perror(path);
    failed |= !out;
    return out;
}

static void close_part(FILE *out)
{
    failed |= out && (ferror(out) | fclose(out));
}

static void write_plan(const struct engine *e, const char *base)
{
    FILE *launches = open_part(base, "launches"), *places = open_part(base, "places");
    if (launches && places) {
        print_launches(launches, "training", e->train);
        print_launches(launches, "evaluation", e->eval);
        print_places(places, "training", e->train);
        print_places(places, "evaluation", e->eval);
        print_params(places, e->params);
    }
    close_part(launches);
    close_part(places);
}

static void write_results(struct engine *e, const char *base)
{
    struct error err = {0};
    FILE *out = open_part(base, "results");
    if (out &&
        (teacher_load(e, &err) || params_init(e->params, (uint64_t)e->config->run.seed, &err) ||
         train(out, e, &err) || print_parameters(out, e->params, &err) || evaluate(out, e, &err)))
        told(&err);
    close_part(out);
}

struct how {
    int as_gpu, only_plans;
    const char *base;
};

static void write_case(const struct config *config, const struct dataset *data,
                       const struct teacher *teacher, struct how how)
{
    struct error err = {0};
    struct engine *e = engine_open(
        config, data,
        &(struct engine_options){.training = 1,
                                 .teacher = teacher,
                                 .own = {.as_gpu = how.as_gpu, .only_plans = how.only_plans}},
        &err);
    if (!e) {
        told(&err);
        return;
    }
    write_plan(e, how.base);
    if (!how.only_plans)
        write_results(e, how.base);
    engine_close(e);
}

static void write_ini(const char *path, char **settings, size_t count, struct how how)
{
    struct error err = {0};
    struct log *log = log_new(LOG_QUIET);
    struct config *config = log ? config_load_with(path, settings, count, model_check, &err) : NULL;
    struct dataset *data = config ? dataset_load(config, NULL, log, &err) : NULL;
    if (data)
        write_case(config, data, NULL, how);
    else
        told(&err);
    dataset_free(data);
    config_free(config);
    if (log)
        log_close(log, &err);
}

static void write_golden(const char *path, struct how how)
{
    struct error err = {0};
    struct golden c;
    if (golden_open(&c, path, chosen_device(), &err)) {
        told(&err);
    } else {
        if (how.as_gpu)
            c.config->device.gemm = GEMM_OWN;
        write_case(c.config, &c.data, golden_teacher(&c), how);
    }
    golden_close(&c);
}

int main(int argc, char **argv)
{
    struct how how = {0};
    int at = 1;
    for (; at < argc && argv[at][0] == '-'; at++) {
        how.as_gpu |= !strcmp(argv[at], "-g");
        how.only_plans |= !strcmp(argv[at], "-p");
    }
    if (argc < at + 2) {
        fprintf(stderr, "usage: oracle [-g] [-p] BASE FILE [SECTION.KEY=VALUE ...]\n");
        return 2;
    }
    how.base = argv[at];
    const char *path = argv[at + 1], *end = strrchr(path, '.');
    if (end && !strcmp(end, ".safetensors"))
        write_golden(path, how);
    else
        write_ini(path, argv + at + 2, (size_t)(argc - at - 2), how);
    return failed;
}
