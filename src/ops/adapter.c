/* SPDX-License-Identifier: MIT */
#include "ops/adapter.h"

#include <math.h>

#include "ops/ops.h"

struct tensor *op_adapter(struct graph *g, struct tensor *x, const struct tensor *weight,
                          size_t out, struct tensor **up)
{
    const struct adapter *a = &g->params->adapter;
    const size_t in = tensor_columns(x);
    const char *name = weight->name;
    const int path = (int)adapter_path(name);
    *up = NULL;
    if (!params_adapts(g->params, name))
        return NULL;
    struct tensor *down =
        graph_param(g, graph_name("%.*s" ADAPTER_A, path, name), 2, (size_t[]){a->rank, in}, 1,
                    INIT_UNIFORM, 1 / sqrt((double)in));
    *up = graph_param(g, graph_name("%.*s" ADAPTER_B, path, name), 2, (size_t[]){out, a->rank}, 1,
                      INIT_CONSTANT, 0);
    struct tensor *h = op_dropout(g, x, a->dropout, graph_name("%.*s.lora_dropout", path, name));
    return op_scale(g, op_product(g, h, down), a->alpha / (double)a->rank);
}
