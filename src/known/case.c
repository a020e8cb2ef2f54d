/* SPDX-License-Identifier: MIT */
#include "known/case.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exec/exec.h"
#include "ir/fuse.h"
#include "lower/lower.h"
#include "ops/ops.h"
#include "util/philox.h"

#define SEED UINT64_C(0x243f6a8885a308d3)
#define EPOCH 3

float known_draw(uint32_t stream, size_t index, double low, double high)
{
    uint32_t word[4];
    philox(word, (uint32_t)index, 77, stream, 0, 1);
    return (float)(low + (high - low) * philox_unit(word[0]));
}

double known_allowed(const struct known_case *of)
{
    if (of->allowed > 0)
        return of->allowed;
    if (of->stored == DTYPE_F32)
        return 1e-5;
    return (of->stored == DTYPE_BF16 ? 0x1p-5 : 0x1p-8) * (of->is_smooth ? 2 : 1);
}

int known_is_for(const struct known_case *of, const struct device_info *info)
{
    if (of->where == KNOWN_BY_TF32 || info->tf32)
        return of->where == KNOWN_BY_TF32 && info->tf32;
    return of->where == KNOWN_ANYWHERE || !info->is_cpu;
}

/* --- what is computed with */

float known_rounded(float x, enum dtype type)
{
    int exponent;
    const int digits = type == DTYPE_BF16 ? 8 : 11;
    const double part = frexp((double)x, &exponent);
    return type == DTYPE_F32 ? x : (float)ldexp(nearbyint(ldexp(part, digits)), exponent - digits);
}

static void *room(struct known *k, size_t bytes)
{
    void *p = calloc(1, bytes ? bytes : 1);
    k->failed |= !p;
    return p;
}

/* Arrays of a slot, its numbers drawn; and the reference's. */
static void fill(struct known *k, struct known_slot *s, uint32_t stream, double **value,
                 double **gradient)
{
    s->values = room(k, s->elems * sizeof(float));
    s->got = room(k, s->elems * sizeof(float));
    *value = room(k, s->elems * sizeof(double));
    *gradient = room(k, s->elems * sizeof(double));
    for (size_t i = 0; i < s->elems && !k->failed; i++)
        s->values[i] = known_rounded(known_draw(stream, i, s->low, s->high), k->of->stored);
}

static void fill_input(struct known *k, int i)
{
    struct known_slot *s = &k->in[i];
    if (s->role == KNOWN_ABSENT)
        return;
    fill(k, s, (uint32_t)i, &k->r.x[i], &k->r.dx[i]);
    for (size_t j = 0; j < s->elems && !k->failed; j++)
        k->r.x[i][j] = s->values[j];
}

/* What arrives at an output; a loss begins with its own gradient. */
static void fill_output(struct known *k, int i)
{
    struct known_slot *s = &k->out[i];
    if (!s->elems)
        return;
    s->low = -1;
    s->high = 1;
    fill(k, s, (uint32_t)i + 20, &k->r.y[i], &k->r.dy[i]);
    for (size_t j = 0; j < s->elems && !k->failed; j++)
        k->r.dy[i][j] = k->of->is_loss ? 1 / (double)k->r.count : (double)s->values[j];
}

static void set_shape(struct known *k)
{
    struct ref *r = &k->r;
    *r = k->of->shape;
    r->count = r->b;
    r->dilation = r->dilation ? r->dilation : 1;
    r->base = 1e4;
    r->eps = 1e-5;
    r->epoch = EPOCH;
    r->seed = SEED;
    r->path = "known";
    r->scratch = room(k, ref_scratch(r) * sizeof *r->scratch);
    k->samples = room(k, r->b * sizeof *k->samples);
    k->numbers = room(k, r->b * r->t * sizeof *k->numbers);
    for (size_t b = 0; b < r->b && !k->failed; b++)
        k->samples[b] = (uint32_t)(b * 7919 % 1009 + 5);
    r->sample = k->samples;
    r->number = k->numbers;
}

static int known_open(struct known *k, const struct known_case *of)
{
    memset(k, 0, sizeof *k);
    k->of = of;
    set_shape(k);
    if (k->failed)
        return -1;
    of->slots(k);
    for (int i = 0; i < REF_INPUTS; i++)
        fill_input(k, i);
    for (int i = 0; i < REF_OUTPUTS; i++)
        fill_output(k, i);
    return k->failed ? -1 : 0;
}

static void known_close(struct known *k)
{
    for (int i = 0; i < REF_INPUTS; i++) {
        free(k->in[i].values);
        free(k->in[i].got);
        free(k->r.x[i]);
        free(k->r.dx[i]);
    }
    for (int i = 0; i < REF_OUTPUTS; i++) {
        free(k->out[i].values);
        free(k->out[i].got);
        free(k->r.y[i]);
        free(k->r.dy[i]);
    }
    free(k->r.scratch);
    free(k->samples);
    free(k->numbers);
}

/* --- the graph */

struct tensor *known_rows(struct graph *g, struct known *k, int i, size_t columns)
{
    const size_t b = k->r.b;
    return graph_view(g, k->in[i].tensor, 3, (size_t[]){b, k->in[i].elems / b / columns, columns});
}

struct tensor *known_row(struct graph *g, struct known *k, int i)
{
    return graph_view(g, k->in[i].tensor, 2, (size_t[]){k->r.b, k->in[i].elems / k->r.b});
}

static void make_inputs(struct graph *g, struct known *k)
{
    g->sample = graph_state(g, "sample", DTYPE_U32, 1, &k->r.b);
    for (int i = 0; i < REF_INPUTS; i++) {
        struct known_slot *s = &k->in[i];
        if (s->role != KNOWN_INPUT && s->role != KNOWN_PLAIN)
            continue;
        s->tensor = graph_state(g, s->name, DTYPE_F32, 1, &s->elems);
        s->tensor->needs_grad = s->role == KNOWN_INPUT;
    }
}

/* Outputs stay readable and have the gradient that a reader would have written. */
static void make_outputs(struct graph *g, struct known *k)
{
    for (int i = 0; i < REF_OUTPUTS; i++) {
        struct known_slot *s = &k->out[i];
        if (!s->elems)
            continue;
        s->tensor = graph_as(g, s->tensor, DTYPE_F32);
        struct tensor *y = tensor_base(s->tensor);
        y->keep = 1;
        if (k->of->is_loss)
            continue;
        y->grad = graph_state(g, "upstream", DTYPE_F32, 1, &y->elems);
        y->grad_written = 1;
    }
}

/* Who multiplies as train.precision says; NULL: whoever is best for the device. */
static const struct gemm_provider *provider_of(enum dtype stored)
{
    return gemm_provider_find(stored == DTYPE_BF16  ? "bf16_products"
                              : stored == DTYPE_F16 ? "fp16_products"
                                                    : "");
}

static struct plan *make_plan(struct known *k, struct params *params, struct device *dev,
                              struct error *err)
{
    struct graph *g = graph_new(params, k->r.b, 1);
    if (!g) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    op_store(g, k->of->stored);
    g->products = gemm_provider_for(dev, provider_of(k->of->stored));
    make_inputs(g, k);
    k->of->build(g, k);
    make_outputs(g, k);
    graph_fuse(g);
    struct plan *p = lower_graph(g, dev, err);
    for (int i = 0; i < REF_INPUTS && p; i++)
        if (k->in[i].role == KNOWN_INPUT && k->in[i].tensor->grad)
            k->in[i].tensor->grad->keep = 1;
    return p;
}

/* --- running it */

static size_t param_of(const struct params *params, const char *name)
{
    size_t i = 0;
    while (i < params->count && strcmp(params->list[i]->value.name, name))
        i++;
    return i;
}

static int is_param(const struct known_slot *s)
{
    return s->role == KNOWN_PARAM || s->role == KNOWN_KEPT;
}

static int write_input(struct plan *p, const struct known_slot *s, struct error *err)
{
    if (s->role == KNOWN_ABSENT)
        return 0;
    if (!is_param(s))
        return tensor_write(s->tensor, s->values, err);
    const size_t i = param_of(p->params, s->name);
    if (i == p->params->count || p->params->list[i]->value.elems != s->elems)
        return error_set(err, STATUS_FAILED, "there is no parameter %s", s->name);
    return params_write(p->params, i, p->params->values, s->values, err);
}

static int write_all(struct plan *p, struct known *k, struct error *err)
{
    const struct step step = {.count = (uint32_t)k->r.count,
                              .group = (uint32_t)k->r.count,
                              .epoch = EPOCH,
                              .seed = {(uint32_t)SEED, (uint32_t)(SEED >> 32)}};
    int failed =
        tensor_write(p->step, &step, err) || tensor_write(p->graph->sample, k->samples, err);
    for (int i = 0; i < REF_INPUTS && !failed; i++)
        failed = write_input(p, &k->in[i], err);
    for (int i = 0; i < REF_OUTPUTS && !failed; i++) {
        const struct known_slot *s = &k->out[i];
        if (s->elems && !k->of->is_loss)
            failed = tensor_write(tensor_base(s->tensor)->grad, s->values, err);
    }
    return failed ? -1 : 0;
}

static int read_gradient(struct plan *p, const struct known_slot *s, struct error *err)
{
    if (s->role == KNOWN_PARAM)
        return params_read(p->params, param_of(p->params, s->name), p->params->grads, s->got, err);
    if (s->role == KNOWN_INPUT && s->tensor->grad)
        return tensor_read(s->tensor->grad, s->got, err);
    return 0;
}

static int read_all(struct plan *p, struct known *k, struct error *err)
{
    int failed = 0;
    for (int i = 0; i < REF_OUTPUTS && !failed; i++)
        failed = k->out[i].elems && tensor_read(k->out[i].tensor, k->out[i].got, err);
    for (int i = 0; i < REF_INPUTS && !failed; i++)
        failed = read_gradient(p, &k->in[i], err);
    return failed ? -1 : 0;
}

static int run_plan(struct plan *p, struct known *k, struct error *err)
{
    struct device *dev = p->dev;
    params_place(p->params, device_info(dev)->base_align);
    if (p->params->count && params_allocate(p->params, dev, 1, err))
        return -1;
    const struct gemm_provider *provider = provider_of(k->of->stored);
    return plan_place(p, err) || exec_prepare(p, NULL, provider, err) || write_all(p, k, err) ||
                   exec_run(p, 0, p->launch_count, err) || device_finish(dev, err) ||
                   read_all(p, k, err)
               ? -1
               : 0;
}

/* --- judging it */

/* The largest deviation; numbers that were rounded on their way to a kink are judged as a whole,
 * since one of them may lie on its other side. What is no number is as far as can be. */
static double apart_of(const float *got, const double *want, size_t n, int as_whole)
{
    double square = 0, apart = 0, all = 0;
    for (size_t i = 0; i < n; i++)
        square += want[i] * want[i];
    const double typical = sqrt(square / (double)n);
    for (size_t i = 0; i < n; i++) {
        const double off = fabs((double)got[i] - want[i]);
        if (!isfinite(off))
            return INFINITY;
        all += off * off;
        apart = fmax(apart, off / (fabs(want[i]) + typical + 1e-2));
    }
    return as_whole ? sqrt(all / (double)n) / (typical + 1e-3) : apart;
}

static double judge(const struct known *k)
{
    const int as_whole = k->of->stored != DTYPE_F32 && !k->of->is_smooth;
    double apart = 0;
    for (int i = 0; i < REF_OUTPUTS; i++)
        if (k->out[i].elems)
            apart = fmax(apart, apart_of(k->out[i].got, k->r.y[i], k->out[i].elems, as_whole));
    for (int i = 0; i < REF_INPUTS; i++)
        if (k->in[i].role == KNOWN_INPUT || k->in[i].role == KNOWN_PARAM)
            apart = fmax(apart, apart_of(k->in[i].got, k->r.dx[i], k->in[i].elems, as_whole));
    return apart;
}

struct plan *known_plan(const struct known_case *of, struct device *dev, struct params *params,
                        struct error *err)
{
    struct known k;
    struct plan *p = NULL;
    if (known_open(&k, of))
        error_set(err, STATUS_FAILED, "out of memory");
    else
        p = make_plan(&k, params, dev, err);
    known_close(&k);
    return p;
}

int known_run(const struct known_case *of, struct device *dev, double *apart, struct error *err)
{
    struct known k;
    struct params *params = params_new(0);
    int failed = known_open(&k, of) || !params ? error_set(err, STATUS_FAILED, "out of memory") : 0;
    struct plan *p = failed ? NULL : make_plan(&k, params, dev, err);
    failed = failed || !p || run_plan(p, &k, err);
    if (!failed) {
        of->forward(&k.r);
        of->back(&k.r);
        *apart = judge(&k);
    }
    plan_free(p);
    params_free(params);
    known_close(&k);
    return failed ? -1 : 0;
}
