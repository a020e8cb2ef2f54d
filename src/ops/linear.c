/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "ops/ops.h"

struct linear {
    struct tensor *x, *y, *weight, *bias;
    size_t rows, in, out;
};

/* dW += dy^T x, db += sum of dy's rows, dx = dy W */
static void backward(struct graph *g, const void *arg)
{
    const struct linear *op = arg;
    struct tensor *dy = op->y->grad;
    if (!dy)
        return;
    graph_gemm(g, op->weight->name, (struct gemm_shape){1, 0, op->out, op->in, op->rows}, dy,
               graph_again(g, op->x), op->weight->grad, 1);
    if (op->bias)
        op_sum_rows(g, dy, op->rows, op->out, op->bias->grad, op->bias->name);
    int add;
    struct tensor *dx = graph_grad(g, op->x, &add);
    if (dx)
        graph_gemm(g, dx->name, (struct gemm_shape){0, 0, op->rows, op->in, op->out}, dy,
                   op->weight, dx, add);
}

struct tensor *op_linear_of(struct graph *g, struct tensor *x, size_t rows, size_t in, size_t out,
                            struct tensor *weight, struct tensor *bias)
{
    struct linear op = {.x = x, .weight = weight, .bias = bias, .rows = rows, .in = in, .out = out};
    op.y = graph_tensor2(g, weight->name, rows, out);
    op.y->bias = bias;
    op.y->spare = 1;
    graph_gemm(g, weight->name, (struct gemm_shape){0, 1, rows, out, in}, x, weight, op.y, 0);
    graph_backward_arg(g, backward, op);
    return op.y;
}

struct tensor *op_linear_named(struct graph *g, struct tensor *x, size_t rows, size_t in,
                               size_t out, const char *weight, const char *bias,
                               double weight_bound, double bias_bound)
{
    struct tensor *w = graph_weight(g, weight, 2, (size_t[]){out, in}, weight_bound);
    return op_linear_of(g, x, rows, in, out, w, graph_bias(g, bias, out, bias_bound));
}

struct tensor *op_linear(struct graph *g, struct tensor *x, size_t rows, size_t in, size_t out,
                         const char *name)
{
    /* nn.Linear: Kaiming uniform with a = sqrt(5), so U(-1/sqrt(in), 1/sqrt(in)) for both */
    double bound = 1 / sqrt((double)in);
    char weight[96], bias[96];
    snprintf(weight, sizeof weight, "%s.weight", name);
    snprintf(bias, sizeof bias, "%s.bias", name);
    return op_linear_named(g, x, rows, in, out, weight, bias, bound, bound);
}
