/* SPDX-License-Identifier: MIT */
#include "ops/adapter.h"

#include <math.h>

#include "ops/ops.h"

struct tensor *op_adapted(struct graph *g, struct tensor *x, const struct tensor *weight,
                          struct tensor *y)
{
    const struct adapter *a = &g->params->adapter;
    const size_t in = tensor_columns(x), out = tensor_columns(y);
    const char *name = weight->name;
    const int path = (int)adapter_path(name);
    if (!params_adapts(g->params, name))
        return y;
    struct tensor *down =
        graph_param(g, graph_name("%.*s" ADAPTER_A, path, name), 2, (size_t[]){a->rank, in}, 1,
                    INIT_UNIFORM, 1 / sqrt((double)in));
    struct tensor *up = graph_param(g, graph_name("%.*s" ADAPTER_B, path, name), 2,
                                    (size_t[]){out, a->rank}, 1, INIT_CONSTANT, 0);
    struct tensor *h = op_dropout(g, x, a->dropout, graph_name("%.*s.lora_dropout", path, name));
    h = op_scale(g, op_product(g, h, down), a->alpha / (double)a->rank); /* [.., r] */
    return op_add(g, y, op_product(g, h, up));
}
