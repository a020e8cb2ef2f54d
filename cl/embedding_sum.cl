/* SPDX-License-Identifier: MIT */
/*
 * The gradient of a table on a GPU: grad[number[row]] += dy[row], in an order that depends on how
 * many rows there are and on their numbers alone. Launches sort the rows by their numbers, digit by
 * digit; then each number's rows, a run of them, are summed by whoever has its first one: a team,
 * or a whole group where the run is long. So dy is loaded once, whatever the numbers are, and no
 * load waits for a sum: of a text's characters every sixth is the same.
 *
 * -D: VEC, LANES, TEAMS; PIECE places of the order, of which a group sums the runs that begin
 * there; DEEP loads of a work-item do not wait for each other.
 */
#include "common.h"

#ifndef PIECE
#define PIECE 64
#endif
#ifndef DEEP
#define DEEP 8
#endif

#define GROUP (LANES * TEAMS)
/* A run of more rows is a whole group's: at most one begins in a piece. A multiple of DEEP. */
#define LONG PIECE
#define NONE 0xffffffffu
/* The number at a place, `numbers` if the table has no row for it. */
#define KNOWN(number, at) ((at) < rows ? min(number, (uint)numbers) : (uint)numbers)

/*
 * Sorts rows by a digit of their numbers; those with the same one stay in order. A group counts the
 * rows of a smaller digit, which go in front, and puts those of its own behind them. The order goes
 * through the work-items, which have `each` of its items, a multiple of DEEP: in an array item i is
 * at place i % each * GROUP + i / each, so that the loads of a group are next to each other. The
 * first launch has the items at the places of their rows; the last one puts them in order. There
 * are items behind the last row: they and the numbers that the table has no row for are `numbers`,
 * which comes behind all.
 */
__kernel void embedding_sort(__global const uint *restrict number,
                             __global const uint *restrict row, __global uint *restrict to_number,
                             __global uint *restrict to_row, const int rows, const int numbers,
                             const int each, const int shift, const int digits, const int is_first,
                             const int is_last)
{
    __local uint2 room[GROUP];
    const int lane = (int)get_local_id(0);
    const uint mine = (uint)get_group_id(0);
    uint2 count = (uint2)(0, 0); /* of smaller digits, and of this one */
    for (int k = 0; k < each; k += DEEP) {
        uint of[DEEP];
#pragma unroll
        for (int j = 0; j < DEEP; j++)
            of[j] = number[min((k + j) * GROUP + lane, rows - 1)];
#pragma unroll
        for (int j = 0; j < DEEP; j++) {
            const uint digit = KNOWN(of[j], (k + j) * GROUP + lane) >> shift & (uint)(digits - 1);
            count.x += digit < mine;
            count.y += digit == mine;
        }
    }
    room[lane] = count;
    group_barrier(CLK_LOCAL_MEM_FENCE);
    for (int reach = 1; reach < GROUP; reach *= 2) {
        const uint2 before = lane >= reach ? room[lane - reach] : (uint2)(0, 0);
        group_barrier(CLK_LOCAL_MEM_FENCE);
        room[lane] += before;
        group_barrier(CLK_LOCAL_MEM_FENCE);
    }
    uint item = room[GROUP - 1].x + room[lane].y - count.y;
    for (int k = 0; k < each; k += DEEP) {
        uint of[DEEP], from[DEEP];
#pragma unroll
        for (int j = 0; j < DEEP; j++) {
            const int at = (k + j) * GROUP + lane;
            of[j] = number[min(at, rows - 1)];
            from[j] = is_first ? (uint)at : row[at];
        }
#pragma unroll
        for (int j = 0; j < DEEP; j++) {
            const uint known = KNOWN(of[j], (k + j) * GROUP + lane);
            if ((known >> shift & (uint)(digits - 1)) == mine) {
                const uint to = is_last ? item : item % (uint)each * GROUP + item / (uint)each;
                to_number[to] = known;
                to_row[to] = from[j];
                item++;
            }
        }
    }
}

/* sum + vector v of each row that is not NONE, in order */
INLINE vec add_rows(vec sum, const uint row[DEEP], __global const float *dy, const int v,
                    const int vectors)
{
    vec x[DEEP];
#pragma unroll
    for (int j = 0; j < DEEP; j++)
        x[j] = row[j] == NONE ? (vec)(0.0f) : load_vec(v, dy + (size_t)row[j] * vectors * VEC);
#pragma unroll
    for (int j = 0; j < DEEP; j++)
        sum += x[j];
    return sum;
}

/* Rows and their numbers as they were sorted, `items` of them; the group's columns are one of
 * `blocks` of LANES vectors. */
__kernel void embedding_sum(__global const float *restrict dy, __global const uint *restrict number,
                            __global const uint *restrict row, __global float *restrict grad,
                            const int vectors, const int numbers, const int items, const int blocks)
{
    __local float room[GROUP * VEC];
    __local uint2 near[1 + PIECE + LONG]; /* numbers and rows of the piece and its neighbours */
    __local uint2 *item = near + 1;
    __local int long_one[1];
    const int from = (int)get_group_id(0) / blocks * PIECE, team = (int)get_local_id(0) / LANES;
    const int v = (int)get_group_id(0) % blocks * LANES + team_lane();
    for (int i = (int)get_local_id(0) - 1; i < PIECE + LONG; i += GROUP) {
        const int at = from + i, is_there = at >= 0 && at < items;
        item[i] = is_there ? (uint2)(number[at], row[at]) : (uint2)((uint)numbers, NONE);
    }
    if (get_local_id(0) == 0)
        long_one[0] = -1;
    group_barrier(CLK_LOCAL_MEM_FENCE);

    for (int i = team; i < PIECE; i += TEAMS) {
        const uint mine = item[i].x;
        if (mine >= (uint)numbers || item[i - 1].x == mine)
            continue;
        if (item[i + LONG].x == mine) {
            if (team_lane() == 0)
                long_one[0] = i;
        } else if (v < vectors) {
            __global float *to = grad + (size_t)mine * vectors * VEC;
            vec sum = load_vec(v, to);
            for (int k = i; item[k].x == mine; k += DEEP) {
                uint some[DEEP];
#pragma unroll
                for (int j = 0; j < DEEP; j++) {
                    const uint2 next = item[k + j];
                    some[j] = next.x == mine ? next.y : NONE;
                }
                sum = add_rows(sum, some, dy, v, vectors);
            }
            store_vec(sum, v, to);
        }
    }
    group_barrier(CLK_LOCAL_MEM_FENCE);

    const int begins = long_one[0];
    const uint mine = begins < 0 ? (uint)numbers : item[begins].x;
    vec sum = (vec)(0.0f);
    if (begins >= 0 && v < vectors)
        for (int k = from + begins + team; k < items && number[k] == mine; k += DEEP * TEAMS) {
            uint next[DEEP], some[DEEP];
#pragma unroll
            for (int j = 0; j < DEEP; j++) {
                const int at = min(k + j * TEAMS, items - 1);
                next[j] = number[at];
                some[j] = row[at];
            }
#pragma unroll
            for (int j = 0; j < DEEP; j++)
                some[j] = k + j * TEAMS < items && next[j] == mine ? some[j] : NONE;
            sum = add_rows(sum, some, dy, v, vectors);
        }
#if TEAMS > 1
    sum = sum_teams(sum, room);
#endif
    if (begins >= 0 && team == 0 && v < vectors) {
        __global float *to = grad + (size_t)mine * vectors * VEC;
        store_vec(load_vec(v, to) + sum, v, to);
    }
}
