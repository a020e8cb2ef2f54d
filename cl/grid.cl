/* SPDX-License-Identifier: MIT */
/*
 * The barrier of grid.h, tried. In each round each work-item of a group writes a number to
 * slot [2, groups, LANES], the two in turn; behind the barrier it reads those of its lane in all
 * groups. One that is not what was written sets alarm[1]; a group that waits too long alarm[0].
 * `expected` arrivals a round are waited for: more than there are groups never come. A group takes
 * as much local memory, ROOM numbers, as one that the barrier is for: else more were at work at a
 * time than of those.
 *
 * -D: GRID, POLLS, LANES, ROOM.
 */
#include "common.h"
#include "grid.h"

#ifndef ROOM
#define ROOM 64
#endif

#if GRID
__kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void
grid_try(__global uint *arrived, __global uint *alarm, __global uint *slot, const int rounds,
         const int expected)
{
    const uint groups = (uint)get_num_groups(0), lane = (uint)get_local_id(0);
    __local uint room[ROOM];
    int waits = 1;
    uint wrong = 0;
    for (uint i = lane; i < ROOM; i += LANES)
        room[i] = i;
    for (int r = 0; r < rounds; r++) {
        __global uint *to = slot + (size_t)(r % 2) * groups * LANES;
        to[(uint)get_group_id(0) * LANES + lane] =
            ((uint)r << 16) + (uint)get_group_id(0) * 7u + lane;
        grid_barrier(arrived, alarm, (uint)(r + 1) * (uint)expected, &waits);
        for (uint g = 0; g < groups; g++)
            wrong |= to[g * LANES + lane] != ((uint)r << 16) + g * 7u + lane;
        const uint other = (lane + (uint)r * 61u + 1u) % ROOM;
        wrong |= room[other] != other;
    }
    if (wrong)
        alarm[1] = 1;
}
#endif
