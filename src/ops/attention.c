/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "ops/ops.h"

struct attention {
    struct tensor *qkv, *o, *lse;
    size_t window, heads, head_width;
    struct mask drop;
    unsigned vec, head_vec, lanes;
    int causal;
    size_t tile, block, back_block; /* keys, and queries forward and backward, at a time */
    int split;                      /* the backward pass is two kernels */
    size_t room;                    /* floats that do not fit into local memory; 0: all do */
};

struct rotary {
    struct tensor *x, *y, *table;
    size_t window, heads, head_width;
};

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Floats of a work-group in its hungriest kernel, as laid out in attention.cl. */
static size_t room_of(const struct graph *g, const struct attention *op)
{
    size_t tile = op->tile * op->head_width, rows = op->lanes * 4 * op->tile;
    size_t back = 2 * op->back_block * op->tile;
    size_t room = 2 * tile + rows + 2 * round_up(op->block, op->vec);
    size_t back_q = 3 * tile + 2 * rows, back_kv = 2 * tile + back, back_all = 3 * tile + back;
    if (!g->training)
        return room;
    if (!op->split)
        return back_all > room ? back_all : room;
    room = back_q > room ? back_q : room;
    return back_kv > room ? back_kv : room;
}

static int too_large(const struct graph *g, size_t room)
{
    return room * 4 + 1024 > device_info(g->dev)->local_bytes;
}

#define ONE_BLOCK 64 /* rows of a window up to which a CPU's backward pass takes all at once */
#define ONE_TILE 256 /* up to which its keys stay in a core's caches */
#define FEW_HEADS 16 /* fewer, of all samples, do not occupy the cores by themselves */

/*
 * The one place that chooses how a window is cut. A GPU takes it whole where it fits into local
 * memory, else in tiles and with the backward pass split, so that there are more work-groups. A CPU
 * cuts it so that a tile with what is made of it stays in the caches, and splits where there are
 * few heads.
 */
static void choose(const struct graph *g, struct attention *op, enum attend_cut cut)
{
    const int is_cpu = device_info(g->dev)->is_cpu;
    op->vec = is_cpu ? 16 : 4;
    op->head_vec = graph_vec(g, op->head_width);
    op->lanes = 1;
    while (!is_cpu && op->lanes < 64 && op->lanes * 4 < op->window)
        op->lanes *= 2;
    op->tile = round_up(op->window, op->vec);
    op->block = round_up(op->window, 4);
    op->back_block = is_cpu && op->window > ONE_BLOCK ? 32 : op->block;
    if (cut == ATTEND_CHOOSE && !(is_cpu && op->window > ONE_TILE) && !too_large(g, room_of(g, op)))
        return;
    op->split = cut == ATTEND_SPLIT ||
                (cut == ATTEND_CHOOSE && (!is_cpu || g->batch * op->heads < FEW_HEADS));
    op->lanes = is_cpu ? 1 : 32;
    op->tile = is_cpu ? 128 : 32;
    op->block = 128;
    op->back_block = is_cpu ? 32 : 128;
    while (too_large(g, room_of(g, op)) && op->tile > 16)
        op->tile /= 2;
    if (too_large(g, room_of(g, op)))
        op->room = room_of(g, op);
}

static struct launch *kernel(struct graph *g, const struct attention *op, const char *name,
                             size_t parts)
{
    return graph_kernel(
        g, "attention.cl", name, g->batch * op->heads * parts, op->lanes,
        "-DT=%zu -DTP=%zu -DBQ=%zu -DBB=%zu -DSPLIT=%d -DDH=%zu -DHV=%u -DH=%zu -DCAUSAL=%d "
        "-DBIAS=%d -DDROP=%d -DVEC=%u -DLANES=%u -DGLOBAL=%d -DSCRATCH=%zu",
        op->window, op->tile, op->block, op->back_block, op->split, op->head_width, op->head_vec,
        op->heads, op->causal, op->qkv->bias != NULL, op->drop.p > 0, op->vec, op->lanes,
        op->room > 0, op->room);
}

static void read_qkv(struct launch *l, const struct attention *op)
{
    launch_read(l, op->qkv);
    if (op->qkv->bias)
        launch_read(l, op->qkv->bias);
}

/* The arguments that all have, and so many matrix products' cost. */
static void tail(struct graph *g, struct launch *l, const struct attention *op, double products,
                 const char *label)
{
    const double t = (double)op->window, pairs = op->causal ? t * (t + 1) / 2 : t * t;
    launch_read(l, op->drop.sample);
    launch_read(l, g->step);
    launch_dropout_key(g, l, &op->drop);
    launch_float(l, 1 / sqrt((double)op->head_width));
    if (op->room)
        launch_write(l, graph_tensor2(g, "attention.room", l->groups, op->room));
    launch_cost(l, products * 2 * (double)(g->batch * op->heads * op->head_width) * pairs, label);
}

static void backward(struct graph *g, const void *arg)
{
    const struct attention *op = arg;
    struct tensor *dout = op->o->grad, *delta = NULL;
    int add;
    struct tensor *dqkv = dout ? graph_grad(g, op->qkv, &add) : NULL;
    if (!dqkv)
        return;
    struct launch *l = kernel(g, op, op->split ? "attention_bwd_q" : "attention_bwd",
                              op->split ? (op->window + op->block - 1) / op->block : 1);
    read_qkv(l, op);
    launch_read(l, op->o);
    launch_read(l, op->lse);
    launch_read(l, dout);
    launch_write(l, dqkv); /* this is the projection's one reader */
    if (op->split)
        launch_write(l, delta = graph_tensor2(g, "delta", g->batch * op->heads, op->window));
    tail(g, l, op, op->split ? 3 : 5, dqkv->name);
    if (!op->split)
        return;
    l = kernel(g, op, "attention_bwd_kv", (op->window + op->tile - 1) / op->tile);
    read_qkv(l, op);
    launch_read(l, delta);
    launch_read(l, op->lse);
    launch_read(l, dout);
    launch_update(l, dqkv);
    tail(g, l, op, 4, dqkv->name);
}

/* --- rotary positions */

struct tensor *op_rotary_table(struct graph *g, size_t window, size_t head_width)
{
    size_t half = head_width / 2, n = window * half * 2;
    if (n > GRAPH_MAX_TABLE) {
        graph_fault(g, "rotary",
                    "positions take more than 2^26 numbers: a shorter data.window or more "
                    "model.heads helps");
        return graph_state(g, "rotary", 1);
    }
    float *values = malloc((n ? n : 1) * sizeof *values);
    if (!values) {
        g->failed = 1;
        return graph_state(g, "rotary", 1);
    }
    values[0] = 0;
    for (size_t i = 0; i < window * half; i++) {
        double angle =
            (double)(i / half) * pow(10000, -2 * (double)(i % half) / (double)head_width);
        values[2 * i] = (float)cos(angle);
        values[2 * i + 1] = (float)sin(angle);
    }
    struct tensor *table = graph_constant(g, "rotary", n ? n : 1, values);
    free(values);
    return table;
}

static void turn(struct graph *g, const struct rotary *op, struct tensor *x, struct tensor *y,
                 int sign)
{
    size_t items = g->batch * op->window * 3 * op->heads * ((op->head_width + 1) / 2);
    size_t lanes = device_info(g->dev)->is_cpu ? 16 : 128;
    struct launch *l = graph_kernel(g, "rotary.cl", "rotary", (items + lanes - 1) / lanes, lanes,
                                    "-DDH=%zu -DH=%zu -DSIGN=%d -DBIAS=%d", op->head_width,
                                    op->heads, sign, x->bias != NULL);
    launch_read(l, x);
    if (x->bias)
        launch_read(l, x->bias);
    launch_read(l, op->table);
    launch_write(l, y);
    launch_int(l, op->window);
    launch_int(l, items);
    launch_cost(l, 3.0 * (double)x->elems, y->name);
}

static void rotary_backward(struct graph *g, const void *arg)
{
    const struct rotary *op = arg;
    int add;
    struct tensor *dx = op->y->grad ? graph_grad(g, op->x, &add) : NULL;
    if (dx)
        turn(g, op, op->y->grad, dx, -1);
}

/* q and k turned, the bias added */
static struct tensor *rotate(struct graph *g, struct tensor *qkv, struct tensor *table,
                             size_t window, size_t heads, size_t head_width)
{
    struct rotary op = {qkv, NULL, table, window, heads, head_width};
    op.y = graph_tensor2(g, "rotary", g->batch * window, 3 * heads * head_width);
    turn(g, &op, qkv, op.y, 1);
    graph_backward_arg(g, rotary_backward, op);
    return op.y;
}

struct tensor *op_attention(struct graph *g, struct tensor *qkv, size_t window, size_t width,
                            size_t heads, const struct attend *how, const struct drop *drop)
{
    struct attention op = {.window = window,
                           .heads = heads,
                           .head_width = width / heads,
                           .causal = how->causal,
                           .drop = mask_of(drop)};
    op.qkv = how->rotary ? rotate(g, qkv, how->rotary, window, heads, op.head_width) : qkv;
    /* dropout numbers a sample's probabilities in 32 bits; factors of at most 2^17 each */
    size_t pairs = window * round_up(window, 16);
    if (g->training && drop->p > 0 && pairs > ((size_t)1 << 32) / heads)
        graph_fault(g, drop->path,
                    "has more than 2^32 attention probabilities to a sample: "
                    "dropout needs fewer heads or a shorter window");
    choose(g, &op, how->cut);
    op.o = graph_tensor2(g, "attention", g->batch * window, width);
    op.lse = graph_tensor2(g, "lse", g->batch * heads, window);
    struct launch *l = kernel(g, &op, "attention_fwd", (op.window + op.block - 1) / op.block);
    read_qkv(l, &op);
    launch_write(l, op.o);
    launch_write(l, op.lse);
    tail(g, l, &op, 2, "attention");
    graph_backward_arg(g, backward, op);
    return op.o;
}
