/* SPDX-License-Identifier: MIT */
#include "train/plan_text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ir/graph.h"
#include "util/jsonmem.h"

/* Of the way in which graphs become launches. It rises where other launches come to make the same
 * bits, so that runs of the version before still go on; a plan of 0.1.0 has none. */
#define PLAN_NUMBER 4

static json_t *launches_json(const struct plan *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->launch_count; i++) {
        const struct launch *l = p->launches[i];
        if (l->sent || l->moves) /* no bit depends on where a frozen weight lies */
            continue;
        if (l->is_gemm)
            json_array_append_new(
                list, json_pack("{s:s, s:s, s:[i,i,i], s:[b,b]}", "gemm", l->label, "product",
                                l->product ? gemm_describe(l->product) : "", "m, n, k",
                                (int)l->gemm.m, (int)l->gemm.n, (int)l->gemm.k, "transposed",
                                l->gemm.trans_a, l->gemm.trans_b));
        else
            json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:s, s:I, s:I}", "kernel", l->name, "for",
                                            l->label, "options", l->options, "groups",
                                            (json_int_t)l->groups, "lanes", (json_int_t)l->lanes));
    }
    return list;
}

char *plan_text(const struct engine *e)
{
    const struct device_info *d = device_info(e->dev);
    json_t *plan = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "device", d->name, "platform",
                             d->platform, "driver", d->driver, "version", d->version, "gemm",
                             gemm_provider_name(e->dev, e->gemm), "number", PLAN_NUMBER);
    if (!plan)
        return NULL;
    if (e->train)
        json_object_set_new(plan, "training", launches_json(e->train));
    json_object_set_new(plan, "evaluation", launches_json(e->eval));
    char *text = jsonmem_dumps(plan, JSON_INDENT(1));
    json_decref(plan);
    return text;
}

/* "WHERE: A in the checkpoint, B here". 1, or -1 without memory. */
static int differ(const char *where, const json_t *a, const json_t *b, char *out, size_t size)
{
    char *old = a ? jsonmem_dumps(a, JSON_ENCODE_ANY) : strdup("nothing");
    char *now = b ? jsonmem_dumps(b, JSON_ENCODE_ANY) : strdup("nothing");
    int result = old && now ? 1 : -1;
    if (result > 0)
        snprintf(out, size, "%s: %s in the checkpoint, %s here", where, old, now);
    free(old);
    free(now);
    return result;
}

/* Members of a launch that only say what it is for. */
static int is_name(const json_t *launch, const char *key)
{
    return !strcmp(key, "for") || (!strcmp(key, "gemm") && json_object_get(launch, "product"));
}

/* Whether `a` lacks a member that `b` has, or has it otherwise. */
static int launch_differs(const json_t *a, const json_t *b, const char *where, char *out,
                          size_t size)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)b, key, value)
    {
        const json_t *other = json_object_get(a, key);
        if (!is_name(b, key) && !json_equal(other, value)) {
            char what[192];
            snprintf(what, sizeof what, "%s, %s", where, key);
            return differ(what, other, value, out, size);
        }
    }
    return 0;
}

static int launches_differ(const json_t *a, const json_t *b, const char *graph, char *out,
                           size_t size)
{
    const size_t count = json_array_size(b);
    for (size_t i = 0; i < count; i++) {
        const json_t *x = json_array_get(a, i), *y = json_array_get(b, i);
        const char *name = json_string_value(json_object_get(y, "kernel"));
        char where[128];
        snprintf(where, sizeof where, "%s, launch %zu (%s)", graph, i, name ? name : "gemm");
        int differs = launch_differs(x, y, where, out, size);
        if (!differs)
            differs = launch_differs(y, x, where, out, size);
        if (differs)
            return differs;
    }
    if (json_array_size(a) == count)
        return 0;
    snprintf(out, size, "%s: %zu launches in the checkpoint, %zu here", graph, json_array_size(a),
             count);
    return 1;
}

static int plan_differs(const json_t *a, const json_t *b, int recompute, char *out, size_t size)
{
    static const char *const facts[] = {"device", "platform", "driver", "version", "gemm"};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        const json_t *x = json_object_get(a, facts[i]), *y = json_object_get(b, facts[i]);
        if (!json_equal(x, y))
            return differ(facts[i], x, y, out, size);
    }
    int differs = 0;
    if (json_integer_value(json_object_get(a, "number")) !=
        json_integer_value(json_object_get(b, "number")))
        return 0;
    if (!recompute)
        differs = launches_differ(json_object_get(a, "training"), json_object_get(b, "training"),
                                  "training", out, size);
    if (!differs)
        differs = launches_differ(json_object_get(a, "evaluation"),
                                  json_object_get(b, "evaluation"), "evaluation", out, size);
    return differs;
}

int plan_text_differs(const char *old, const char *now, int recompute, char *out, size_t size)
{
    if (!strcmp(old, now))
        return 0;
    json_error_t why;
    json_t *a = json_loads(old, 0, &why), *b = json_loads(now, 0, &why);
    int result = -1;
    if (b && !a && !jsonmem_short()) {
        snprintf(out, size, "the checkpoint's is no JSON");
        result = 1;
    } else if (a && b) {
        result = plan_differs(a, b, recompute, out, size);
    }
    json_decref(a);
    json_decref(b);
    return result;
}

static int print_place(struct tensor *t, void *out)
{
    if (t->kind == TENSOR_ACTIVATION && t->first >= 0)
        fprintf(out, "  %2zu %12zu %12zu  launches %4d..%-4d %s\n", t->segment, t->offset,
                tensor_bytes(t), t->first, t->last, t->name);
    return 0;
}

/* Whether some input of the node needs a gradient, and it passes one. */
static int has_backward(const struct op *op)
{
    int needed = 0;
    for (int i = 0; i < OP_INPUTS; i++)
        needed |= op->in[i] && op->in[i]->needs_grad;
    return needed && op->class->back;
}

/* What the passes have made of the operations: a line for each that is left. */
static void print_operations(const struct graph *g, FILE *out)
{
    size_t count = 0;
    for (size_t i = 0; i < g->op_count; i++)
        count += g->ops[i] != NULL;
    fprintf(out, "  %zu operations, of the %zu that the model is made of\n", count, g->op_count);
    for (size_t i = 0; i < g->op_count; i++) {
        const struct op *op = g->ops[i];
        struct words does = {""};
        if (!op)
            continue;
        if (op->class->describe)
            op->class->describe(op, &does);
        if (g->training && op->out[0] && op->out[0]->again)
            words_add(&does, "made again for the backward pass");
        if (op->is_replayed)
            words_add(&does, "made again with its layer");
        if (g->training && !op->class->is_loss && !has_backward(op))
            words_add(&does, "no backward pass");
        fprintf(out, "  %-14s %s%s%s\n", op->class->name, op->path, does.text[0] ? ": " : "",
                does.text);
    }
}

static void print_plan(const struct plan *p, const char *title, const char *provider,
                       int operations, FILE *out)
{
    double flops = 0, bytes = 0;
    fprintf(out, "%s: %zu launches\n", title, p->launch_count);
    if (operations)
        print_operations(p->graph, out);
    fprintf(out, "  %4s %-20s %-44s %-24s %10s %10s\n", "#", "kernel", "for", "shape", "MFLOP",
            "KiB");
    for (size_t i = 0; i < p->launch_count; i++) {
        const struct launch *l = p->launches[i];
        char shape[64];
        launch_shape(l, shape, sizeof shape);
        fprintf(out, "  %4zu %-20s %-44.44s %-24s %10.3f %10.1f\n", i, l->name, l->label, shape,
                l->flops / 1e6, l->bytes / 1024);
        flops += l->flops;
        bytes += l->bytes;
    }
    fprintf(out, "  total %.3f GFLOP, %.1f MiB moved; matrices by %s\n", flops / 1e9,
            bytes / 0x1p20, provider);
    fprintf(out, "  memory map: %zu segments, %.2f MiB\n", p->segments,
            (double)p->activation_bytes / 0x1p20);
    plan_each_tensor(p, print_place, out);
}

void plan_print(const struct engine *e, int operations, FILE *out)
{
    const char *provider = gemm_provider_name(e->dev, e->gemm);
    if (e->train)
        print_plan(e->train, "training step", provider, operations, out);
    print_plan(e->eval, "evaluation", provider, operations, out);
}
