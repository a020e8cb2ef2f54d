/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "ops/ops.h"

struct direction {
    struct tensor *w_ih, *w_hh, *b_ih, *b_hh;
    struct tensor *gates, *extra; /* [B T, gates H], [B T, H]; see cl/recurrent.cl */
    struct tensor *trace;         /* of a wide walk: [groups T vec, ...] */
};

struct layer {
    enum cell_kind kind;
    size_t window, in, hidden, gates, dirs;
    size_t side; /* sequences that walk side by side in one kernel; 0: a product for each step */
    int wide;    /* one in each element of the vectors */
    int carries; /* begins with the state that the walk before ended with */
    unsigned vec, lanes;
    struct tensor *x, *y; /* [B T, in], [B T, dirs H] */
    struct direction dir[2];
};

#define WIDE_HIDDEN 64 /* the state and its sums stay in a core's first cache */

/*
 * The one place that decides how a layer walks: in one kernel while W_hh stays in a core's cache,
 * beyond that as one product a step. Sequences that walk side by side share what is loaded of W_hh;
 * on a GPU they are few, so that all its cores get some. On a CPU those of a small layer lie in the
 * elements of vectors.
 */
static void choose(const struct graph *g, struct layer *op)
{
    const struct device_info *info = device_info(g->dev);
    op->vec = info->is_cpu ? 16 : 1;
    while (op->vec > op->hidden)
        op->vec /= 2;
    op->wide = info->is_cpu && op->hidden <= WIDE_HIDDEN && op->in <= WIDE_HIDDEN &&
               g->batch >= 8 && !op->carries;
    if (op->wide) {
        op->side = op->vec = g->batch < 16 ? 8 : 16;
        op->lanes = 1;
        return;
    }
    op->lanes = 1;
    while (!info->is_cpu && op->lanes < 256 && op->lanes < op->hidden &&
           op->lanes * 2 <= info->max_group)
        op->lanes *= 2;
    op->side = op->hidden > 256 ? 0 : info->is_cpu ? 8 : g->batch > 128 ? 4 : 1;
    if (op->side > g->batch)
        op->side = g->batch;
    if (op->side * (op->gates + 2) * op->hidden * 4 + 1024 > info->local_bytes)
        op->side = 0;
}

static struct launch *kernel(struct graph *g, const struct layer *op, const char *name,
                             size_t groups)
{
    return graph_kernel(g, "recurrent.cl", name, groups, op->lanes,
                        "-DCELL=%d -DH=%zu -DDIRS=%zu -DS=%zu -DVEC=%u -DLANES=%u -DCARRY=%d",
                        (int)op->kind, op->hidden, op->dirs, op->side, op->vec, op->lanes,
                        op->carries);
}

/* Flops of all products with W_hh. */
static double products(const struct graph *g, const struct layer *op)
{
    return 2.0 * (double)(g->batch * op->window * op->dirs * op->gates) * (double)op->hidden *
           (double)op->hidden;
}

/* --- wide: VEC sequences in the elements of vectors */

static struct launch *wide_kernel(struct graph *g, const struct layer *op, const char *name)
{
    return graph_kernel(g, "recurrent_wide.cl", name, (g->batch + op->vec - 1) / op->vec, 1,
                        "-DCELL=%d -DH=%zu -DIN=%zu -DDIRS=%zu -DVEC=%u", (int)op->kind, op->hidden,
                        op->in, op->dirs, op->vec);
}

static void wide(struct graph *g, struct layer *op)
{
    size_t groups = (g->batch + op->vec - 1) / op->vec;
    size_t trace = ((op->gates + (op->kind != CELL_KIND_RNN) + 1) * op->hidden + op->in) | 1;
    double rows = (double)(g->batch * op->window);
    for (size_t d = 0; d < op->dirs; d++) {
        struct direction *dir = &op->dir[d];
        dir->trace = g->training ? graph_tensor2(g, "trace", groups * op->window * op->vec, trace)
                                 : graph_tensor2(g, "unused", 1, 1);
        struct launch *l = wide_kernel(g, op, "recurrent_wide_fwd");
        launch_read(l, op->x);
        launch_read(l, dir->w_ih);
        launch_read(l, dir->w_hh);
        launch_read(l, dir->b_ih);
        launch_read(l, dir->b_hh);
        launch_write(l, dir->trace);
        launch_add_to(l, op->y, d > 0); /* its columns */
        launch_int(l, g->batch);
        launch_int(l, op->window);
        launch_int(l, d);
        launch_int(l, d * op->hidden);
        launch_int(l, g->training != 0);
        launch_cost(l, 2 * rows * (double)(op->gates * op->hidden * (op->hidden + op->in)),
                    op->y->name);
    }
}

static void wide_back(struct graph *g, const void *arg)
{
    const struct layer *op = arg;
    size_t width = op->gates * op->hidden, groups = (g->batch + op->vec - 1) / op->vec;
    size_t all = width * (op->hidden + op->in + 2);
    double rows = (double)(g->batch * op->window);
    if (!op->y->grad)
        return;
    for (size_t d = 0; d < op->dirs; d++) {
        const struct direction *dir = &op->dir[d];
        int add = 0;
        struct tensor *dinput = graph_grad(g, op->x, &add);
        struct tensor *part = graph_tensor2(g, "parts", groups, all);
        struct launch *l = wide_kernel(g, op, "recurrent_wide_bwd");
        launch_update(l, dir->trace);
        launch_read(l, dir->w_ih);
        launch_read(l, dir->w_hh);
        launch_read(l, op->y->grad);
        launch_write(l, graph_tensor2(g, "sums", groups * op->vec, all));
        launch_write(l, part);
        launch_add_to(l, dinput ? dinput : graph_tensor2(g, "unused", 1, 1), add);
        launch_int(l, g->batch);
        launch_int(l, op->window);
        launch_int(l, d);
        launch_int(l, d * op->hidden);
        launch_int(l, !dinput ? 0 : add ? 2 : 1);
        launch_cost(l, 4 * rows * (double)(width * (op->hidden + op->in)), op->y->name);
        struct tensor *const param[] = {dir->w_hh, dir->w_ih, dir->b_hh, dir->b_ih};
        const size_t columns[] = {width * op->hidden, width * op->in, width, width};
        for (size_t i = 0, at = 0; i < 4; at += columns[i++])
            op_add_parts(g, part, groups, columns[i], all, at, param[i]->grad, param[i]->name);
    }
}

/* --- several in one kernel, units in the elements of vectors */

/* What is carried from one walk to the next, [B, columns]; an unused tensor where nothing is. */
static struct tensor *carried(struct graph *g, const struct layer *op, size_t columns)
{
    return op->carries ? graph_carried(g, "carried", g->batch * columns)
                       : graph_tensor2(g, "unused", 1, 1);
}

static void walk(struct graph *g, const struct layer *op)
{
    struct tensor *wt[2];
    for (size_t d = 0; d < op->dirs; d++) {
        const struct tensor *w = op->dir[d].w_hh;
        size_t blocks = (op->hidden + op->vec - 1) / op->vec;
        wt[d] = graph_tensor2(g, "ordered", blocks * op->vec, op->gates * op->hidden);
        struct launch *l = kernel(g, op, "recurrent_order",
                                  op->lanes == 1 ? blocks : (op->gates * op->hidden + 15) / 16);
        launch_read(l, op->dir[d].w_hh);
        launch_write(l, wt[d]);
        launch_cost(l, 0, w->name);
    }
    struct launch *l =
        kernel(g, op, "recurrent_fwd", (g->batch + op->side - 1) / op->side * op->dirs);
    for (size_t d = 0; d < op->dirs; d++) {
        launch_update(l, op->dir[d].gates);
        launch_read(l, wt[d]);
        launch_read(l, op->dir[d].b_ih);
        launch_read(l, op->dir[d].b_hh);
        launch_write(l, op->dir[d].extra);
    }
    launch_write(l, op->y);
    launch_add_to(l, carried(g, op, 2 * op->hidden), op->carries);
    launch_int(l, g->batch);
    launch_int(l, op->window);
    launch_cost(l, products(g, op), op->y->name);
}

/* --- a product for each step */

/* Row of step t in direction d, and where the row of the step before lies from it. */
static size_t row_of(const struct layer *op, size_t d, size_t t)
{
    return d ? op->window - 1 - t : t;
}

static uint32_t before_of(size_t d, size_t t)
{
    return (uint32_t)(!t ? 0 : d ? 1 : -1);
}

static void step(struct graph *g, const struct layer *op)
{
    size_t h = op->hidden, width = op->gates * h;
    for (size_t d = 0; d < op->dirs; d++) {
        const struct direction *dir = &op->dir[d];
        struct tensor *state = op->carries ? graph_carried(g, "carried", g->batch * h)
                                           : graph_tensor2(g, "state", g->batch, h);
        struct tensor *c = carried(g, op, h);
        struct tensor *product = graph_tensor2(g, "product", g->batch, width);
        for (size_t t = 0; t < op->window && !g->fault[0]; t++) {
            if (t || op->carries)
                graph_gemm(g, dir->w_hh->name, (struct gemm_shape){0, 1, g->batch, width, h}, state,
                           dir->w_hh, product, 0);
            struct launch *l = kernel(g, op, "recurrent_step_fwd", g->batch);
            launch_update(l, dir->gates);
            launch_read(l, dir->b_ih);
            launch_read(l, dir->b_hh);
            launch_add_to(l, dir->extra, t > 0);
            launch_write(l, op->y);
            launch_add_to(l, product, t > 0 || op->carries); /* else not touched */
            launch_add_to(l, state, t > 0 || op->carries);
            launch_add_to(l, c, t > 0 || op->carries);
            launch_int(l, op->window);
            launch_int(l, row_of(op, d, t));
            launch_word(l, before_of(d, t));
            launch_int(l, d * h);
            launch_cost(l, 40.0 * (double)(g->batch * width), op->y->name);
        }
    }
}

static void walk_back(struct graph *g, const struct layer *op, struct tensor *const h_before[2],
                      struct tensor *const da[2])
{
    struct launch *l =
        kernel(g, op, "recurrent_bwd", (g->batch + op->side - 1) / op->side * op->dirs);
    for (size_t d = 0; d < op->dirs; d++) {
        launch_update(l, op->dir[d].gates);
        launch_read(l, op->dir[d].w_hh);
        launch_read(l, op->dir[d].extra);
        launch_write(l, h_before[d]);
        launch_write(l, da[d]);
    }
    launch_read(l, op->y->grad);
    launch_read(l, op->y);
    launch_int(l, g->batch);
    launch_int(l, op->window);
    launch_cost(l, products(g, op), op->y->name);
}

static void step_back(struct graph *g, const struct layer *op, struct tensor *const h_before[2],
                      struct tensor *const da[2])
{
    size_t h = op->hidden, width = op->gates * h;
    for (size_t d = 0; d < op->dirs; d++) {
        const struct direction *dir = &op->dir[d];
        struct tensor *grad = graph_tensor2(g, "grad.product", g->batch, width);
        struct tensor *carry = graph_tensor2(g, "grad.state", g->batch, h);
        struct tensor *dc = graph_tensor2(g, "grad.cell", g->batch, h);
        for (size_t t = op->window; t-- > 0 && !g->fault[0];) {
            int last = t + 1 == op->window;
            struct launch *l = kernel(g, op, "recurrent_step_bwd", g->batch);
            launch_update(l, dir->gates);
            launch_read(l, dir->extra);
            launch_write(l, h_before[d]);
            launch_write(l, da[d]);
            launch_read(l, op->y->grad);
            launch_read(l, op->y);
            launch_write(l, grad);
            launch_add_to(l, carry, !last);
            launch_add_to(l, dc, !last);
            launch_int(l, op->window);
            launch_int(l, row_of(op, d, t));
            launch_word(l, before_of(d, t));
            launch_int(l, d * h);
            launch_int(l, (size_t)last);
            launch_cost(l, 40.0 * (double)(g->batch * width), op->y->name);
            if (t)
                graph_gemm(g, dir->w_hh->name, (struct gemm_shape){0, 0, g->batch, h, width}, grad,
                           dir->w_hh, carry, 1);
        }
    }
}

/* dW_hh += da^T h_before, dW_ih += dx^T input, biases: sums of rows, dinput = dx W_ih */
static void backward(struct graph *g, const void *arg)
{
    const struct layer *op = arg;
    size_t rows = g->batch * op->window, width = op->gates * op->hidden;
    struct tensor *h_before[2], *da[2];
    if (!op->y->grad)
        return;
    for (size_t d = 0; d < op->dirs; d++) {
        h_before[d] = graph_tensor2(g, "before", rows, op->hidden);
        da[d] = op->kind == CELL_KIND_GRU ? graph_tensor2(g, "grad.hidden", rows, width)
                                          : graph_tensor2(g, "unused", 1, 1);
    }
    if (op->side)
        walk_back(g, op, h_before, da);
    else
        step_back(g, op, h_before, da);
    struct tensor *x = graph_again(g, op->x);
    for (size_t d = 0; d < op->dirs; d++) {
        const struct direction *dir = &op->dir[d];
        struct tensor *dx = dir->gates, *of_a = op->kind == CELL_KIND_GRU ? da[d] : dx;
        graph_gemm(g, dir->w_hh->name, (struct gemm_shape){1, 0, width, op->hidden, rows}, of_a,
                   h_before[d], dir->w_hh->grad, 1);
        op_sum_rows(g, of_a, rows, width, dir->b_hh->grad, dir->b_hh->name);
        graph_gemm(g, dir->w_ih->name, (struct gemm_shape){1, 0, width, op->in, rows}, dx, x,
                   dir->w_ih->grad, 1);
        op_sum_rows(g, dx, rows, width, dir->b_ih->grad, dir->b_ih->name);
        int add;
        struct tensor *dinput = graph_grad(g, op->x, &add);
        if (dinput)
            graph_gemm(g, dinput->name, (struct gemm_shape){0, 0, rows, op->in, width}, dx,
                       dir->w_ih, dinput, add);
    }
}

/* PyTorch's parameters of a direction, U(-1/sqrt(H), 1/sqrt(H)) unless the cell says otherwise. */
static void make_params(struct graph *g, const struct layer *op, const struct cell *cell,
                        const char *name, size_t number, size_t d, struct direction *dir)
{
    static const char *const suffix[] = {"", "_reverse"};
    size_t width = op->gates * op->hidden;
    double bound = 1 / sqrt((double)op->hidden), gates = (double)op->gates;
    char text[96];
    snprintf(text, sizeof text, "%s.weight_ih_l%zu%s", name, number, suffix[d]);
    dir->w_ih = graph_param(g, text, 2, (size_t[]){width, op->in}, 1, cell->input,
                            cell->input == INIT_UNIFORM ? bound : gates);
    snprintf(text, sizeof text, "%s.weight_hh_l%zu%s", name, number, suffix[d]);
    dir->w_hh = graph_param(g, text, 2, (size_t[]){width, op->hidden}, 1, cell->recurrent,
                            cell->recurrent == INIT_UNIFORM ? bound : gates);
    if (cell->zero_biases)
        bound = 0;
    snprintf(text, sizeof text, "%s.bias_ih_l%zu%s", name, number, suffix[d]);
    dir->b_ih = graph_param(g, text, 1, &width, 0, INIT_UNIFORM, bound);
    if (op->kind == CELL_KIND_LSTM)
        params_shift(g->params, text, op->hidden, op->hidden, cell->forget_bias);
    snprintf(text, sizeof text, "%s.bias_hh_l%zu%s", name, number, suffix[d]);
    dir->b_hh = graph_param(g, text, 1, &width, 0, INIT_UNIFORM, bound);
}

struct tensor *op_recurrent(struct graph *g, struct tensor *x, size_t window, size_t in,
                            const struct cell *cell, const char *name, size_t number)
{
    static const size_t gates[] = {[CELL_KIND_LSTM] = 4, [CELL_KIND_GRU] = 3, [CELL_KIND_RNN] = 1};
    struct layer op = {.kind = cell->kind,
                       .window = window,
                       .in = in,
                       .hidden = cell->hidden,
                       .gates = gates[cell->kind],
                       .dirs = cell->bidirectional ? 2 : 1,
                       .carries = g->carries && !cell->bidirectional,
                       .x = x};
    size_t rows = g->batch * window, width = op.gates * op.hidden;
    choose(g, &op);
    op.y = graph_tensor2(g, name, rows, op.dirs * op.hidden);
    for (size_t d = 0; d < op.dirs; d++) {
        struct direction *dir = &op.dir[d];
        make_params(g, &op, cell, name, number, d, dir);
        if (op.wide)
            continue;
        dir->gates = graph_tensor2(g, "gates", rows, width);
        dir->extra = op.kind == CELL_KIND_RNN ? graph_tensor2(g, "unused", 1, 1)
                                              : graph_tensor2(g, "extra", rows, op.hidden);
        graph_gemm(g, dir->w_ih->name, (struct gemm_shape){0, 1, rows, width, in}, x, dir->w_ih,
                   dir->gates, 0);
    }
    if (op.wide) {
        wide(g, &op);
        graph_backward_arg(g, wide_back, op);
        return op.y;
    }
    if (op.side)
        walk(g, &op);
    else
        step(g, &op);
    graph_backward_arg(g, backward, op);
    return op.y;
}
