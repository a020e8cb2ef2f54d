/* SPDX-License-Identifier: MIT */
#include "train/plan_text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "util/jsonmem.h"

static json_t *launches_json(const struct graph *g)
{
    json_t *list = json_array();
    for (size_t i = 0; i < g->launch_count; i++) {
        const struct launch *l = g->launches[i];
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
    json_t *plan =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "device", d->name, "platform", d->platform, "driver",
                  d->driver, "version", d->version, "gemm", gemm_provider_name(e->dev, e->gemm));
    if (!plan)
        return NULL;
    if (e->train)
        json_object_set_new(plan, "training", launches_json(e->train));
    json_object_set_new(plan, "evaluation", launches_json(e->eval));
    char *text = jsonmem_dumps(plan, JSON_INDENT(1));
    json_decref(plan);
    return text;
}

int plan_text_differs(const char *old, const char *now, char *out, size_t size)
{
    if (!strcmp(old, now))
        return 0;
    /* one fact a line, so the first line that differs names the difference */
    size_t line = 0;
    for (size_t i = 0; old[i] && old[i] == now[i]; i++)
        if (old[i] == '\n')
            line = i + 1;
    const char *a = old + line, *b = now + line;
    int la = (int)strcspn(a, "\n"), lb = (int)strcspn(b, "\n");
    snprintf(out, size, "%.*s in the checkpoint, %.*s here", la, a + strspn(a, " "), lb,
             b + strspn(b, " "));
    return 1;
}

static void print_graph(const struct graph *g, const char *title, const char *provider, FILE *out)
{
    double flops = 0, bytes = 0;
    fprintf(out, "%s: %zu launches\n", title, g->launch_count);
    fprintf(out, "  %4s %-20s %-44s %-24s %10s %10s\n", "#", "kernel", "for", "shape", "MFLOP",
            "KiB");
    for (size_t i = 0; i < g->launch_count; i++) {
        const struct launch *l = g->launches[i];
        char shape[64];
        if (l->is_gemm)
            snprintf(shape, sizeof shape, "%zux%zux%zu%s%s", l->gemm.m, l->gemm.n, l->gemm.k,
                     l->gemm.trans_a ? " A'" : "", l->gemm.trans_b ? " B'" : "");
        else
            snprintf(shape, sizeof shape, "%zu groups of %zu", l->groups, l->lanes);
        fprintf(out, "  %4zu %-20s %-44.44s %-24s %10.3f %10.1f\n", i, l->name, l->label, shape,
                l->flops / 1e6, l->bytes / 1024);
        flops += l->flops;
        bytes += l->bytes;
    }
    fprintf(out, "  total %.3f GFLOP, %.1f MiB moved; matrices by %s\n", flops / 1e9,
            bytes / 0x1p20, provider);
    fprintf(out, "  memory map: %zu segments, %.2f MiB\n", g->segments,
            (double)g->activation_bytes / 0x1p20);
    for (size_t i = 0; i < g->tensor_count; i++) {
        const struct tensor *t = g->tensors[i];
        if (t->kind == TENSOR_ACTIVATION && t->first >= 0)
            fprintf(out, "  %2zu %12zu %12zu  launches %4d..%-4d %s\n", t->segment, t->offset,
                    tensor_bytes(t), t->first, t->last, t->name);
    }
}

void plan_print(const struct engine *e, FILE *out)
{
    const char *provider = gemm_provider_name(e->dev, e->gemm);
    if (e->train)
        print_graph(e->train, "training step", provider, out);
    print_graph(e->eval, "evaluation", provider, out);
}
