/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cfile/cfile.h"
#include "fixed/fixed.h"
#include "lower/cut.h"
#include "lower/lower.h"
#include "lower/reduce.h"
#include "onnx/onnx.h"
#include "ops/classes.h"
#include "ops/recurrent_tiles.h"

/* Inputs: x, then the four parameters of each direction. */
enum { X, WEIGHT_IH, WEIGHT_HH, BIAS_IH, BIAS_HH, PARAMS = 4 };
/* What a direction saves. */
enum { GATES, EXTRA, TRACE, SAVED };

struct recurrent {
    struct cell cell;
};

/* What all groups of a walk in one kernel may load of W_hh in a step, where the other walk has a
 * barrier of all of them, which costs about as much as this takes from a second-level cache. */
#define WALK_BYTES (16 << 20)

#define OF_GATE 20 /* multiply-adds that an activation and its share of the cell count as */

#define WIDE_HIDDEN 64 /* the state and its sums stay in a core's first cache */

/* Whether one walk of all work-groups is faster than a walk in each of them. */
static int loads_much(const struct device_info *info, const struct layer *op)
{
    const size_t groups = (op->batch + op->side - 1) / op->side * op->dirs;
    return info->is_tried || (info->barrier != BARRIER_NONE &&
                              groups * op->gates * op->hidden * op->hidden * 4 > WALK_BYTES);
}

/*
 * The one place that decides how a layer walks: in one kernel while W_hh stays in a core's cache,
 * beyond that as one product a step, on a GPU in tiles (recurrent_tiles.h). Sequences that walk
 * side by side share what is loaded of W_hh; on a GPU they are few, so that all its cores get some.
 * On a CPU those of a small layer lie in the elements of vectors.
 */
static void choose(const struct plan *p, struct layer *op)
{
    const struct device_info *info = device_info(p->dev);
    op->vec = info->is_cpu ? 16 : 1;
    while (op->vec > op->hidden)
        op->vec /= 2;
    op->wide = info->is_cpu && op->hidden <= WIDE_HIDDEN && op->in <= WIDE_HIDDEN &&
               op->batch >= 8 && !op->carries;
    if (op->wide) {
        op->side = op->vec = op->batch < 16 ? 8 : 16;
        op->lanes = 1;
        return;
    }
    op->lanes = 1;
    while (!info->is_cpu && op->lanes < 256 && op->lanes < op->hidden &&
           op->lanes * 2 <= info->max_group)
        op->lanes *= 2;
    op->side = op->hidden > 256 ? 0 : info->is_cpu ? 8 : op->batch > 128 ? 4 : 1;
    if (op->side > op->batch)
        op->side = op->batch;
    if (op->side * (op->gates + 2) * op->hidden * 4 + 1024 > info->local_bytes)
        op->side = 0;
    op->tiled = (!op->side || loads_much(info, op)) && recurrent_tiles_serve(p, op);
    if (op->tiled)
        op->side = 0;
}

static struct launch *walk_kernel(struct plan *p, const struct layer *op, const char *name,
                                  size_t groups)
{
    return plan_kernel(p, "recurrent.cl", name, groups, op->lanes,
                       "-DCELL=%d -DH=%zu -DDIRS=%zu -DS=%zu -DVEC=%u -DLANES=%u -DCARRY=%d",
                       (int)op->kind, op->hidden, op->dirs, op->side, op->vec, op->lanes,
                       op->carries);
}

/* Flops of all products with W_hh. */
static double products(const struct layer *op)
{
    return 2.0 * (double)(op->batch * op->window * op->dirs * op->gates) * (double)op->hidden *
           (double)op->hidden;
}

/* --- wide: VEC sequences in the elements of vectors */

static struct launch *wide_kernel(struct plan *p, const struct layer *op, const char *name)
{
    return plan_kernel(p, "recurrent_wide.cl", name, (op->batch + op->vec - 1) / op->vec, 1,
                       "-DCELL=%d -DH=%zu -DIN=%zu -DDIRS=%zu -DVEC=%u", (int)op->kind, op->hidden,
                       op->in, op->dirs, op->vec);
}

/* How many stored numbers of a trace an LSTM's c (fp32) or a GRU's a_n take. */
static size_t extra_places(const struct plan *p, enum cell_kind kind)
{
    return kind == CELL_KIND_LSTM ? sizeof(float) / dtype_bytes(p->graph->stored, 1)
                                  : kind == CELL_KIND_GRU;
}

static void wide(struct plan *p, struct layer *op)
{
    size_t groups = (op->batch + op->vec - 1) / op->vec;
    size_t trace = ((op->gates + extra_places(p, op->kind) + 1) * op->hidden + op->in) | 1;
    double rows = (double)(op->batch * op->window);
    for (size_t d = 0; d < op->dirs; d++) {
        struct direction *dir = &op->dir[d];
        dir->trace = p->training ? plan_stored(p, "trace", groups * op->window * op->vec, trace)
                                 : plan_tensor2(p, "unused", 1, 1);
        struct launch *l = wide_kernel(p, op, "recurrent_wide_fwd");
        launch_read(l, op->x);
        launch_read(l, dir->w_ih);
        launch_read(l, dir->w_hh);
        launch_read(l, dir->b_ih);
        launch_read(l, dir->b_hh);
        launch_write(l, dir->trace);
        launch_add_to(l, op->y, d > 0); /* its columns */
        launch_int(l, op->batch);
        launch_int(l, op->window);
        launch_int(l, d);
        launch_int(l, d * op->hidden);
        launch_int(l, p->training != 0);
        launch_cost(l,
                    2 * rows * (double)(op->gates * op->hidden * (op->hidden + op->in + OF_GATE)),
                    op->y->name);
    }
}

static void wide_back(struct plan *p, struct op *node, const struct layer *op)
{
    size_t width = op->gates * op->hidden, groups = (op->batch + op->vec - 1) / op->vec;
    size_t all = width * (op->hidden + op->in + 2);
    double rows = (double)(op->batch * op->window);
    struct tensor *dy = lower_arrived(node, 0);
    for (size_t d = 0; d < op->dirs; d++) {
        const struct direction *dir = &op->dir[d];
        int add = 0, sum;
        struct tensor *dinput = lower_grad(p, node, X, &add);
        struct tensor *part = plan_tensor2(p, "parts", groups, all);
        struct launch *l = wide_kernel(p, op, "recurrent_wide_bwd");
        launch_update(l, dir->trace);
        launch_read(l, dir->w_ih);
        launch_read(l, dir->w_hh);
        launch_read(l, dy);
        launch_write(l, plan_tensor2(p, "sums", groups * op->vec, all));
        launch_write(l, part);
        launch_add_to(l, dinput ? dinput : plan_tensor2(p, "unused", 1, 1), add);
        launch_int(l, op->batch);
        launch_int(l, op->window);
        launch_int(l, d);
        launch_int(l, d * op->hidden);
        launch_int(l, !dinput ? 0 : add ? 2 : 1);
        launch_cost(l, 4 * rows * (double)(width * (op->hidden + op->in + OF_GATE)), op->y->name);
        static const int param[] = {WEIGHT_HH, WEIGHT_IH, BIAS_HH, BIAS_IH};
        const size_t columns[] = {width * op->hidden, width * op->in, width, width};
        for (size_t i = 0, at = 0; i < 4; at += columns[i++]) {
            struct tensor *grad = lower_grad(p, node, dir->at + param[i], &sum);
            if (grad)
                reduce_add_parts(p, part, groups, columns[i], all, at, (struct tensor *[2]){grad},
                                 node->in[dir->at + param[i]]->name);
        }
    }
}

/* --- several in one kernel, units in the elements of vectors */

/* What is carried from one walk to the next, [B, columns]; an unused tensor where nothing is. */
static struct tensor *carried(struct plan *p, const struct layer *op, size_t columns)
{
    return op->carries ? plan_carried(p, "carried", op->batch * columns)
                       : plan_tensor2(p, "unused", 1, 1);
}

/* A walk's steps wait for each other: in each a work-item makes sums of `terms`, and the cell. */
static void chain(struct launch *l, const struct layer *op, size_t terms)
{
    const size_t units = (op->hidden / op->vec + op->lanes - 1) / op->lanes;
    launch_chain(l, (double)(op->window * (units * terms + 40)), 0);
}

static void walk(struct plan *p, const struct layer *op)
{
    struct tensor *wt[2];
    for (size_t d = 0; d < op->dirs; d++) {
        const struct tensor *w = op->dir[d].w_hh;
        size_t blocks = (op->hidden + op->vec - 1) / op->vec;
        wt[d] = plan_tensor2(p, "ordered", blocks * op->vec, op->gates * op->hidden);
        struct launch *l = walk_kernel(
            p, op, "recurrent_order", op->lanes == 1 ? blocks : (op->gates * op->hidden + 15) / 16);
        launch_read(l, op->dir[d].w_hh);
        launch_write(l, wt[d]);
        launch_cost(l, 0, w->name);
    }
    struct launch *l =
        walk_kernel(p, op, "recurrent_fwd", (op->batch + op->side - 1) / op->side * op->dirs);
    for (size_t d = 0; d < op->dirs; d++) {
        launch_update(l, op->dir[d].gates);
        launch_read(l, wt[d]);
        launch_read(l, op->dir[d].b_ih);
        launch_read(l, op->dir[d].b_hh);
        launch_write(l, op->dir[d].extra);
    }
    launch_write(l, op->y);
    launch_add_to(l, carried(p, op, 2 * op->hidden), op->carries);
    launch_int(l, op->batch);
    launch_int(l, op->window);
    launch_cost(l, products(op) * (1 + (double)OF_GATE / (double)op->hidden), op->y->name);
    chain(l, op, op->hidden);
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

/* A launch of a step moves a row of what has one for each step, in this direction: so many of the
 * bytes that its tensors have are not its own. */
static void count_row(struct launch *l, const struct layer *op, double rows, double of_all)
{
    const double steps = (double)op->window;
    l->bytes -= rows * (1 - 1 / steps) + of_all * (1 - 1 / (steps * (double)op->dirs));
}

static void step(struct plan *p, const struct layer *op)
{
    size_t h = op->hidden, width = op->gates * h;
    for (size_t d = 0; d < op->dirs; d++) {
        const struct direction *dir = &op->dir[d];
        struct tensor *state = op->carries ? plan_carried(p, "carried", op->batch * h)
                                           : plan_tensor2(p, "state", op->batch, h);
        struct tensor *c = carried(p, op, h);
        struct tensor *product = plan_tensor2(p, "product", op->batch, width);
        for (size_t t = 0; t < op->window && !p->fault[0]; t++) {
            if (t || op->carries)
                plan_gemm(p, dir->w_hh->name, gemm_shape_of(0, 1, op->batch, width, h), state,
                          dir->w_hh, product, 0);
            struct launch *l = walk_kernel(p, op, "recurrent_step_fwd", op->batch);
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
            launch_cost(l, 40.0 * (double)(op->batch * width), op->y->name);
            count_row(
                l, op,
                (double)(2 * tensor_bytes(dir->gates) + (t > 0 ? 2 : 1) * tensor_bytes(dir->extra)),
                (double)tensor_bytes(op->y));
        }
    }
}

static void walk_back(struct plan *p, const struct layer *op, struct tensor *dy,
                      struct tensor *const h_before[2], struct tensor *const da[2])
{
    struct launch *l =
        walk_kernel(p, op, "recurrent_bwd", (op->batch + op->side - 1) / op->side * op->dirs);
    for (size_t d = 0; d < op->dirs; d++) {
        launch_update(l, op->dir[d].gates);
        launch_read(l, op->dir[d].w_hh);
        launch_read(l, op->dir[d].extra);
        launch_write(l, h_before[d]);
        launch_write(l, da[d]);
    }
    launch_read(l, dy);
    launch_read(l, op->y);
    launch_int(l, op->batch);
    launch_int(l, op->window);
    launch_cost(l, products(op) * (1 + (double)OF_GATE / (double)op->hidden), op->y->name);
    chain(l, op, op->gates * op->hidden);
}

static void step_back(struct plan *p, const struct layer *op, struct tensor *dy,
                      struct tensor *const h_before[2], struct tensor *const da[2])
{
    size_t h = op->hidden, width = op->gates * h;
    for (size_t d = 0; d < op->dirs; d++) {
        const struct direction *dir = &op->dir[d];
        struct tensor *grad = plan_tensor2(p, "grad.product", op->batch, width);
        struct tensor *carry = plan_tensor2(p, "grad.state", op->batch, h);
        struct tensor *dc = plan_tensor2(p, "grad.cell", op->batch, h);
        for (size_t t = op->window; t-- > 0 && !p->fault[0];) {
            int last = t + 1 == op->window;
            struct launch *l = walk_kernel(p, op, "recurrent_step_bwd", op->batch);
            launch_update(l, dir->gates);
            launch_read(l, dir->extra);
            launch_write(l, h_before[d]);
            launch_write(l, da[d]);
            launch_read(l, dy);
            launch_read(l, op->y);
            launch_write(l, grad);
            launch_add_to(l, carry, !last);
            launch_add_to(l, dc, !last);
            launch_int(l, op->window);
            launch_int(l, row_of(op, d, t));
            launch_word(l, before_of(d, t));
            launch_int(l, d * h);
            launch_int(l, (size_t)last);
            launch_cost(l, 40.0 * (double)(op->batch * width), op->y->name);
            count_row(l, op,
                      (double)(2 * tensor_bytes(dir->gates) + tensor_bytes(dir->extra) +
                               tensor_bytes(h_before[d]) + tensor_bytes(da[d])),
                      (double)(tensor_bytes(dy) + tensor_bytes(op->y)));
            if (t)
                plan_gemm(p, dir->w_hh->name, gemm_shape_of(0, 0, op->batch, h, width), grad,
                          dir->w_hh, carry, 1);
        }
    }
}

/* dW += of^T x and db += sum of its rows, as far as they are trained */
static void weights_back(struct plan *p, struct op *node, const struct direction *dir, int weight,
                         int bias, struct tensor *of, struct tensor *x, size_t columns)
{
    int add;
    const size_t rows = tensor_rows(of), width = tensor_columns(of);
    struct tensor *dw = lower_grad(p, node, dir->at + weight, &add);
    if (dw)
        plan_gemm(p, node->in[dir->at + weight]->name, gemm_shape_of(1, 0, width, columns, rows),
                  of, x, dw, add);
    struct tensor *db = lower_grad(p, node, dir->at + bias, &add);
    if (db)
        reduce_sum_rows(p, of, rows, width, db, node->in[dir->at + bias]->name);
}

/* dW_hh += da^T h_before, dW_ih += dx^T input, biases: sums of rows, dinput = dx W_ih */
static void long_back(struct plan *p, struct op *node, const struct layer *op)
{
    size_t rows = op->batch * op->window, width = op->gates * op->hidden;
    struct tensor *h_before[2], *da[2], *dy = lower_arrived(node, 0);
    for (size_t d = 0; d < op->dirs; d++) {
        h_before[d] = plan_stored(p, "before", rows, op->hidden);
        da[d] = op->kind == CELL_KIND_GRU ? plan_stored(p, "grad.hidden", rows, width)
                                          : plan_tensor2(p, "unused", 1, 1);
    }
    if (op->side)
        walk_back(p, op, dy, h_before, da);
    else if (op->tiled)
        recurrent_tiles_back(p, op, dy, h_before, da);
    else
        step_back(p, op, dy, h_before, da);
    struct tensor *x = lower_value(p, node, X);
    for (size_t d = 0; d < op->dirs; d++) {
        const struct direction *dir = &op->dir[d];
        struct tensor *dx = dir->gates, *of_a = op->kind == CELL_KIND_GRU ? da[d] : dx;
        weights_back(p, node, dir, WEIGHT_HH, BIAS_HH, of_a, h_before[d], op->hidden);
        weights_back(p, node, dir, WEIGHT_IH, BIAS_IH, dx, x, op->in);
        int add;
        struct tensor *dinput = lower_grad(p, node, X, &add);
        const struct gemm_shape shape = gemm_shape_of(0, 0, rows, op->in, width);
        if (dinput)
            plan_gemm(p, dinput->name, shape, dx, cast_weight(p, &shape, dir->w_ih), dinput, add);
    }
}

static size_t gates_of(enum cell_kind kind)
{
    static const size_t gates[] = {[CELL_KIND_LSTM] = 4, [CELL_KIND_GRU] = 3, [CELL_KIND_RNN] = 1};
    return gates[kind];
}

static struct layer layer_of(struct plan *p, struct op *node)
{
    const struct cell *cell = &((const struct recurrent *)node->attr)->cell;
    struct tensor *x = node->in[X];
    struct layer op = {.kind = cell->kind,
                       .batch = x->dim[0],
                       .window = x->dim[1],
                       .in = x->dim[2],
                       .hidden = cell->hidden,
                       .gates = gates_of(cell->kind),
                       .dirs = cell->bidirectional ? 2 : 1,
                       .carries = p->carries && !cell->bidirectional,
                       .x = x,
                       .y = node->out[0]};
    choose(p, &op);
    for (size_t d = 0; d < op.dirs; d++) {
        struct tensor **in = node->in + PARAMS * d, **saved = node->saved + SAVED * d;
        op.dir[d] = (struct direction){.at = (int)(PARAMS * d),
                                       .w_ih = in[WEIGHT_IH],
                                       .w_hh = in[WEIGHT_HH],
                                       .b_ih = in[BIAS_IH],
                                       .b_hh = in[BIAS_HH],
                                       .gates = saved[GATES],
                                       .extra = saved[EXTRA],
                                       .trace = saved[TRACE]};
    }
    return op;
}

static void recurrent_forward(struct plan *p, struct op *node)
{
    struct layer op = layer_of(p, node);
    size_t rows = op.batch * op.window, width = op.gates * op.hidden;
    for (size_t d = 0; d < op.dirs && !op.wide; d++) {
        struct direction *dir = &op.dir[d];
        dir->gates = plan_stored(p, "gates", rows, width);
        dir->extra = op.kind == CELL_KIND_LSTM  ? plan_tensor2(p, "extra", rows, op.hidden)
                     : op.kind == CELL_KIND_GRU ? plan_stored(p, "extra", rows, op.hidden)
                                                : plan_tensor2(p, "unused", 1, 1);
        const struct gemm_shape shape = gemm_shape_of(0, 1, rows, width, op.in);
        plan_gemm(p, dir->w_ih->name, shape, op.x, cast_weight(p, &shape, dir->w_ih), dir->gates,
                  0);
    }
    if (op.wide)
        wide(p, &op);
    else if (op.side)
        walk(p, &op);
    else if (op.tiled)
        recurrent_tiles_forward(p, &op);
    else
        step(p, &op);
    for (size_t d = 0; d < op.dirs; d++) {
        struct tensor **saved = node->saved + SAVED * d;
        saved[GATES] = op.dir[d].gates;
        saved[EXTRA] = op.dir[d].extra;
        saved[TRACE] = op.dir[d].trace;
    }
}

static void recurrent_back(struct plan *p, struct op *node)
{
    const struct layer op = layer_of(p, node);
    if (op.wide)
        wide_back(p, node, &op);
    else
        long_back(p, node, &op);
}

static void recurrent_infer(struct graph *g, struct op *op)
{
    const struct cell *cell = &((const struct recurrent *)op->attr)->cell;
    const struct tensor *x = op->in[X];
    if (x->rank != 3)
        graph_misfit(g, op, "needs rows of samples [B, T, in]", X, -1);
    else
        graph_output(
            g, op, 0, op->path, 3,
            (size_t[]){x->dim[0], x->dim[1], cell->hidden * (cell->bidirectional ? 2 : 1)});
}

/* Matrices [gates H, columns] of all directions behind each other, [dirs, gates H, columns], with
 * their gates in ONNX's order; what `name` is called. */
static const char *gates_onnx(struct onnx *o, struct op *op, int which, size_t columns, size_t dirs,
                              const char *name)
{
    static const size_t lstm[] = {0, 3, 1, 2}, gru[] = {1, 0, 2}; /* i o f g, z r n */
    const struct cell *cell = &((const struct recurrent *)op->attr)->cell;
    const size_t gates = gates_of(cell->kind), block = cell->hidden * columns;
    const int is_bias = which == BIAS_IH, parts = is_bias ? 2 : 1;
    const size_t each = (size_t)parts * gates * block;
    float *to = malloc(dirs * each * sizeof *to);
    if (!to)
        onnx_no_memory(o);
    for (size_t d = 0; d < dirs && to; d++)
        for (int part = 0; part < parts; part++) {
            float *from = onnx_numbers(o, op->in[PARAMS * d + (size_t)(which + part)]);
            for (size_t k = 0; k < gates && from; k++) {
                const size_t source = gates == 4 ? lstm[k] : gates == 3 ? gru[k] : 0;
                memcpy(to + d * each + ((size_t)part * gates + k) * block, from + source * block,
                       block * sizeof *to);
            }
            free(from);
        }
    const size_t dim[] = {dirs, is_bias ? each : gates * cell->hidden, columns};
    const char *made = to ? onnx_table(o, name, is_bias ? 2 : 3, dim, to) : "";
    free(to);
    return made;
}

/* ONNX adds b_ih and b_hh of a direction as one tensor: "gru.bias_l0". */
static const char *biases_onnx(struct onnx *o, struct op *op, size_t dirs)
{
    static const char both[] = "bias_ih";
    const char *name = op->in[BIAS_IH]->name, *at = strstr(name, both);
    const char *called =
        at ? graph_name("%.*sbias%s", (int)(at - name), name, at + strlen(both)) : name;
    return gates_onnx(o, op, BIAS_IH, 1, dirs, called);
}

static void recurrent_onnx(struct onnx *o, struct op *op)
{
    static const char *const types[] = {
        [CELL_KIND_LSTM] = "LSTM", [CELL_KIND_GRU] = "GRU", [CELL_KIND_RNN] = "RNN"};
    static const int64_t by_step[] = {1, 0, 2}, by_sample[] = {2, 0, 1, 3};
    const struct cell *cell = &((const struct recurrent *)op->attr)->cell;
    const size_t dirs = cell->bidirectional ? 2 : 1, columns = op->in[X]->dim[2];
    const int is_lstm = cell->kind == CELL_KIND_LSTM;
    const char *in[] = {onnx_transpose(o, onnx_of(o, op->in[X]), 3, by_step),
                        gates_onnx(o, op, WEIGHT_IH, columns, dirs, op->in[WEIGHT_IH]->name),
                        gates_onnx(o, op, WEIGHT_HH, cell->hidden, dirs, op->in[WEIGHT_HH]->name),
                        biases_onnx(o, op, dirs),
                        "",
                        onnx_state(o, cell->hidden),
                        is_lstm ? onnx_state(o, cell->hidden) : ""};
    const struct onnx_attribute with[] = {
        {.name = "hidden_size", .kind = ONNX_WHOLE, .whole = (int64_t)cell->hidden},
        {.name = "direction", .kind = ONNX_TEXT, .text = dirs > 1 ? "bidirectional" : "forward"},
        {.name = "linear_before_reset", .kind = ONNX_WHOLE, .whole = 1}};
    const int carries = *in[5] != 0;
    const size_t ends = carries ? (is_lstm ? 2 : 1) : 0;
    const char *out[3];
    onnx_append(o,
                &(struct onnx_node){types[cell->kind], carries ? 5 + ends : 4, in,
                                    cell->kind == CELL_KIND_GRU ? 3 : 2, with, 1 + ends},
                out);
    for (size_t i = 0; i < ends; i++)
        onnx_next_state(o, out[1 + i]);
    const int64_t dim[] = {0, 0, (int64_t)(dirs * cell->hidden)};
    onnx_is(o, op->out[0], onnx_reshape(o, onnx_transpose(o, out[0], 4, by_sample), 3, dim));
}

/* A direction, whose states are columns [d H, (d + 1) H) of the output. */
static void direction_cfile(struct cfile *c, struct op *op, const char *x, const char *y, size_t d)
{
    static const char *const types[] = {
        [CELL_KIND_LSTM] = "lstm", [CELL_KIND_GRU] = "gru", [CELL_KIND_RNN] = "rnn"};
    const struct cell *cell = &((const struct recurrent *)op->attr)->cell;
    struct tensor *const *param = op->in + PARAMS * d;
    const size_t states = cell->kind == CELL_KIND_LSTM ? 2 : 1, n = cell->hidden;
    const char *h = cfile_state(c, states * n);
    const char *g = cfile_room(c, 2 * gates_of(cell->kind) * n);
    cfile_call(c, types[cell->kind],
               "%s, %s + %zu, %s, %s, %s, %s, %s, %s, %zu, %zu, %zu, %zu, %zu", x, y, d * n, h, g,
               cfile_of(c, param[WEIGHT_IH]), cfile_of(c, param[WEIGHT_HH]),
               cfile_of(c, param[BIAS_IH]), cfile_of(c, param[BIAS_HH]), op->in[X]->dim[1],
               op->in[X]->dim[2], n, op->out[0]->dim[2], d);
    cfile_room_end(c);
}

static void recurrent_cfile(struct cfile *c, struct op *op)
{
    const int both = ((const struct recurrent *)op->attr)->cell.bidirectional;
    const char *x = cfile_of(c, op->in[X]), *y = cfile_make(c, op->out[0]);
    for (size_t d = 0; d < (both ? 2 : 1); d++)
        direction_cfile(c, op, x, y, d);
}

static void recurrent_fixed(struct fixed *f, struct op *op)
{
    static const enum fixed_kind kinds[] = {
        [CELL_KIND_LSTM] = FIXED_LSTM, [CELL_KIND_GRU] = FIXED_GRU, [CELL_KIND_RNN] = FIXED_RNN};
    const struct cell *cell = &((const struct recurrent *)op->attr)->cell;
    if (cell->bidirectional)
        fixed_fault(f, "%s: what walks backward does not go row by row", op->path);
    else
        fixed_cell(f, kinds[cell->kind], op->in[X], op->in + WEIGHT_IH, op->out[0]);
}

static const struct op_class recurrent_class = {
    .name = "recurrent",
    .attr = sizeof(struct recurrent),
    .infer = recurrent_infer,
    .forward = recurrent_forward,
    .back = recurrent_back,
    .reads = READS_IN(X) | READS_IN(WEIGHT_IH) | READS_IN(WEIGHT_HH) |
             READS_IN(PARAMS + WEIGHT_IH) | READS_IN(PARAMS + WEIGHT_HH) | READS_OUT(0),
    .stored = READS_IN(X) | READS_OUT(0),
    .onnx = recurrent_onnx,
    .cfile = recurrent_cfile,
    .fixed = recurrent_fixed,
};

/* PyTorch's parameters of a direction, U(-1/sqrt(H), 1/sqrt(H)) unless the cell says otherwise. */
static void make_params(struct graph *g, size_t columns, const struct cell *cell, const char *name,
                        size_t number, size_t d, struct tensor **in)
{
    static const char *const suffix[] = {"", "_reverse"};
    const size_t width = gates_of(cell->kind) * cell->hidden;
    const double gates = (double)gates_of(cell->kind);
    double bound = 1 / sqrt((double)cell->hidden);
    in[WEIGHT_IH] = graph_param(g, graph_name("%s.weight_ih_l%zu%s", name, number, suffix[d]), 2,
                                (size_t[]){width, columns}, 1, cell->input,
                                cell->input == INIT_UNIFORM ? bound : gates);
    in[WEIGHT_HH] = graph_param(g, graph_name("%s.weight_hh_l%zu%s", name, number, suffix[d]), 2,
                                (size_t[]){width, cell->hidden}, 1, cell->recurrent,
                                cell->recurrent == INIT_UNIFORM ? bound : gates);
    if (cell->zero_biases)
        bound = 0;
    const char *bias = graph_name("%s.bias_ih_l%zu%s", name, number, suffix[d]);
    in[BIAS_IH] = graph_param(g, bias, 1, &width, 0, INIT_UNIFORM, bound);
    if (cell->kind == CELL_KIND_LSTM)
        params_shift(g->params, bias, cell->hidden, cell->hidden, cell->forget_bias);
    in[BIAS_HH] = graph_param(g, graph_name("%s.bias_hh_l%zu%s", name, number, suffix[d]), 1,
                              &width, 0, INIT_UNIFORM, bound);
}

struct tensor *op_recurrent(struct graph *g, struct tensor *x, const struct cell *cell,
                            const char *name, size_t number)
{
    struct tensor *in[1 + 2 * PARAMS] = {x};
    const size_t dirs = cell->bidirectional ? 2 : 1;
    for (size_t d = 0; d < dirs; d++) {
        make_params(g, tensor_columns(x), cell, name, number, d, in + PARAMS * d);
        in[PARAMS * d + WEIGHT_IH] = rounded_weight(g, in[PARAMS * d + WEIGHT_IH]);
        in[PARAMS * d + WEIGHT_HH] = rounded_weight(g, in[PARAMS * d + WEIGHT_HH]);
    }
    return graph_op(g, &recurrent_class, name, &(struct recurrent){*cell}, 1 + PARAMS * dirs, in)
        ->out[0];
}
