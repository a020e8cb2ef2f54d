/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "cfile/cfile.h"
#include "lower/cut.h"
#include "lower/lower.h"
#include "ops/classes.h"
#include "ops/onnx_attend.h"

enum { QKV, BIAS }; /* [B, T, columns] as columns_of() has it, [columns] or NULL */

struct attention {
    size_t heads;
    struct attend how;
    struct drop drop;
};

/* Heads of keys, and of values. */
static size_t key_heads(const struct attention *a)
{
    return a->how.key_heads ? a->how.key_heads : a->heads;
}

/* How a window is cut. */
struct cut {
    size_t batch, window, heads, key_heads, head_width;
    unsigned vec, head_vec, lanes;
    size_t tile, block, back_block; /* keys, and queries forward and backward, at a time */
    int split;                      /* the backward pass is two kernels */
    size_t room;                    /* floats that do not fit into local memory; 0: all do */
    size_t square; /* side of the tiles of attention_tiles.cl, which then has the work; 0: not */
    int matrix;    /* attention_mma.cl has it, in tiles of MATRIX_TILE rows */
};

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Floats of a work-group in its hungriest kernel, as laid out in attention.cl. */
static size_t room_for(const struct cut *c, int training)
{
    size_t tile = c->tile * c->head_width, rows = c->lanes * 4 * c->tile;
    size_t back = 2 * c->back_block * c->tile;
    size_t room = 2 * tile + rows + 2 * round_up(c->block, c->vec);
    size_t back_q = 3 * tile + 2 * rows, back_kv = 2 * tile + back, back_all = 3 * tile + back;
    if (!training)
        return room;
    if (!c->split)
        return back_all > room ? back_all : room;
    room = back_q > room ? back_q : room;
    return back_kv > room ? back_kv : room;
}

static size_t room_of(const struct plan *p, const struct cut *c)
{
    return room_for(c, p->training);
}

static int too_large(const struct plan *p, size_t room)
{
    return room * 4 + 1024 > device_info(p->dev)->local_bytes;
}

#define ONE_BLOCK 64 /* rows of a window up to which a CPU's backward pass takes all at once */
#define ONE_TILE 256 /* up to which its keys stay in a core's caches */
#define FEW_HEADS 16 /* fewer, of all samples, do not occupy the cores by themselves */

#define TILES_LANES 256 /* work-items in a group of attention_tiles.cl */

#define MATRIX_LANES 128 /* work-items in a group of attention_mma.cl */
#define MATRIX_TILE 64   /* rows that it keeps */

/* Whether the places of a sample's numbers are ints to the kernels of tiles. */
static int fits_int(const struct cut *c)
{
    return c->window * (c->heads + 2 * c->key_heads) * c->head_width <= INT32_MAX / 2;
}

/* Bytes of local memory of attention_mma.cl, at most. */
static size_t matrix_bytes(const struct plan *p, const struct cut *c)
{
    if (p->graph->stored == DTYPE_F32)
        return 18048;
    return c->head_width <= 64 ? 18432 : p->training ? 44160 : 17408;
}

/* Whether attention_mma.cl takes a window: one that fills more than a tile, by NVIDIA's units, of
 * their types; fp32 is rounded to TF32 where the option allows it, and has no registers for wide
 * heads. */
static int matrix_serves(const struct plan *p, const struct cut *c)
{
    const struct device_info *dev = device_info(p->dev);
    const int is_fp32 = p->graph->stored == DTYPE_F32;
    return device_matrix_kind(dev->matrix) == MATRIX_PTX && c->window > MATRIX_TILE &&
           c->head_width >= 16 && c->head_width <= (is_fp32 ? 64 : 128) &&
           (!is_fp32 || dev->tf32) && dev->max_group >= MATRIX_LANES &&
           dev->local_bytes >= matrix_bytes(p, c) + 1024 && fits_int(c);
}

/* 16 columns each that a head is rounded up to: 1, 2, 4, 8, 12 or 16. */
static unsigned columns_of_tiles(const struct cut *c)
{
    unsigned columns = 1;
    while (columns * 16 < c->head_width)
        columns += columns < 8 ? columns : 4;
    return columns;
}

/* Side of the tiles with which attention_tiles.cl takes a window: 64, or as many as it takes, the
 * widest heads 32 at least; 0: it does not serve this head width or device. Heads wider than 128
 * are served in whole vectors: for single columns there are not enough registers. */
static size_t square_of(const struct plan *p, const struct cut *c)
{
    const struct device_info *dev = device_info(p->dev);
    const unsigned columns = columns_of_tiles(c);
    /* of local memory, at most */
    const size_t bytes = (p->training ? 45056u : 27648u) + (columns == 12 ? 2048u : 0);
    if (columns > 16 || (columns > 8 && c->head_width % 4) || dev->max_group < TILES_LANES ||
        dev->local_bytes < bytes + 1024 || !fits_int(c))
        return 0;
    return c->window > 32 ? 64 : c->window > 16 || columns > 12 ? 32 : 16;
}

/*
 * The one place that chooses how a window is cut. A GPU takes it in tiles that stay in registers
 * (attention_tiles.cl), and where that cannot be by attention.cl as a CPU does: whole where it fits
 * into local memory, else in tiles and with the backward pass split, so that there are more
 * work-groups. A CPU cuts it so that a tile with what is made of it stays in the caches, and splits
 * where there are few heads.
 */
static struct cut choose(const struct plan *p, const struct op *op)
{
    const struct attention *a = op->attr;
    const struct tensor *o = op->out[0];
    const int is_cpu = cut_for_cpu(p), cut = (int)a->how.cut;
    struct cut c = {.batch = o->dim[0],
                    .window = o->dim[1],
                    .heads = a->heads,
                    .key_heads = key_heads(a),
                    .head_width = o->dim[2] / a->heads,
                    .vec = is_cpu ? 16 : 4,
                    .lanes = 1};
    c.head_vec = cut_vec(p, c.head_width);
    if (!is_cpu && cut == ATTEND_CHOOSE &&
        ((c.matrix = matrix_serves(p, &c)) || (c.square = square_of(p, &c))))
        return c;
    while (!is_cpu && c.lanes < 64 && c.lanes * 4 < c.window)
        c.lanes *= 2;
    c.tile = round_up(c.window, c.vec);
    c.block = round_up(c.window, 4);
    c.back_block = is_cpu && c.window > ONE_BLOCK ? 32 : c.block;
    if (cut == ATTEND_CHOOSE && !(is_cpu && c.window > ONE_TILE) && !too_large(p, room_of(p, &c)))
        return c;
    c.split =
        cut == ATTEND_SPLIT || (cut == ATTEND_CHOOSE && (!is_cpu || c.batch * c.heads < FEW_HEADS));
    c.lanes = is_cpu ? 1 : 32;
    c.tile = is_cpu ? 128 : 32;
    c.block = 128;
    c.back_block = is_cpu ? 32 : 128;
    while (too_large(p, room_of(p, &c)) && c.tile > 16)
        c.tile /= 2;
    if (too_large(p, room_of(p, &c)))
        c.room = room_of(p, &c);
    return c;
}

/* Whether sums go on from tile to tile, or backward from block to block: these are fp32, PART_O and
 * PART_D of attention.cl. */
static int goes_on(const struct plan *p, const struct cut *c, int backward)
{
    return p->graph->stored != DTYPE_F32 &&
           (c->window > c->tile ||
            (backward && (c->window > c->back_block || c->key_heads < c->heads)));
}

/* What the kernel adds up in, for `of`: that itself, or sums that are cast behind it. */
static struct tensor *sums_of(struct plan *p, struct tensor *of, int goes_on)
{
    return goes_on ? plan_tensor2(p, "attention.sums", tensor_rows(of), tensor_columns(of)) : of;
}

/* An evaluation may be cut in a way for which the backward kernels are too large: a driver that
 * compiles them all the same would refuse the program. */
static const char *without_back(const struct plan *p, const struct cut *c)
{
    return !p->training && !c->room && too_large(p, room_for(c, 1)) ? " -DBACK=0" : "";
}

static struct launch *attention_kernel(struct plan *p, const struct op *op, const struct cut *c,
                                       const char *name, size_t groups)
{
    const struct attention *a = op->attr;
    char keys[32] = "";
    if (c->key_heads < c->heads)
        snprintf(keys, sizeof keys, " -DKV=%zu", c->key_heads);
    return plan_kernel(
        p, "attention.cl", name, c->batch * groups, c->lanes,
        "-DT=%zu -DTP=%zu -DBQ=%zu -DBB=%zu -DSPLIT=%d -DDH=%zu -DHV=%u -DH=%zu%s -DCAUSAL=%d "
        "-DBIAS=%d -DDROP=%d -DVEC=%u -DLANES=%u -DGLOBAL=%d -DSCRATCH=%zu%s",
        c->window, c->tile, c->block, c->back_block, c->split, c->head_width, c->head_vec, c->heads,
        keys, a->how.causal, op->in[BIAS] != NULL, a->drop.p > 0, c->vec, c->lanes, c->room > 0,
        c->room, without_back(p, c));
}

/* Blocks of queries. */
static size_t blocks_of(const struct cut *c)
{
    return (c->window + c->block - 1) / c->block;
}

static void read_qkv(struct launch *l, const struct op *op)
{
    launch_read(l, op->in[QKV]);
    if (op->in[BIAS])
        launch_read(l, op->in[BIAS]);
}

/* The arguments that all have, and so many matrix products' cost. */
static void attention_tail(struct plan *p, struct launch *l, const struct op *op,
                           const struct cut *c, double products, const char *label)
{
    const struct attention *a = op->attr;
    const double t = (double)c->window, pairs = a->how.causal ? t * (t + 1) / 2 : t * t;
    launch_read(l, dropout_sample(p));
    launch_read(l, p->step);
    launch_dropout_key(p, l, &a->drop);
    launch_float(l, 1 / sqrt((double)c->head_width));
    if (c->room)
        launch_write(l, plan_tensor2(p, "attention.room", l->groups, c->room));
    launch_cost(l, products * 2 * (double)(c->batch * c->heads * c->head_width) * pairs, label);
    if (c->square)
        launch_local(l, l->flops); /* a byte for an operation, see cl/attention_tiles.cl */
    if (c->matrix) {               /* as cl/attention_mma.cl counts */
        const double each = a->drop.p > 0 && p->training ? 35 : 10;
        launch_matrix(l, p->graph->stored, 2 * each * (double)(c->batch * c->heads) * pairs);
        launch_local(l, l->flops / (p->graph->stored == DTYPE_F32 ? 6 : 12));
    }
}

/* A kernel of attention_mma.cl, the same without slots. */
static struct launch *matrix_kernel(struct plan *p, const struct op *op, const struct cut *c,
                                    const char *name, size_t all)
{
    const struct attention *a = op->attr;
    const unsigned whole = p->graph->stored == DTYPE_F32 ? 4 : 8; /* numbers of 16 bytes */
    return plan_kernel(
        p, "attention_mma.cl", name, all * ((c->window + MATRIX_TILE - 1) / MATRIX_TILE),
        MATRIX_LANES, "-DMMA=%d -DND=%u -DHV=%u -DBIAS=%d -DDROP=%d -DBACK=%d -DLANES=%d",
        (int)device_info(p->dev)->matrix, columns_of_tiles(c), c->head_width % whole ? 1 : whole,
        op->in[BIAS] != NULL, a->drop.p > 0 && p->training, p->training != 0, MATRIX_LANES);
}

/* The name of a kernel that both files have. */
#define ON_TILES(c, name) ((c)->matrix ? "attention_mma_" name : "attention_tiles_" name)

/* A kernel of attention_tiles.cl: a slot for each of `all` heads of the samples and tile; or of
 * attention_mma.cl. */
static struct launch *tiles_kernel(struct plan *p, const struct op *op, const struct cut *c,
                                   const char *name, size_t all)
{
    const struct attention *a = op->attr;
    if (c->matrix)
        return matrix_kernel(p, op, c, name, all);
    const size_t slots = TILES_LANES / (4 * c->square);
    const size_t tiles = (c->window + c->square - 1) / c->square;
    return plan_kernel(
        p, "attention_tiles.cl", name, (all + slots - 1) / slots * tiles, TILES_LANES,
        "-DTILE=%zu -DND=%u -DHV=%d -DBIAS=%d -DDROP=%d -DBACK=%d -DLANES=%d", c->square,
        columns_of_tiles(c), c->head_width % 4 ? 1 : 4, op->in[BIAS] != NULL,
        a->drop.p > 0 && p->training, p->training != 0, TILES_LANES);
}

/* The arguments that its kernels have behind those of attention.cl. */
static void tiles_tail(struct launch *l, const struct op *op, const struct cut *c, size_t all)
{
    const struct attention *a = op->attr;
    launch_int(l, c->window);
    launch_int(l, c->head_width);
    launch_int(l, c->heads);
    launch_int(l, c->key_heads);
    launch_int(l, (size_t)a->how.causal);
    launch_int(l, all);
}

static void tiles_forward(struct plan *p, struct op *op, const struct cut *c)
{
    const size_t all = c->batch * c->heads;
    struct launch *l = tiles_kernel(p, op, c, ON_TILES(c, "fwd"), all);
    read_qkv(l, op);
    launch_write(l, op->out[0]);
    launch_write(l, op->saved[0]);
    attention_tail(p, l, op, c, 2, "attention");
    tiles_tail(l, op, c, all);
}

static void tiles_back(struct plan *p, struct op *op, const struct cut *c, struct tensor *dqkv)
{
    const size_t all = c->batch * c->heads, shared = c->batch * c->key_heads;
    struct tensor *dout = lower_arrived(op, 0), *lse = op->saved[0];
    struct tensor *delta = plan_tensor2(p, "delta", all, c->window);
    struct launch *l = tiles_kernel(p, op, c, ON_TILES(c, "bwd_q"), all);
    read_qkv(l, op);
    launch_read(l, op->out[0]);
    launch_read(l, lse);
    launch_read(l, dout);
    launch_write(l, dqkv);
    launch_write(l, delta);
    attention_tail(p, l, op, c, 3, dqkv->name);
    tiles_tail(l, op, c, all);
    l = tiles_kernel(p, op, c, ON_TILES(c, "bwd_kv"), shared);
    read_qkv(l, op);
    launch_read(l, delta);
    launch_read(l, lse);
    launch_read(l, dout);
    launch_update(l, dqkv);
    attention_tail(p, l, op, c, 4, dqkv->name);
    tiles_tail(l, op, c, shared);
}

static void attention_forward(struct plan *p, struct op *op)
{
    const struct cut c = choose(p, op);
    op->saved[0] = plan_tensor2(p, "lse", c.batch * c.heads, c.window);
    if (c.square || c.matrix) {
        tiles_forward(p, op, &c);
        return;
    }
    struct launch *l = attention_kernel(p, op, &c, "attention_fwd", c.heads * blocks_of(&c));
    struct tensor *sums = sums_of(p, op->out[0], goes_on(p, &c, 0));
    read_qkv(l, op);
    launch_write(l, sums);
    launch_write(l, op->saved[0]);
    attention_tail(p, l, op, &c, 2, "attention");
    if (sums != op->out[0])
        cast_into(p, sums, op->out[0], 0);
}

/* The same by attention.cl. */
static void whole_back(struct plan *p, struct op *op, const struct cut *from, struct tensor *dqkv)
{
    const struct cut c = *from;
    struct tensor *dout = lower_arrived(op, 0), *lse = op->saved[0], *delta = NULL;
    struct tensor *sums = sums_of(p, dqkv, goes_on(p, &c, 1));
    struct launch *l = attention_kernel(p, op, &c, c.split ? "attention_bwd_q" : "attention_bwd",
                                        c.split ? c.heads * blocks_of(&c) : c.key_heads);
    read_qkv(l, op);
    launch_read(l, op->out[0]);
    launch_read(l, lse);
    launch_read(l, dout);
    launch_write(l, sums);
    if (c.split)
        launch_write(l, delta = plan_tensor2(p, "delta", c.batch * c.heads, c.window));
    attention_tail(p, l, op, &c, c.split ? 3 : 5, dqkv->name);
    if (c.split) {
        l = attention_kernel(p, op, &c, "attention_bwd_kv",
                             c.key_heads * ((c.window + c.tile - 1) / c.tile));
        read_qkv(l, op);
        launch_read(l, delta);
        launch_read(l, lse);
        launch_read(l, dout);
        launch_update(l, sums);
        attention_tail(p, l, op, &c, 4, dqkv->name);
    }
    if (sums != dqkv)
        cast_into(p, sums, dqkv, 0);
}

static void attention_back(struct plan *p, struct op *op)
{
    const struct cut c = choose(p, op);
    struct tensor *dqkv = lower_grad_fresh(p, op, QKV);
    if (!dqkv)
        dqkv = plan_like(p, "unused", op->in[QKV]);
    if (c.square || c.matrix)
        tiles_back(p, op, &c, dqkv);
    else
        whole_back(p, op, &c, dqkv);
    pointwise_bias_back(p, op, BIAS, dqkv);
}

/* Columns of a row of one head: x [B, T, (heads + 2 key heads) columns]; 0: it is none. */
static size_t columns_of(struct graph *g, const struct op *op)
{
    const struct attention *a = op->attr;
    const struct tensor *x = op->in[QKV];
    const size_t keys = key_heads(a), all = a->heads + 2 * keys;
    if (x->rank == 3 && a->heads && a->heads % keys == 0 && x->dim[2] % all == 0)
        return x->dim[2] / all;
    graph_misfit(g, op,
                 "needs queries, keys and values [B, T, 3 D], D a multiple of the heads; or fewer "
                 "keys and values, of which as many heads of queries share each",
                 QKV, -1);
    return 0;
}

static void attention_infer(struct graph *g, struct op *op)
{
    const struct attention *a = op->attr;
    const struct tensor *x = op->in[QKV];
    const size_t columns = columns_of(g, op);
    if (!columns)
        return;
    /* dropout numbers a sample's probabilities in 32 bits; factors of at most 2^17 each */
    size_t pairs = x->dim[1] * round_up(x->dim[1], 16);
    if (g->training && a->drop.p > 0 && pairs > ((size_t)1 << 32) / a->heads)
        graph_fault(g, op->path,
                    "has more than 2^32 attention probabilities to a sample: "
                    "dropout needs fewer heads or a shorter window");
    graph_output(g, op, 0, "attention", 3, (size_t[]){x->dim[0], x->dim[1], a->heads * columns});
}

static struct op *qkv_fuse(struct graph *g, struct op *op)
{
    return pointwise_absorb_bias(g, op, QKV, BIAS);
}

static void attention_describe(const struct op *op, struct words *to)
{
    const struct attention *a = op->attr;
    pointwise_describe_bias(op, BIAS, to);
    if (a->how.causal)
        words_add(to, "causal");
    if (a->drop.p > 0)
        words_add(to, "dropout");
}

static void attention_onnx(struct onnx *o, struct op *op)
{
    const struct attention *a = op->attr;
    const size_t width = op->out[0]->dim[2] / a->heads, keys = key_heads(a) * width;
    const struct onnx_heads of = {a->heads, key_heads(a), width};
    const int64_t size[] = {(int64_t)op->out[0]->dim[2], (int64_t)keys, (int64_t)keys};
    const char *x = onnx_of(o, op->in[QKV]), *part[3];
    if (op->in[BIAS])
        x = onnx_two(o, "Add", x, onnx_of(o, op->in[BIAS]));
    onnx_split(o, x, 3, size, part);
    const char *sees = a->how.causal ? onnx_causal(o, x, op->out[0]->dim[1]) : NULL;
    onnx_is(o, op->out[0], onnx_attend(o, &of, part[0], part[1], part[2], sees));
}

static void attention_cfile(struct cfile *c, struct op *op)
{
    const struct attention *a = op->attr;
    const size_t rows = op->out[0]->dim[1];
    if (op->in[BIAS] || cfile_streams(c)) {
        cfile_fault(c, "%s: attention sees a window of rows", op->path);
        return;
    }
    const char *x = cfile_of(c, op->in[QKV]), *y = cfile_make(c, op->out[0]);
    cfile_call(c, "attention", "%s, %s, %s, %zu, %zu, %zu, %zu, %d", x, y, cfile_room(c, rows),
               rows, a->heads, key_heads(a), op->out[0]->dim[2] / a->heads, a->how.causal);
    cfile_room_end(c);
}

static const struct op_class attention_class = {
    .name = "attention",
    .attr = sizeof(struct attention),
    .infer = attention_infer,
    .forward = attention_forward,
    .back = attention_back,
    .reads = READS_IN(QKV) | READS_OUT(0),
    .stored = READS_IN(QKV) | READS_OUT(0),
    .fuse = qkv_fuse,
    .describe = attention_describe,
    .onnx = attention_onnx,
    .cfile = attention_cfile,
};

struct tensor *op_attention(struct graph *g, struct tensor *qkv, size_t heads,
                            const struct attend *how, double p, const char *path)
{
    const struct attention attr = {heads, *how, drop_of(p, path)};
    return graph_op(g, &attention_class, path, &attr, 1, (struct tensor *[]){qkv})->out[0];
}
