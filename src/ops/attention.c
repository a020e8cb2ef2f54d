#include <math.h>

#include "ops/ops.h"

struct attention {
    struct tensor *qkv, *o, *lse;
    size_t window, heads, head_width;
    struct mask drop;
    unsigned vec, head_vec, lanes;
};

/* Floats of a work-group's tiles, forward and backward, as laid out in attention.cl. */
static size_t room_of(const struct attention *op, int backward)
{
    size_t t = op->window, tp = (t + op->vec - 1) / op->vec * op->vec, dh = op->head_width;
    return backward ? 2 * tp * dh + t * dh + 2 * ((t + 3) / 4 * 4) * tp
                    : tp * dh + t * dh + op->lanes * 4 * tp;
}

static struct launch *kernel(struct graph *g, const struct attention *op, const char *name,
                             size_t room, int global)
{
    size_t tp = (op->window + op->vec - 1) / op->vec * op->vec;
    return graph_kernel(g, "attention.cl", name, g->batch * op->heads, op->lanes,
                        "-DT=%zu -DTP=%zu -DDH=%zu -DHV=%u -DH=%zu -DVEC=%u -DLANES=%u -DGLOBAL=%d "
                        "-DSCRATCH=%zu",
                        op->window, tp, op->head_width, op->head_vec, op->heads, op->vec, op->lanes,
                        global, global ? room : 0);
}

static int too_large(const struct graph *g, size_t room)
{
    return room * 4 + 1024 > device_info(g->dev)->local_bytes;
}

static void tail(struct graph *g, struct launch *l, const struct attention *op, size_t room,
                 int global)
{
    launch_read(l, op->drop.sample);
    launch_read(l, g->step);
    launch_dropout_key(g, l, &op->drop);
    launch_float(l, 1 / sqrt((double)op->head_width));
    if (global)
        launch_write(l, graph_tensor2(g, "attention.room", g->batch * op->heads, room));
}

static double products(const struct graph *g, const struct attention *op)
{
    return 2.0 * (double)g->batch * (double)op->heads * (double)op->window * (double)op->window *
           (double)op->head_width;
}

static void backward(struct graph *g, const void *arg)
{
    const struct attention *op = arg;
    struct tensor *dout = op->o->grad;
    int add;
    struct tensor *dqkv = dout ? graph_grad(g, op->qkv, &add) : NULL;
    if (!dqkv)
        return;
    size_t room = room_of(op, 1);
    int global = too_large(g, room);
    struct launch *l = kernel(g, op, "attention_bwd", room, global);
    launch_read(l, op->qkv);
    launch_read(l, op->qkv->bias);
    launch_read(l, op->o);
    launch_read(l, op->lse);
    launch_read(l, dout);
    launch_write(l, dqkv);
    tail(g, l, op, room, global);
    launch_cost(l, 5 * products(g, op), dqkv->name);
}

struct tensor *op_attention(struct graph *g, struct tensor *qkv, size_t window, size_t width,
                            size_t heads, const struct drop *drop)
{
    struct attention op = {.qkv = qkv,
                           .window = window,
                           .heads = heads,
                           .head_width = width / heads,
                           .drop = mask_of(drop)};
    const struct device_info *info = device_info(g->dev);
    op.vec = info->is_cpu ? 16 : 4;
    op.head_vec = graph_vec(g, op.head_width);
    op.lanes = 1;
    while (!info->is_cpu && op.lanes < 64 && op.lanes * 4 < window)
        op.lanes *= 2;
    op.o = graph_tensor2(g, "attention", g->batch * window, width);
    op.lse = graph_tensor2(g, "lse", g->batch * heads, window);
    size_t room = room_of(&op, 0);
    int global = too_large(g, g->training ? room_of(&op, 1) : room);
    /* forward and backward are one program: GLOBAL and SCRATCH are the same for both */
    if (g->training && room_of(&op, 1) > room)
        room = room_of(&op, 1);
    struct launch *l = kernel(g, &op, "attention_fwd", room, global);
    launch_read(l, qkv);
    launch_read(l, qkv->bias);
    launch_write(l, op.o);
    launch_write(l, op.lse);
    tail(g, l, &op, room, global);
    launch_cost(l, 2 * products(g, &op), "attention");
    graph_backward_arg(g, backward, op);
    return op.o;
}
