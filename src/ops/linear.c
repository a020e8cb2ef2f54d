/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "ops/adapter.h"
#include "ops/classes.h"
#include "ops/ops.h"

/* The product of a linear layer, with its adapter. */
static struct tensor *layer(struct graph *g, struct tensor *x, struct tensor *weight, int in_out)
{
    params_pack(g->params, weight);
    struct tensor *up, *low = op_adapter(g, x, weight, weight->dim[in_out ? 1 : 0], &up);
    weight = rounded_weight(g, fetch_weight(g, weight));
    return product_with(g, x, weight, in_out, low, up);
}

struct tensor *op_product_in_out(struct graph *g, struct tensor *x, struct tensor *weight)
{
    return layer(g, x, weight, 1);
}

struct tensor *op_linear_bare(struct graph *g, struct tensor *x, size_t out, const char *name,
                              double bound)
{
    struct tensor *w = graph_weight(g, graph_name("%s.weight", name), 2,
                                    (size_t[]){out, tensor_columns(x)}, bound);
    return layer(g, x, w, 0);
}

struct tensor *op_linear_named(struct graph *g, struct tensor *x, size_t out, const char *weight,
                               const char *bias, double weight_bound, double bias_bound)
{
    struct tensor *w = graph_weight(g, weight, 2, (size_t[]){out, tensor_columns(x)}, weight_bound);
    return op_bias(g, layer(g, x, w, 0), graph_bias(g, bias, out, bias_bound));
}

struct tensor *op_linear(struct graph *g, struct tensor *x, size_t out, const char *name)
{
    /* nn.Linear: Kaiming uniform with a = sqrt(5), so U(-1/sqrt(in), 1/sqrt(in)) for both */
    double bound = 1 / sqrt((double)tensor_columns(x));
    return op_linear_named(g, x, out, graph_name("%s.weight", name), graph_name("%s.bias", name),
                           bound, bound);
}
