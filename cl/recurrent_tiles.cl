/* SPDX-License-Identifier: MIT */
/*
 * Recurrent layers whose W_hh is too large for one core, on GPUs: a step of both directions is one
 * launch. A task is a tile of BT sequences and UNITS hidden units of a direction: a work-group
 * multiplies the state with the rows of W_hh that belong to the units, then applies the cell of
 * cell.h to them. With d the direction and c the columns of the tile,
 *
 *   forward   a[b, g u] = b_ih + b_hh + sum over k of h_before[b, k] W_hh[g u, k],   y = cell(x, a)
 *   backward  dh[b, u] = dy + sum over g, k of da_after[b, g k] W_hh[g k, u] (+ past W_hh),
 *             dx, da = the cell's gradients
 *
 * What one step leaves for all work-groups of the next is `state` [2, DIRS, DEPTH, rows], the two
 * in turn: h forward, da backward, transposed, 0 for units past H and sequences past the batch;
 * rows is the batch in whole tiles. `packed` [DIRS, BLOCKS, DEPTH, COLUMNS] is W_hh in the order in
 * which tiles read it, 0 past H, so that no loop over k has an end to look after. gates, extra, y
 * and the walk's directions are as in recurrent.cl.
 *
 * The product: TK numbers of k at a time go through local memory, fetched one turn ahead; a
 * work-item has 8 sequences and 4 columns in registers, of the k's of its slice. SLICES of them
 * are added up in local memory, in order: each number is the sum of the same terms in the same
 * order in every run.
 *
 * The bound of a step: 2 DIRS B GATES H H operations at the card's fp32 rate; DIRS GATES H H 4
 * bytes of W_hh and, for each work-group, its tile's state (DEPTH BT 4 bytes) from the second-level
 * cache; a launch. At H 1024, both directions, B 128 an H100 multiplies for 32 us (67 TF/s), while
 * 100 MB (forward) or 200 MB (backward) come at 5.5 TB/s in 18 us or 37 us beside it. At B 16 the
 * 34 MB of W_hh are the bound, 6 us. A smaller second-level cache (3080 Ti: 5 MB) leaves W_hh to
 * the memory: 37 us at 0.9 TB/s.
 *
 * -D: CELL, H, DIRS, CARRY as in recurrent.cl; BACK (the backward pass), BT, UNITS, TK, SLICES;
 * LANES = COLUMNS / 4 * BT / 8 * SLICES.
 */
#include "cell.h"

#ifndef H
#define H 1024
#endif
#ifndef DIRS
#define DIRS 1
#endif
#ifndef CARRY
#define CARRY 0
#endif
#ifndef BACK
#define BACK 0
#endif
#ifndef BT
#define BT 128
#endif
#ifndef UNITS
#define UNITS 16
#endif
#ifndef TK
#define TK 16
#endif
#ifndef SLICES
#define SLICES 1
#endif

#define ROUNDED ((H + 31) / 32 * 32)
#define BLOCKS (ROUNDED / UNITS)
#if BACK
#define DEPTH (GATES * ROUNDED)
#define COLUMNS UNITS
#else
#define DEPTH ROUNDED
#define COLUMNS (GATES * UNITS)
#endif
#define CHUNKS (DEPTH / TK)
#define QUADS (COLUMNS / 4)
#define OCTETS (BT / 8)
#if CELL == 0 && CARRY
#define CARRY_C 1
#else
#define CARRY_C 0
#endif

/* Two chunks of state and W_hh, or all sums. */
#define CHUNK (TK * (BT + COLUMNS))
#define SUMS (SLICES * BT * COLUMNS)
#define ROOM (2 * CHUNK > SUMS ? 2 * CHUNK : SUMS)

/* Vectors of a chunk that a work-item fetches. */
#define STATE_VECTORS (TK * BT / 4)
#define WEIGHT_VECTORS (TK * COLUMNS / 4)
#define STATE_FETCHES ((STATE_VECTORS + LANES - 1) / LANES)
#define WEIGHT_FETCHES ((WEIGHT_VECTORS + LANES - 1) / LANES)

/* Units of a tile that a work-item has, and how many it reads before it computes the first. */
#define ITEMS ((BT * UNITS + LANES - 1) / LANES)
#define STAGE (ITEMS < 2 ? ITEMS : 2)

/* Pointers of a direction; a kernel of two has those of each. */
#if DIRS == 2
#define OF_DIRECTIONS(operands) operands(0), operands(1)
#define PICK_DIRECTION(type, p) __global type *restrict p = backward ? p##1 : p##0
#else
#define OF_DIRECTIONS(operands) operands(0)
#define PICK_DIRECTION(type, p) __global type *restrict p = p##0
#endif

/* W_hh [GATES H, H] as tiles read it. A work-group takes 32 rows of a block. */
#define WEIGHTS(n) __global const float *restrict w##n
__kernel void recurrent_tiles_pack(OF_DIRECTIONS(WEIGHTS), __global float *restrict packed)
{
    const int group = (int)get_group_id(0), first = group % (DEPTH / 32) * 32;
    const int of = group / (DEPTH / 32), block = of % BLOCKS, backward = of / BLOCKS;
    PICK_DIRECTION(const float, w);
    packed += ((size_t)of * DEPTH + first) * COLUMNS;
    for (int i = (int)get_local_id(0); i < 32 * COLUMNS; i += LANES) {
        const int row = first + i / COLUMNS, column = i % COLUMNS;
#if BACK
        const int gate = row / ROUNDED, k = block * UNITS + column, j = row % ROUNDED;
#else
        const int gate = column / UNITS, k = row, j = block * UNITS + column % UNITS;
#endif
        packed[i] = k < H && j < H ? w[(size_t)(gate * H + j) * H + k] : 0.0f;
    }
}

/* Chunk c of a tile, state [DEPTH, rows] and W_hh [DEPTH, COLUMNS], to registers. */
static inline void fetch(__private float4 *of_state, __private float4 *of_w,
                         __global const float *state, __global const float *w, int rows, int c)
{
    const int lane = (int)get_local_id(0);
    state += (size_t)c * TK * rows;
    w += (size_t)c * TK * COLUMNS;
#pragma unroll
    for (int i = 0; i < STATE_FETCHES; i++) {
        const int v = lane + i * LANES;
        if (v < STATE_VECTORS)
            of_state[i] = *(__global const float4 *)(state + (size_t)(v / (BT / 4)) * rows +
                                                     v % (BT / 4) * 4);
    }
#pragma unroll
    for (int i = 0; i < WEIGHT_FETCHES; i++) {
        const int v = lane + i * LANES;
        if (v < WEIGHT_VECTORS)
            of_w[i] = ((__global const float4 *)w)[v];
    }
}

/* The same from registers to local memory, [TK, BT] and [TK, COLUMNS]. */
static inline void put_chunk(__private const float4 *of_state, __private const float4 *of_w,
                             __local float *chunk)
{
    const int lane = (int)get_local_id(0);
#pragma unroll
    for (int i = 0; i < STATE_FETCHES; i++) {
        const int v = lane + i * LANES;
        if (v < STATE_VECTORS)
            ((__local float4 *)chunk)[v] = of_state[i];
    }
#pragma unroll
    for (int i = 0; i < WEIGHT_FETCHES; i++) {
        const int v = lane + i * LANES;
        if (v < WEIGHT_VECTORS)
            ((__local float4 *)(chunk + TK * BT))[v] = of_w[i];
    }
}

/* room[SLICES, BT, COLUMNS]: the shares of each slice in the tile's product; nothing of worth if
 * `chunks` is 0. */
static inline void tile_product(__global const float *state, __global const float *w, int rows,
                                int chunks, __local float *room)
{
    const int lane = (int)get_local_id(0), quad = lane % QUADS, octet = lane / QUADS % OCTETS;
    const int slice = lane / (QUADS * OCTETS);
    float4 sum[8], of_state[STATE_FETCHES], of_w[WEIGHT_FETCHES];
#pragma unroll
    for (int i = 0; i < 8; i++)
        sum[i] = (float4)(0.0f);
    if (chunks) {
        fetch(of_state, of_w, state, w, rows, 0);
        put_chunk(of_state, of_w, room);
    }
    for (int c = 0; c < chunks; c++) {
        __local const float *chunk = room + c % 2 * CHUNK;
        group_barrier(CLK_LOCAL_MEM_FENCE);
        if (c + 1 < chunks)
            fetch(of_state, of_w, state, w, rows, c + 1);
#pragma unroll 2
        for (int i = 0; i < TK / SLICES; i++) {
            const int k = slice * (TK / SLICES) + i;
            __local const float4 *h = (__local const float4 *)(chunk + k * BT + octet * 8);
            const float4 low = h[0], high = h[1];
            const float4 x = *(__local const float4 *)(chunk + TK * BT + k * COLUMNS + quad * 4);
            sum[0] = fma((float4)(low.x), x, sum[0]);
            sum[1] = fma((float4)(low.y), x, sum[1]);
            sum[2] = fma((float4)(low.z), x, sum[2]);
            sum[3] = fma((float4)(low.w), x, sum[3]);
            sum[4] = fma((float4)(high.x), x, sum[4]);
            sum[5] = fma((float4)(high.y), x, sum[5]);
            sum[6] = fma((float4)(high.z), x, sum[6]);
            sum[7] = fma((float4)(high.w), x, sum[7]);
        }
        if (c + 1 < chunks)
            put_chunk(of_state, of_w, room + (c + 1) % 2 * CHUNK);
    }
    group_barrier(CLK_LOCAL_MEM_FENCE);
    __local float *to = room + (slice * BT + octet * 8) * COLUMNS + quad * 4;
#pragma unroll
    for (int i = 0; i < 8; i++)
        *(__local float4 *)(to + i * COLUMNS) = sum[i];
    group_barrier(CLK_LOCAL_MEM_FENCE);
}

/* The product of a sequence and a column of the tile. */
static inline float product(__local const float *room, int sequence, int column)
{
    float sum = room[sequence * COLUMNS + column];
#pragma unroll
    for (int s = 1; s < SLICES; s++)
        sum += room[(s * BT + sequence) * COLUMNS + column];
    return sum;
}

#if !BACK
#define OPERANDS(n)                                                             \
    __global stored *restrict gates##n, __global const float *restrict b_ih##n, \
        __global const float *restrict b_hh##n, __global extra_type *restrict extra##n

/* Step t of the walk, a task in each work-group. state, c [B, H]: carried where CARRY. */
__kernel void recurrent_tiles_fwd(OF_DIRECTIONS(OPERANDS), __global const float *restrict packed,
                                  __global float *restrict state, __global stored *restrict y,
                                  __global float *restrict carried, const int batch,
                                  const int window, const int rows, const int t)
{
    __local float room[ROOM] __attribute__((aligned(16)));
    const int lane = (int)get_local_id(0), task = (int)get_group_id(0);
    const int of = task % (DIRS * BLOCKS), backward = of / BLOCKS;
    const int unit = of % BLOCKS * UNITS, sequence = task / (DIRS * BLOCKS) * BT;
    const int at = backward ? window - 1 - t : t, before = !t ? 0 : backward ? 1 : -1;
    const int chunks = t || CARRY ? CHUNKS : 0;
    PICK_DIRECTION(stored, gates);
    PICK_DIRECTION(const float, b_ih);
    PICK_DIRECTION(const float, b_hh);
    PICK_DIRECTION(extra_type, extra);
    const size_t plane = (size_t)DEPTH * rows;
    __global const float *from = state + (t % 2 * DIRS + backward) * plane;
    __global float *to = state + ((t + 1) % 2 * DIRS + backward) * plane;
    tile_product(from + sequence, packed + (size_t)of * DEPTH * COLUMNS, rows, chunks, room);
#pragma unroll 1
    for (int first = 0; first < ITEMS; first += STAGE) {
        float x[STAGE][GATES], e[STAGE];
#pragma unroll
        for (int i = 0; i < STAGE; i++) {
            const int item = lane + (first + i) * LANES, u = unit + item % UNITS;
            const int b = sequence + item / UNITS;
            e[i] = 0;
            if (item < BT * UNITS && u < H && b < batch) {
                const size_t row = (size_t)b * window + at;
#pragma unroll
                for (int g = 0; g < GATES; g++)
                    x[i][g] = get((row * GATES + g) * H + u, gates);
                if (CELL == 0 && before)
                    e[i] = get_extra((row + before) * H + u, extra);
                if (CARRY_C && !before)
                    e[i] = carried[(size_t)b * H + u];
            }
        }
#pragma unroll
        for (int i = 0; i < STAGE; i++) {
            const int item = lane + (first + i) * LANES, u = unit + item % UNITS;
            const int b = sequence + item / UNITS;
            const int is_there = item < BT * UNITS && u < H && b < batch;
            float h = 0;
            if (is_there) {
                const size_t row = (size_t)b * window + at;
                float a[GATES];
#pragma unroll
                for (int g = 0; g < GATES; g++) {
                    const float sum =
                        chunks ? product(room, item / UNITS, g * UNITS + item % UNITS) : 0.0f;
                    a[g] = b_hh[g * H + u];
                    if (CELL == 1 && g == 2)
                        x[i][g] += b_ih[g * H + u];
                    else
                        a[g] += b_ih[g * H + u];
                    a[g] += sum;
                }
                if (CELL == 1 && chunks)
                    h = from[(size_t)u * rows + b];
                h = cell_fwd(x[i], a, h, &e[i]);
#pragma unroll
                for (int g = 0; g < GATES; g++)
                    put(x[i][g], (row * GATES + g) * H + u, gates);
#if CELL != 2
                put_extra(e[i], row * H + u, extra);
#endif
                put(h, row * DIRS * H + backward * H + u, y);
                if (CARRY_C)
                    carried[(size_t)b * H + u] = e[i];
            }
            if (item < BT * UNITS)
                to[(size_t)u * rows + b] = h;
        }
    }
}

/* The state that an odd number of steps has left, where the next walk looks for it. */
__kernel void recurrent_tiles_keep(__global float *restrict state, const int elems)
{
    const int i = (int)(get_group_id(0) * LANES + get_local_id(0));
    if (i < elems)
        state[i] = state[elems + i];
}
#else
#define BACK_OPERANDS(n)                                                              \
    __global stored *restrict gates##n, __global const extra_type *restrict extra##n, \
        __global stored *restrict h_before##n, __global stored *restrict da##n

/* Step t of the way back; h_before and da as in recurrent.cl. more [DIRS, B, H]: of an LSTM what c
 * gets from the step after, of a GRU what h gets past W_hh. */
__kernel void recurrent_tiles_bwd(OF_DIRECTIONS(BACK_OPERANDS),
                                  __global const float *restrict packed,
                                  __global float *restrict state, __global float *restrict more,
                                  __global const stored *restrict dy,
                                  __global const stored *restrict y, const int batch,
                                  const int window, const int rows, const int t)
{
    __local float room[ROOM] __attribute__((aligned(16)));
    const int lane = (int)get_local_id(0), task = (int)get_group_id(0);
    const int of = task % (DIRS * BLOCKS), backward = of / BLOCKS;
    const int unit = of % BLOCKS * UNITS, sequence = task / (DIRS * BLOCKS) * BT;
    const int at = backward ? window - 1 - t : t, before = !t ? 0 : backward ? 1 : -1;
    const int last = t + 1 == window, chunks = last ? 0 : CHUNKS;
    PICK_DIRECTION(stored, gates);
    PICK_DIRECTION(const extra_type, extra);
    PICK_DIRECTION(stored, h_before);
    PICK_DIRECTION(stored, da);
    const size_t plane = (size_t)DEPTH * rows;
    __global const float *from = state + (t % 2 * DIRS + backward) * plane;
    __global float *to = state + ((t + 1) % 2 * DIRS + backward) * plane;
    more += (size_t)backward * batch * H;
    tile_product(from + sequence, packed + (size_t)of * DEPTH * COLUMNS, rows, chunks, room);
#pragma unroll 1
    for (int first = 0; first < ITEMS; first += STAGE) {
        float x[STAGE][GATES], dh[STAGE], h[STAGE], e[STAGE], c[STAGE], d[STAGE];
#pragma unroll
        for (int i = 0; i < STAGE; i++) {
            const int item = lane + (first + i) * LANES, u = unit + item % UNITS;
            const int b = sequence + item / UNITS;
            h[i] = e[i] = c[i] = d[i] = 0;
            if (item < BT * UNITS && u < H && b < batch) {
                const size_t row = (size_t)b * window + at;
#pragma unroll
                for (int g = 0; g < GATES; g++)
                    x[i][g] = get((row * GATES + g) * H + u, gates);
                dh[i] = get(row * DIRS * H + backward * H + u, dy);
                if (before)
                    h[i] = get((row + before) * DIRS * H + backward * H + u, y);
#if CELL != 2
                e[i] = get_extra(row * H + u, extra);
#endif
#if CELL == 0
                if (before)
                    c[i] = get_extra((row + before) * H + u, extra);
#endif
                if (CELL != 2 && !last)
                    d[i] = more[(size_t)b * H + u];
            }
        }
#pragma unroll
        for (int i = 0; i < STAGE; i++) {
            const int item = lane + (first + i) * LANES, u = unit + item % UNITS;
            const int b = sequence + item / UNITS;
            if (item < BT * UNITS && u < H && b < batch) {
                const size_t row = (size_t)b * window + at;
                float da_n = 0;
                if (!last)
                    dh[i] += product(room, item / UNITS, item % UNITS);
                if (CELL == 1)
                    dh[i] += d[i];
                const float direct = cell_bwd(x[i], dh[i], h[i], e[i], c[i], &d[i], &da_n);
                put(h[i], row * H + u, h_before);
#pragma unroll
                for (int g = 0; g < GATES; g++)
                    put(x[i][g], (row * GATES + g) * H + u, gates);
#if CELL == 1
                x[i][2] = da_n;
                d[i] = direct;
#pragma unroll
                for (int g = 0; g < GATES; g++)
                    put(x[i][g], (row * GATES + g) * H + u, da);
#endif
                if (CELL != 2)
                    more[(size_t)b * H + u] = d[i];
            } else {
#pragma unroll
                for (int g = 0; g < GATES; g++)
                    x[i][g] = 0;
            }
            if (item < BT * UNITS)
#pragma unroll
                for (int g = 0; g < GATES; g++)
                    to[(size_t)(g * ROUNDED + u) * rows + b] = x[i][g];
        }
    }
}
#endif
