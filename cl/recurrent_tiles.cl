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
 * which tiles read it, 0 past H, so that no loop over k has an end to look after. For matrix units
 * both are halves with k last, [2, DIRS, rows, DEPTH] and [DIRS, BLOCKS, CHUNKS, COLUMNS, TK].
 * gates, extra, y and the walk's directions are as in recurrent.cl.
 *
 * Where there is a barrier of all work-groups (grid.h) a pass is one launch, which walks through
 * all steps: of the tasks a work-group takes every one that is get_num_groups() further, with a
 * barrier behind each step. Where its tasks share a block of W_hh, the first KEEP turns of it stay
 * in registers: of H 1024 half forward and a quarter backward. The numbers are those of single
 * steps, bit by bit.
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
 * 34 MB of W_hh are the bound, 6 us. A smaller second-level cache (3080 Ti: 6 MB) leaves W_hh to
 * the memory: 37 us at 0.9 TB/s.
 *
 * By matrix units (MMA; mma.h), of bfloat16 and half: the factors of W_hh and of the state are
 * rounded as activations are; sums, cells and c are fp32, and so is the h that a GRU carries from
 * step to step (`carried` has it). A warp has 32 x 32 sums of its slice, or as many as its units
 * take. The next chunk waits in registers, so that one place in local memory is enough: a chunk has
 * 64 k's (backward 128) instead of 32. At H 1024, both directions, B 128, a group of an H100 moves
 * 22 KiB of local memory for 16 k's forward, 64 times in 176 clocks each, 6 us; a walk, which keeps
 * all of its W_hh (backward 7 of 16 parts), loads 0.26 MB of state in each of 128 groups, 6 us at
 * the rate above, and backward 0.67 MB, 16 us. On vector units these are 32 us and 37 us.
 *
 * A walk has a barrier where a step has a launch, some 2 us for 4; it reads as much less of W_hh as
 * it keeps. fp32 weights of H 1024 in both directions, 34 MB, are more than an H100 keeps on its
 * chip: the rest comes from the second-level cache as above, or from memory.
 *
 * Occupancy: there is about one work-group for each compute unit, of 8 warps, whatever registers
 * would allow (a quarter to a half of the warps without a walk, one group with it). A warp has
 * 32 sums that do not wait for each other for each number of k, and the next chunk is under way
 * meanwhile: two warps on a scheduler keep it busy.
 *
 * -D: CELL, H, DIRS, CARRY as in recurrent.cl; BACK (the backward pass), BT, UNITS, TK, SLICES;
 * LANES = COLUMNS / 4 * BT / 8 * SLICES; GRID and POLLS as in grid.h, KEEP. MMA as in mma.h, or 0;
 * of it WM, WN: warps along sequences and columns, LANES = MMA_WARP WM WN SLICES, no CARRY.
 */
#include "cell.h"
#include "grid.h"

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
#ifndef KEEP
#define KEEP 0
#endif
#ifndef MMA
#define MMA 0
#endif
#ifndef WM
#define WM 1
#endif
#ifndef WN
#define WN 1
#endif

#if MMA
#define MMA_TYPE STORED
#include "mma.h"
#else
#define MMA_GROUP
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
#if GRID
#define WALKS 1
#else
#define WALKS 0
#endif
#define QUADS (COLUMNS / 4)
#define OCTETS (BT / 8)
#if CELL == 1 && MMA && !BACK
#define OWN_H 1
#else
#define OWN_H 0
#endif
#if CELL == 0 && CARRY
#define CARRY_C 1
#else
#define CARRY_C 0
#endif

/*
 * A piece is 16 bytes, PER factors. Element (k, b) of the state is at STATE_AT(k, b); of a chunk of
 * it piece v begins at element (STATE_K(v), STATE_B(v)) and lies at STATE_PLACE(v), in pieces, in
 * local memory, that of W_hh at WEIGHT_PLACE(v); its element (k, column) is at WEIGHT_AT(k, column)
 * of `packed`, whose pieces are in order. A chunk takes CHUNK words, of which STATE_ROOM are of the
 * state. SUM_LINE: sums from sequence to sequence.
 */
#if MMA
typedef uint4 piece;
#define AS_PIECE as_uint4
typedef stored factor;
#define put_factor put
#define PER 8
#define STATE_AT(k, b) ((size_t)(b)*DEPTH + (k))
#define STATE_K(v) ((v) % (TK / PER) * PER)
#define STATE_B(v) ((v) / (TK / PER))
#define STATE_PLACE(v) (STATE_B(v) * (LINE / 4) + (v) % (TK / PER))
#define WEIGHT_AT(k, column) ((k) / TK * (TK * COLUMNS) + (column)*TK + (k) % TK)
#define WEIGHT_PLACE STATE_PLACE
#define LINE (TK / 2 + 4) /* words from row to row in local memory */
#define STATE_ROOM (BT * LINE)
#define CHUNK (STATE_ROOM + COLUMNS * LINE)
#define CHUNKS_AT_ONCE 1
#define SUM_LINE (COLUMNS + 8)
#else
typedef float4 piece;
#define AS_PIECE as_float4
typedef float factor;
#define put_factor(x, i, p) ((p)[i] = (x))
#define PER 4
#define STATE_AT(k, b) ((size_t)(k)*rows + (b))
#define STATE_K(v) ((v) / (BT / PER))
#define STATE_B(v) ((v) % (BT / PER) * PER)
#define STATE_PLACE(v) (v)
#define WEIGHT_AT(k, column) ((k)*COLUMNS + (column))
#define WEIGHT_PLACE(v) (v)
#define STATE_ROOM (TK * BT)
#define CHUNK (STATE_ROOM + TK * COLUMNS)
#define CHUNKS_AT_ONCE 2
#define SUM_LINE COLUMNS
#endif

/* Chunks of state and W_hh, or all sums, in words. */
#define SUMS (SLICES * BT * SUM_LINE)
#define ROOM (CHUNKS_AT_ONCE * CHUNK > SUMS ? CHUNKS_AT_ONCE * CHUNK : SUMS)

/* Pieces of a chunk that a work-item fetches. */
#define STATE_PIECES (TK * BT / PER)
#define WEIGHT_PIECES (TK * COLUMNS / PER)
#define STATE_FETCHES ((STATE_PIECES + LANES - 1) / LANES)
#define WEIGHT_FETCHES ((WEIGHT_PIECES + LANES - 1) / LANES)

/* Units of a tile that a work-item has, and how many it reads before it computes the first. */
#define ITEMS ((BT * UNITS + LANES - 1) / LANES)
#define STAGE (ITEMS < 2 ? ITEMS : 2)

#define KERNEL __kernel MMA_GROUP __attribute__((reqd_work_group_size(LANES, 1, 1))) void

/* Pointers of a direction; a kernel of two has those of each. What other work-groups write while a
 * walk goes on, state, arrived and alarm, is not restrict: a compiler may keep what it has read
 * through such a pointer beyond a barrier. */
#if DIRS == 2
#define OF_DIRECTIONS(operands) operands(0), operands(1)
#define PICK_DIRECTION(type, p) __global type *restrict p = backward ? p##1 : p##0
#else
#define OF_DIRECTIONS(operands) operands(0)
#define PICK_DIRECTION(type, p) __global type *restrict p = p##0
#endif

/* W_hh [GATES H, H] as tiles read it. A work-group takes 32 rows of a block. The walk that comes
 * next begins with no arrivals. */
#define WEIGHTS(n) __global const float *restrict w##n
KERNEL recurrent_tiles_pack(OF_DIRECTIONS(WEIGHTS), OPTIONAL(WALKS, __global uint *restrict arrived)
                                                        __global factor *restrict packed)
{
    const int group = (int)get_group_id(0), first = group % (DEPTH / 32) * 32;
    const int of = group / (DEPTH / 32), block = of % BLOCKS, backward = of / BLOCKS;
    PICK_DIRECTION(const float, w);
#if GRID
    if (group == 0 && get_local_id(0) == 0)
        *arrived = 0;
#endif
    packed += (size_t)of * DEPTH * COLUMNS;
    for (int i = (int)get_local_id(0); i < 32 * COLUMNS; i += LANES) {
#if MMA
        const int row = first + i % 32, column = i / 32;
#else
        const int row = first + i / COLUMNS, column = i % COLUMNS;
#endif
#if BACK
        const int gate = row / ROUNDED, k = block * UNITS + column, j = row % ROUNDED;
#else
        const int gate = column / UNITS, k = row, j = block * UNITS + column % UNITS;
#endif
        put_factor(k < H && j < H ? w[(size_t)(gate * H + j) * H + k] : 0.0f,
                   WEIGHT_AT(row, column), packed);
    }
}

/* Chunk c of a tile's state, to registers. */
INLINE void fetch_state(__private piece *to, __global const factor *state, int rows, int c)
{
    const int lane = (int)get_local_id(0);
#pragma unroll
    for (int i = 0; i < STATE_FETCHES; i++) {
        const int v = lane + i * LANES;
        if (v < STATE_PIECES)
            to[i] = *(__global const piece *)(state + STATE_AT(c * TK + STATE_K(v), STATE_B(v)));
    }
}

/* The same of its weights. */
INLINE void fetch_weights(__private piece *to, __global const factor *w, int c)
{
    const int lane = (int)get_local_id(0);
    w += (size_t)c * TK * COLUMNS;
#pragma unroll
    for (int i = 0; i < WEIGHT_FETCHES; i++) {
        const int v = lane + i * LANES;
        if (v < WEIGHT_PIECES)
            to[i] = ((__global const piece *)w)[v];
    }
}

/* From registers to local memory. */
INLINE void put_state(__private const piece *from, __local float *chunk)
{
    const int lane = (int)get_local_id(0);
#pragma unroll
    for (int i = 0; i < STATE_FETCHES; i++) {
        const int v = lane + i * LANES;
        if (v < STATE_PIECES)
            ((__local piece *)chunk)[STATE_PLACE(v)] = from[i];
    }
}

/* The same of weights. */
INLINE void put_weights(__private const piece *from, __local float *chunk)
{
    const int lane = (int)get_local_id(0);
#pragma unroll
    for (int i = 0; i < WEIGHT_FETCHES; i++) {
        const int v = lane + i * LANES;
        if (v < WEIGHT_PIECES)
            ((__local piece *)(chunk + STATE_ROOM))[WEIGHT_PLACE(v)] = from[i];
    }
}

#if KEEP
/* Registers cannot be counted through: each vector that is kept, vector i of chunk c, has its line
 * and its case, without a loop, and all are read before one is picked, so that no compiler picks an
 * address instead. */
#define EACH_8(line, a, b, c, d, e, f, g, h) \
    line(a) line(b) line(c) line(d) line(e) line(f) line(g) line(h)
#define EACH(line)                               \
    EACH_8(line, 0, 1, 2, 3, 4, 5, 6, 7)         \
    EACH_8(line, 8, 9, 10, 11, 12, 13, 14, 15)   \
    EACH_8(line, 16, 17, 18, 19, 20, 21, 22, 23) \
    EACH_8(line, 24, 25, 26, 27, 28, 29, 30, 31)
#define KEPT(c, i) kept[(c < KEEP ? c : 0) * WEIGHT_FETCHES + (i)]

#define FETCH_KEPT(c)                  \
    if (c < KEEP && v < WEIGHT_PIECES) \
        KEPT(c, i) = w[(size_t)c * WEIGHT_PIECES + v];
INLINE void keep_vectors(__private piece *kept, __global const piece *w, int i)
{
    const int v = (int)get_local_id(0) + i * LANES;
    EACH(FETCH_KEPT)
}

#define READ_KEPT(c) const piece kept##c = KEPT(c, i);
#define PICK_KEPT(c)               \
    case c < KEEP ? c:             \
        -1 - c : vector = kept##c; \
        break;
INLINE void put_vector(__private const piece *kept, int c, int i, __local piece *to)
{
    const int v = (int)get_local_id(0) + i * LANES;
    EACH(READ_KEPT)
#if KEEP < 3 /* clang would make a switch between two a pick among addresses */
    const uint4 first = as_uint4(kept0), second = as_uint4(kept1);
    const piece vector = AS_PIECE(first ^ ((first ^ second) & (uint4)(c == 1 ? ~0u : 0u)));
#else
    piece vector = (piece)(0);
    switch (c) {
        EACH(PICK_KEPT)
    }
#endif
    if (v < WEIGHT_PIECES)
        to[WEIGHT_PLACE(v)] = vector;
}

#if WEIGHT_FETCHES == 1
#define EACH_VECTOR(call) call(0)
#elif WEIGHT_FETCHES == 2
#define EACH_VECTOR(call) call(0) call(1)
#else
#define EACH_VECTOR(call) call(0) call(1) call(2) call(3)
#endif

/* The first chunks of the block w that all tasks of this work-group share, WEIGHT_FETCHES 1, 2, 4.
 */
#define KEEP_VECTORS(i) keep_vectors(kept, (__global const piece *)w, i);
INLINE void keep_weights(__private piece *kept, __global const factor *w){EACH_VECTOR(KEEP_VECTORS)}

#define PUT_VECTOR(i) put_vector(kept, c, i, to);
INLINE void put_kept(__private const piece *kept, int c, __local float *chunk)
{
    __local piece *to = (__local piece *)(chunk + STATE_ROOM);
    EACH_VECTOR(PUT_VECTOR)
}
#else
#define keep_weights(kept, w)
#endif

#if MMA
/* Fragments of a warp, rows of sequences and columns of W_hh; the rooms of its units' emulation. */
#define DOWN (BT / WM / MMA_M)
#define ACROSS (COLUMNS / WN / MMA_N)
#define STEPS (TK / MMA_K / SLICES)
#if MMA % 2
#define EMULATED 0
#else
#define EMULATED (WM * WN * SLICES * MMA_WORDS(DOWN, ACROSS))
#endif

/* 16 k's of a chunk, from k on: adds to the sums of a warp that begin at this row and column. */
MMA_INLINE void multiply_step(mma_c *sum, __local const float *chunk, int k, int row, int column,
                              __local float *room)
{
    __local const uint *as = (__local const uint *)chunk + row * LINE + k / 2;
    __local const uint *bs = (__local const uint *)chunk + STATE_ROOM + column * LINE + k / 2;
    mma_a a[DOWN];
    mma_b b[ACROSS];
#pragma unroll
    for (int i = 0; i < DOWN; i++)
        mma_load_a(&a[i], as + i * MMA_M * LINE, LINE);
#pragma unroll
    for (int j = 0; j < ACROSS; j++)
        mma_load_b(&b[j], bs + j * MMA_N * LINE, LINE);
    mma_multiply(sum, a, b, DOWN, ACROSS, (__local uint *)room + ROOM);
}

/* room[SLICES, BT, SUM_LINE]: the shares of each slice in the tile's product; nothing of worth if
 * `chunks` is 0. kept: the first KEEP chunks of weights. */
INLINE void tile_product(__global const factor *state, __global const factor *w, int rows,
                         int chunks, __private const piece *kept, __local float *room)
{
    const int warp = (int)get_local_id(0) / MMA_WARP, lane = mma_lane();
    const int slice = warp / (WM * WN), row = warp / WN % WM * (DOWN * MMA_M);
    const int column = warp % WN * (ACROSS * MMA_N);
    piece of_state[STATE_FETCHES], of_w[WEIGHT_FETCHES];
    mma_c sum[DOWN * ACROSS];
    mma_zero(sum, DOWN * ACROSS);
#if GRID
    group_barrier(CLK_LOCAL_MEM_FENCE); /* the task before has read its sums */
#endif
    /* whether or not there are chunks: see group_barrier() */
    fetch_state(of_state, state, rows, 0);
#if !KEEP
    fetch_weights(of_w, w, 0);
#endif
    for (int c = 0; c < chunks; c++) {
        put_state(of_state, room);
#if KEEP
        if (c < KEEP)
            put_kept(kept, c, room);
#endif
        if (c >= KEEP)
            put_weights(of_w, room);
        group_barrier(CLK_LOCAL_MEM_FENCE);
        if (c + 1 < chunks)
            fetch_state(of_state, state, rows, c + 1);
        if (c + 1 < chunks && c + 1 >= KEEP)
            fetch_weights(of_w, w, c + 1);
#if STEPS == 1 /* no two calls: PoCL 3.1 mixes up what they keep over their barriers */
        multiply_step(sum, room, slice * MMA_K, row, column, room);
#else
#pragma unroll
        for (int step = 0; step < STEPS; step++)
            multiply_step(sum, room, (slice * STEPS + step) * MMA_K, row, column, room);
#endif
        group_barrier(CLK_LOCAL_MEM_FENCE);
    }
#pragma unroll
    for (int f = 0; f < DOWN * ACROSS; f++)
#pragma unroll
        for (int e = 0; e < MMA_C; e += 1 + MMA_PAIRS) {
            const int i = row + f / ACROSS * MMA_M + mma_c_row(lane, e);
            const int j = column + f % ACROSS * MMA_N + mma_c_column(lane, e);
            __local float *to = room + (slice * BT + i) * SUM_LINE + j;
#if MMA_PAIRS
            *(__local float2 *)to = (float2)(sum[f].s[e], sum[f].s[e + 1]);
#else
            *to = sum[f].s[e];
#endif
        }
    group_barrier(CLK_LOCAL_MEM_FENCE);
}
#else
#define EMULATED 0

/* The same by vector units; room[SLICES, BT, COLUMNS]. */
INLINE void tile_product(__global const factor *state, __global const factor *w, int rows,
                         int chunks, __private const piece *kept, __local float *room)
{
    const int lane = (int)get_local_id(0), quad = lane % QUADS, octet = lane / QUADS % OCTETS;
    const int slice = lane / (QUADS * OCTETS);
    piece of_state[STATE_FETCHES], of_w[WEIGHT_FETCHES];
    float4 sum[8];
#pragma unroll
    for (int i = 0; i < 8; i++)
        sum[i] = (float4)(0.0f);
#if GRID
    group_barrier(CLK_LOCAL_MEM_FENCE); /* the task before has read its sums */
#endif
    /* whether or not there are chunks: see group_barrier() */
    fetch_state(of_state, state, rows, 0);
    put_state(of_state, room);
#if KEEP
    put_kept(kept, 0, room);
#else
    fetch_weights(of_w, w, 0);
    put_weights(of_w, room);
#endif
    for (int c = 0; c < chunks; c++) {
        __local const float *chunk = room + c % 2 * CHUNK;
        __local float *next = room + (c + 1) % 2 * CHUNK;
        group_barrier(CLK_LOCAL_MEM_FENCE);
        if (c + 1 < chunks)
            fetch_state(of_state, state, rows, c + 1);
        if (c + 1 < chunks && c + 1 >= KEEP)
            fetch_weights(of_w, w, c + 1);
#pragma unroll 2
        for (int i = 0; i < TK / SLICES; i++) {
            const int k = slice * (TK / SLICES) + i;
            __local const float4 *h = (__local const float4 *)(chunk + k * BT + octet * 8);
            const float4 low = h[0], high = h[1];
            const float4 x = *(__local const float4 *)(chunk + STATE_ROOM + k * COLUMNS + quad * 4);
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
            put_state(of_state, next);
#if KEEP
        if (c + 1 < min(chunks, KEEP))
            put_kept(kept, c + 1, next);
#endif
        if (c + 1 < chunks && c + 1 >= KEEP)
            put_weights(of_w, next);
    }
    group_barrier(CLK_LOCAL_MEM_FENCE);
    __local float *to = room + (slice * BT + octet * 8) * COLUMNS + quad * 4;
#pragma unroll
    for (int i = 0; i < 8; i++)
        *(__local float4 *)(to + i * COLUMNS) = sum[i];
    group_barrier(CLK_LOCAL_MEM_FENCE);
}
#endif

/* The product of a sequence and a column of the tile. */
static inline float product(__local const float *room, int sequence, int column)
{
    float sum = room[sequence * SUM_LINE + column];
#pragma unroll
    for (int s = 1; s < SLICES; s++)
        sum += room[(s * BT + sequence) * SUM_LINE + column];
    return sum;
}

#if GRID
/* `step` of all tasks of this work-group, once for each row of the window. */
#define WALK(window, step)                                                            \
    const int group = (int)get_group_id(0), groups = (int)get_num_groups(0);          \
    const int tasks = DIRS * BLOCKS * (rows / BT);                                    \
    piece kept[KEEP ? KEEP * WEIGHT_FETCHES : 1];                                     \
    int waits = !*alarm;                                                              \
    keep_weights(kept, packed + (size_t)(group % (DIRS * BLOCKS)) * DEPTH * COLUMNS); \
    for (int done = 0; done < window; done++) {                                       \
        for (int task = group; task < tasks; task += groups)                          \
            step;                                                                     \
        grid_barrier(arrived, alarm, (uint)(done + 1) * (uint)groups, &waits);        \
    }
#endif

#if !BACK
#define OPERANDS(n)                                                             \
    __global stored *restrict gates##n, __global const float *restrict b_ih##n, \
        __global const float *restrict b_hh##n, __global extra_type *restrict extra##n

#define OF_TASK(n)                                                                           \
    __global stored *gates##n, __global const float *b_ih##n, __global const float *b_hh##n, \
        __global extra_type *extra##n
#define NAMES(n) gates##n, b_ih##n, b_hh##n, extra##n

/* Step t of a task. Only the kernel's own arguments are restrict: oclgrind knows no scopes of it.
 */
INLINE void task_fwd(OF_DIRECTIONS(OF_TASK), __global const factor *packed, __global factor *state,
                     __global stored *y, __global float *carried, int batch, int window, int rows,
                     int t, int task, __private const piece *kept, __local float *room)
{
    const int lane = (int)get_local_id(0);
    const int of = task % (DIRS * BLOCKS), backward = of / BLOCKS;
    const int unit = of % BLOCKS * UNITS, sequence = task / (DIRS * BLOCKS) * BT;
    const int at = backward ? window - 1 - t : t, before = !t ? 0 : backward ? 1 : -1;
    const int chunks = t || CARRY ? CHUNKS : 0;
    PICK_DIRECTION(stored, gates);
    PICK_DIRECTION(const float, b_ih);
    PICK_DIRECTION(const float, b_hh);
    PICK_DIRECTION(extra_type, extra);
    const size_t plane = (size_t)DEPTH * rows;
    __global const factor *from = state + (t % 2 * DIRS + backward) * plane;
    __global factor *to = state + ((t + 1) % 2 * DIRS + backward) * plane;
    tile_product(from + STATE_AT(0, sequence), packed + (size_t)of * DEPTH * COLUMNS, rows, chunks,
                 kept, room);
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
                if (OWN_H && chunks)
                    h = carried[((size_t)backward * batch + b) * H + u];
                else if (CELL == 1 && chunks)
                    h = from[STATE_AT(u, b)];
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
                if (OWN_H)
                    carried[((size_t)backward * batch + b) * H + u] = h;
            }
            if (item < BT * UNITS)
                put_factor(h, STATE_AT(u, b), to);
        }
    }
}

/* Step t, a task in each work-group, or with GRID all steps. carried, c [B, H], and state go from
 * one walk to the next where CARRY. By matrix units carried is the fp32 h [DIRS, B, H] of a GRU. */
KERNEL recurrent_tiles_fwd(OF_DIRECTIONS(OPERANDS), __global const factor *restrict packed,
                           __global factor *state, __global stored *restrict y,
                           __global float *restrict carried,
                           OPTIONAL(WALKS, __global uint *arrived)
                               OPTIONAL(WALKS, __global uint *alarm) const int batch,
                           const int window, const int rows, const int t)
{
    __local float room[ROOM + EMULATED] __attribute__((aligned(16)));
#if GRID
    WALK(window, task_fwd(OF_DIRECTIONS(NAMES), packed, state, y, carried, batch, window, rows,
                          done, task, kept, room))
#else
    task_fwd(OF_DIRECTIONS(NAMES), packed, state, y, carried, batch, window, rows, t,
             (int)get_group_id(0), 0, room);
#endif
}

/* The state that an odd number of steps has left, where the next walk looks for it. */
KERNEL recurrent_tiles_keep(__global factor *restrict state, const int elems)
{
    const int i = (int)(get_group_id(0) * LANES + get_local_id(0));
    if (i < elems)
        state[i] = state[elems + i];
}
#else
#define BACK_OPERANDS(n)                                                              \
    __global stored *restrict gates##n, __global const extra_type *restrict extra##n, \
        __global stored *restrict h_before##n, __global stored *restrict da##n

#define OF_BACK_TASK(n)                                                                           \
    __global stored *gates##n, __global const extra_type *extra##n, __global stored *h_before##n, \
        __global stored *da##n
#define BACK_NAMES(n) gates##n, extra##n, h_before##n, da##n

/* Step t of a task. */
INLINE void task_bwd(OF_DIRECTIONS(OF_BACK_TASK), __global const factor *packed,
                     __global factor *state, __global float *more, __global const stored *dy,
                     __global const stored *y, int batch, int window, int rows, int t, int task,
                     __private const piece *kept, __local float *room)
{
    const int lane = (int)get_local_id(0);
    const int of = task % (DIRS * BLOCKS), backward = of / BLOCKS;
    const int unit = of % BLOCKS * UNITS, sequence = task / (DIRS * BLOCKS) * BT;
    const int at = backward ? window - 1 - t : t, before = !t ? 0 : backward ? 1 : -1;
    const int last = t + 1 == window, chunks = last ? 0 : CHUNKS;
    PICK_DIRECTION(stored, gates);
    PICK_DIRECTION(const extra_type, extra);
    PICK_DIRECTION(stored, h_before);
    PICK_DIRECTION(stored, da);
    const size_t plane = (size_t)DEPTH * rows;
    __global const factor *from = state + (t % 2 * DIRS + backward) * plane;
    __global factor *to = state + ((t + 1) % 2 * DIRS + backward) * plane;
    more += (size_t)backward * batch * H;
    tile_product(from + STATE_AT(0, sequence), packed + (size_t)of * DEPTH * COLUMNS, rows, chunks,
                 kept, room);
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
                    put_factor(x[i][g], STATE_AT(g * ROUNDED + u, b), to);
        }
    }
}

/* Step t of the way back, or with GRID all steps; h_before and da as in recurrent.cl. more [DIRS,
 * B, H]: of an LSTM what c gets from the step after, of a GRU what h gets past W_hh. */
KERNEL recurrent_tiles_bwd(OF_DIRECTIONS(BACK_OPERANDS), __global const factor *restrict packed,
                           __global factor *state, __global float *restrict more,
                           __global const stored *restrict dy, __global const stored *restrict y,
                           OPTIONAL(WALKS, __global uint *arrived)
                               OPTIONAL(WALKS, __global uint *alarm) const int batch,
                           const int window, const int rows, const int t)
{
    __local float room[ROOM + EMULATED] __attribute__((aligned(16)));
#if GRID
    WALK(window, task_bwd(OF_DIRECTIONS(BACK_NAMES), packed, state, more, dy, y, batch, window,
                          rows, window - 1 - done, task, kept, room))
#else
    task_bwd(OF_DIRECTIONS(BACK_NAMES), packed, state, more, dy, y, batch, window, rows, t,
             (int)get_group_id(0), 0, room);
#endif
}
#endif
