/* SPDX-License-Identifier: MIT */
#include "ops/recurrent_tiles.h"

#include <math.h>

/* How a pass is cut, see cl/recurrent_tiles.cl. */
struct tiles {
    int back;
    size_t units, sequences, turn, slices, lanes; /* UNITS, BT, TK, SLICES, LANES */
    size_t columns, depth, blocks, rows, groups;
    int walks;                 /* all steps in one launch */
    size_t kept;               /* turns of W_hh that stay in registers, KEEP */
    enum device_matrix matrix; /* the kind of units that multiply, factors as stored; or none */
    size_t down, across;       /* their warps along sequences and columns, WM, WN */
};

enum {
    UNITS_MOST = 32,
    LANES_MOST = DEVICE_WALK_LANES,
    GROUPS_LEAST = 128, /* about as many as a large card has compute units */
    KEPT_BACK = 28,     /* pieces of 16 bytes backward by matrix units: what spills nothing */
    STEP = 16           /* k's of a product of fragments; sequences of a tile, at least */
};

/* A warp of matrix units, by their kind: MMA_WARP and MMA_N of cl/mma.h, and how many sequences and
 * columns of a tile it takes at most: 32 to 48 sums are in a work-item. */
struct warp {
    size_t items, fragment, sequences, columns;
};

static const struct warp warps[] = {[MATRIX_PTX] = {32, 8, 32, 32},
                                    [MATRIX_WMMA] = {32, 16, 32, 48},
                                    [MATRIX_DPAS_8] = {8, 8, 16, 16},
                                    [MATRIX_DPAS_16] = {16, 16, 16, 48}};

static size_t rounded_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Factors of a piece. */
static size_t piece_of(const struct tiles *t)
{
    return t->matrix ? 8 : 4;
}

static size_t factor_bytes(const struct tiles *t)
{
    return 16 / piece_of(t);
}

/* Bytes of local memory that chunks of state and W_hh take, as CHUNK of the kernels. */
static size_t chunk_bytes(const struct tiles *t)
{
    if (t->matrix) /* one, with 16 bytes behind each row */
        return (t->sequences + t->columns) * (2 * t->turn + 16);
    return 2 * 4 * t->turn * (t->sequences + t->columns);
}

/* The same of all sums, SUMS. */
static size_t sum_bytes(const struct tiles *t)
{
    return 4 * t->slices * t->sequences * (t->columns + (t->matrix ? 8 : 0));
}

static size_t groups_of(const struct layer *op, const struct tiles *t)
{
    return op->dirs * rounded_up(op->hidden, UNITS_MOST) / t->units *
           (rounded_up(op->batch, t->sequences) / t->sequences);
}

/* A large tile loads least for a product; it gets smaller where the batch would not fill it, or the
 * groups not the card. */
static void cut_tile(const struct layer *op, struct tiles *t)
{
    const size_t most = t->back ? 64 : 128;
    t->units = t->back ? UNITS_MOST : UNITS_MOST / 2;
    t->sequences = t->matrix ? STEP : 8;
    while (t->sequences < most && t->sequences < op->batch)
        t->sequences *= 2;
    while (t->sequences > 16 && rounded_up(op->batch, t->sequences) * 4 > op->batch * 5)
        t->sequences /= 2;
    if (groups_of(op, t) < GROUPS_LEAST)
        t->units = UNITS_MOST / 2;
    while (t->sequences > 16 && groups_of(op, t) < GROUPS_LEAST)
        t->sequences /= 2;
}

/* As many k's a turn as two turns have room for, that more bytes are under way. */
static void cut_turn(struct tiles *t)
{
    t->turn = t->back ? 128 : 64;
    while (t->turn > 16 &&
           (t->depth % t->turn || t->depth < 2 * t->turn || chunk_bytes(t) > DEVICE_WALK_LOCAL))
        t->turn /= 2;
}

/* Work-items for the tile's sums, and where these are too few as many slices of each turn. */
static void cut_slices(struct tiles *t)
{
    size_t items = t->columns / 4 * (t->sequences / 8), steps = t->turn;
    if (t->matrix) {
        const struct warp *warp = &warps[t->matrix];
        t->down = t->sequences > warp->sequences ? t->sequences / warp->sequences : 1;
        t->across = 1;
        while (t->columns > t->across * warp->columns ||
               t->columns % (t->across * warp->fragment) != 0)
            t->across++;
        items = t->down * t->across * warp->items;
        steps = t->turn / STEP;
    }
    t->slices = 1;
    while (t->slices * 2 * items <= LANES_MOST && t->slices * 2 <= steps &&
           2 * sum_bytes(t) <= DEVICE_WALK_LOCAL)
        t->slices *= 2;
    t->lanes = items * t->slices;
}

/* As many groups as there are tasks, or in a walk at most as are at work at a time; each has as
 * many tasks, or all of its tasks the same block. */
static void cut_groups(const struct plan *p, const struct layer *op, struct tiles *t)
{
    const struct device_info *info = device_info(p->dev);
    const size_t units = info->resident, blocks = op->dirs * t->blocks;
    const size_t fetches = (t->turn * t->columns / piece_of(t) + t->lanes - 1) / t->lanes;
    const int spills = t->matrix && t->back && info->keeps > KEPT_BACK;
    const size_t most = spills ? KEPT_BACK : info->keeps;
    t->walks = info->barrier != BARRIER_NONE && op->window > 1;
    if (!t->walks)
        return;
    if (blocks <= units && fetches != 3 && fetches <= 4)
        t->kept = most / fetches < t->depth / t->turn ? most / fetches : t->depth / t->turn;
    if (t->groups > units && blocks <= units)
        t->groups = units / blocks * blocks;
    else if (t->groups > units) {
        const size_t rounds = (t->groups + units - 1) / units;
        t->groups = (t->groups + rounds - 1) / rounds;
    }
}

/* The matrix units that multiply, where halves are stored. What is carried from one walk to the
 * next stays fp32. */
static enum device_matrix matrix_of(const struct plan *p, const struct layer *op)
{
    const int is_served = p->graph->stored != DTYPE_F32 && !op->carries;
    return is_served ? device_matrix_kind(device_info(p->dev)->matrix) : MATRIX_NONE;
}

static struct tiles cut(const struct plan *p, const struct layer *op, int back)
{
    struct tiles t = {.back = back, .matrix = matrix_of(p, op)};
    const size_t hidden = rounded_up(op->hidden, UNITS_MOST);
    cut_tile(op, &t);
    t.columns = back ? t.units : op->gates * t.units;
    t.depth = back ? op->gates * hidden : hidden;
    t.blocks = hidden / t.units;
    t.rows = rounded_up(op->batch, t.sequences);
    t.groups = groups_of(op, &t);
    cut_turn(&t);
    cut_slices(&t);
    cut_groups(p, op, &t);
    return t;
}

/* The larger of chunks and all sums. */
static size_t local_bytes(const struct tiles *t)
{
    const size_t chunks = chunk_bytes(t), sums = sum_bytes(t);
    return chunks > sums ? chunks : sums;
}

int recurrent_tiles_serve(const struct plan *p, const struct layer *op)
{
    const struct device_info *info = device_info(p->dev);
    for (int back = 0; back < 2; back++) {
        const struct tiles t = cut(p, op, back);
        if (info->is_cpu || t.lanes > info->max_group || local_bytes(&t) > info->local_bytes)
            return 0;
    }
    return 1;
}

static struct launch *tiles_kernel(struct plan *p, const struct layer *op, const struct tiles *t,
                                   const char *name, size_t groups)
{
    char barrier[64] = "-DGRID=0";
    const enum device_matrix matrix = t->matrix ? device_info(p->dev)->matrix : MATRIX_NONE;
    if (t->walks)
        device_barrier_options(device_info(p->dev), barrier);
    return plan_kernel(p, "recurrent_tiles.cl", name, groups, t->lanes,
                       "-DCELL=%d -DH=%zu -DDIRS=%zu -DCARRY=%d -DBACK=%d -DBT=%zu -DUNITS=%zu "
                       "-DTK=%zu -DSLICES=%zu -DLANES=%zu -DKEEP=%zu -DMMA=%d -DWM=%zu -DWN=%zu %s",
                       (int)op->kind, op->hidden, op->dirs, op->carries, t->back, t->sequences,
                       t->units, t->turn, t->slices, t->lanes, t->kept, (int)matrix, t->down,
                       t->across, barrier);
}

/* Numbers as the products of tiles read them. */
static struct tensor *factors(struct plan *p, const struct tiles *t, const char *name, size_t elems)
{
    return t->matrix ? plan_stored(p, name, 1, elems) : plan_tensor(p, name, elems);
}

/* W_hh of all directions in the order of tiles; nothing in it where there is one step, which has no
 * product but loads a chunk all the same. The walk behind it begins with no arrivals. */
static struct tensor *pack(struct plan *p, const struct layer *op, const struct tiles *t,
                           struct tensor *arrived)
{
    struct tensor *packed = factors(p, t, "packed", op->dirs * t->blocks * t->depth * t->columns);
    if (op->window == 1 && !op->carries)
        return packed;
    struct launch *l =
        tiles_kernel(p, op, t, "recurrent_tiles_pack", op->dirs * t->blocks * (t->depth / 32));
    for (size_t d = 0; d < op->dirs; d++)
        launch_read(l, op->dir[d].w_hh);
    if (arrived)
        launch_write(l, arrived);
    launch_write(l, packed);
    launch_cost(l, 0, op->dir[0].w_hh->name);
    return packed;
}

/* What work-groups of a walk count as they arrive; NULL: there is no walk. */
static struct tensor *arrivals(struct plan *p, const struct tiles *t)
{
    return t->walks ? plan_tensor(p, "arrived", 1) : NULL;
}

/* The arguments that only a walk has. */
static void launch_barrier(struct launch *l, struct tensor *arrived)
{
    struct error err;
    if (!arrived)
        return;
    struct plan *p = l->plan;
    struct buffer *alarm = device_alarm(p->dev, &err);
    launch_update(l, arrived);
    if (alarm)
        launch_update(l, plan_borrow(p, "alarm", alarm));
    else
        plan_fault(p, "alarm", err.text);
}

/* An argument of which the step uses nothing where there is no product. */
static void read_if(struct launch *l, struct tensor *t, int reads)
{
    if (reads)
        launch_read(l, t);
    else
        launch_write(l, t);
}

/* Bytes of local memory that an operation of the product moves. */
static double local_share(const struct tiles *t)
{
    const double sequences = (double)t->sequences, columns = (double)t->columns;
    if (!t->matrix) /* 12 numbers for 32 multiply-adds */
        return 48.0 / 64;
    /* a warp reads a factor of 2 bytes for each sequence and column, which the group wrote */
    return (double)t->down / sequences + (double)t->across / columns + 1 / sequences + 1 / columns;
}

/* Of step t, which a walk has as its first: the sizes, and what it costs. A step touches `stored`
 * numbers and `floats` others of each unit of its row, not all of its tensors; so do the other
 * steps of a walk, which all have a product. */
static void finish_step(struct launch *l, const struct layer *op, const struct tiles *tiles,
                        size_t t, int follows, size_t stored, size_t floats)
{
    const double steps = tiles->walks ? (double)op->window : 1;
    const double multiplied = tiles->walks ? steps - !follows : follows;
    const double units = (double)(op->dirs * op->batch * op->hidden), gates = (double)op->gates;
    const double factor = (double)factor_bytes(tiles);
    const double weights =
        factor * (double)(op->dirs * tiles->blocks * tiles->columns * tiles->depth);
    const double state = factor * (double)(op->dirs * tiles->depth * tiles->rows);
    const double kept = (double)(tiles->kept * tiles->turn) / (double)tiles->depth;
    const double products = multiplied * units * gates * 2 * (double)op->hidden;
    const double cells = units * gates * 40 * steps;
    launch_int(l, op->batch);
    launch_int(l, op->window);
    launch_int(l, tiles->rows);
    launch_int(l, t);
    launch_cost(l, products + (tiles->matrix ? 0 : cells), op->y->name);
    l->bytes = steps * units * (double)(stored * dtype_bytes(op->y->dtype, 1) + 4 * floats) +
               state * (steps + multiplied) +
               weights * (kept * (multiplied > 0) + (1 - kept) * multiplied);
    if (tiles->matrix)
        launch_matrix(l, op->y->dtype, cells);
    launch_local(l, products * local_share(tiles));
    launch_loads(l, multiplied * (double)groups_of(op, tiles) * factor * (double)tiles->depth *
                        ((double)tiles->sequences + (1 - kept) * (double)tiles->columns));
    if (tiles->walks) {
        launch_chain(l, 0, steps);
        launch_again(l,
                     state * (steps + multiplied) + weights * (1 - kept) * fmax(multiplied - 1, 0),
                     state + weights);
    }
}

/* Where an odd number of steps leaves the state in the second half, it goes to the first. */
static void keep_state(struct plan *p, const struct layer *op, const struct tiles *t,
                       struct tensor *state)
{
    const size_t elems = state->elems / 2;
    if (!op->carries || op->window % 2 == 0)
        return;
    struct launch *l =
        tiles_kernel(p, op, t, "recurrent_tiles_keep", (elems + t->lanes - 1) / t->lanes);
    launch_update(l, state);
    launch_int(l, elems);
    launch_cost(l, 0, op->y->name);
}

void recurrent_tiles_forward(struct plan *p, const struct layer *op)
{
    const struct tiles tiles = cut(p, op, 0);
    const size_t elems = 2 * op->dirs * tiles.depth * tiles.rows;
    struct tensor *arrived = arrivals(p, &tiles), *packed = pack(p, op, &tiles, arrived);
    struct tensor *state =
        op->carries ? plan_carried(p, "carried", elems) : factors(p, &tiles, "state", elems);
    struct tensor *own = /* of c, or of a GRU's h that is no factor */
        op->carries ? plan_carried(p, "carried", op->batch * op->hidden)
        : tiles.matrix && op->kind == CELL_KIND_GRU
            ? plan_tensor2(p, "state.h", op->dirs * op->batch, op->hidden)
            : plan_tensor2(p, "unused", 1, 1);
    for (size_t t = 0; t < (tiles.walks ? 1 : op->window) && !p->fault[0]; t++) {
        const int follows = t > 0 || op->carries;
        struct launch *l = tiles_kernel(p, op, &tiles, "recurrent_tiles_fwd", tiles.groups);
        for (size_t d = 0; d < op->dirs; d++) {
            launch_update(l, op->dir[d].gates);
            launch_read(l, op->dir[d].b_ih);
            launch_read(l, op->dir[d].b_hh);
            launch_add_to(l, op->dir[d].extra, t > 0);
        }
        read_if(l, packed, follows || tiles.walks);
        launch_add_to(l, state, follows);
        launch_write(l, op->y);
        launch_add_to(l, own, follows);
        launch_barrier(l, arrived);
        finish_step(l, op, &tiles, t, follows, 2 * op->gates + 1, 2);
    }
    keep_state(p, op, &tiles, state);
}

void recurrent_tiles_back(struct plan *p, const struct layer *op, struct tensor *dy,
                          struct tensor *const h_before[2], struct tensor *const da[2])
{
    const struct tiles tiles = cut(p, op, 1);
    struct tensor *arrived = arrivals(p, &tiles), *packed = pack(p, op, &tiles, arrived);
    struct tensor *state =
        factors(p, &tiles, "grad.state", 2 * op->dirs * tiles.depth * tiles.rows);
    struct tensor *more = op->kind == CELL_KIND_RNN
                              ? plan_tensor2(p, "unused", 1, 1)
                              : plan_tensor2(p, "grad.cell", op->dirs * op->batch, op->hidden);
    for (size_t t = op->window; t-- > (tiles.walks ? op->window - 1 : 0) && !p->fault[0];) {
        const int follows = t + 1 < op->window;
        struct launch *l = tiles_kernel(p, op, &tiles, "recurrent_tiles_bwd", tiles.groups);
        for (size_t d = 0; d < op->dirs; d++) {
            launch_update(l, op->dir[d].gates);
            launch_read(l, op->dir[d].extra);
            launch_write(l, h_before[d]);
            launch_write(l, da[d]);
        }
        read_if(l, packed, follows || tiles.walks);
        launch_add_to(l, state, follows);
        launch_add_to(l, more, follows);
        launch_read(l, dy);
        launch_read(l, op->y);
        launch_barrier(l, arrived);
        finish_step(l, op, &tiles, t, follows, 2 * op->gates + 4, 4);
    }
}
