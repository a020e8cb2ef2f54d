/* SPDX-License-Identifier: MIT */
/*
 * A barrier of all work-groups of a launch, for kernels that exchange data among them without
 * ending. It takes that all groups are resident: the host launches no more than the device has
 * compute units, and tries the barrier before it is used (src/device/barrier.c).
 *
 * A group's work-items wait for each other, its first one adds 1 to `arrived` (release) and polls
 * until all groups have (acquire), both at the scope of the device: what any work-item wrote before
 * the barrier, all see behind it. Release and acquire of one work-item serve its whole group, since
 * the group's own barriers stand around them (OpenCL 2.0, 3.3.4: happens-before is transitive; PTX
 * ISA 8, memory consistency model: causality order).
 *
 * Another process on the same card takes turns with all groups of this one, as drivers slice time.
 * Where groups of both run side by side (NVIDIA's MPS), some may wait for room that is not given.
 *
 * So no poll goes on for ever: after POLLS of them, some seconds, a group sets `alarm` and from
 * then on waits for nobody. The launch ends with wrong numbers, and the host, which looks at the
 * alarm before it hands out any number, fails.
 *
 * -D: GRID: 0 there is no such barrier, 1 by atomics of OpenCL C 2.0, 2 by inline PTX (sm_70 and
 * later); POLLS.
 */
#ifndef GRID
#define GRID 0
#endif
#if GRID && !defined(POLLS)
#define POLLS 4194304u
#endif

#if GRID == 1
static inline void grid_arrive(__global uint *arrived)
{
    atomic_fetch_add_explicit((volatile __global atomic_uint *)arrived, 1u, memory_order_release,
                              memory_scope_device);
}
static inline uint grid_look(__global uint *arrived)
{
    return atomic_load_explicit((volatile __global atomic_uint *)arrived, memory_order_acquire,
                                memory_scope_device);
}
#elif GRID == 2
static inline void grid_arrive(__global uint *arrived)
{
    __asm__ volatile("red.release.gpu.global.add.u32 [%0], %1;" ::"l"(arrived), "r"(1u) : "memory");
}
static inline uint grid_look(__global uint *arrived)
{
    uint value;
    __asm__ volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(arrived) : "memory");
    return value;
}
#endif

#if GRID
/* Waits until `target` arrivals are counted; *waits: whether this work-item still does. */
static inline void grid_barrier(__global uint *arrived, __global uint *alarm, uint target,
                                __private int *waits)
{
    group_barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
    if (get_local_id(0) == 0) {
        uint polls = 0;
        grid_arrive(arrived);
        while (*waits && grid_look(arrived) < target)
            if (++polls == POLLS)
                *waits = 0;
        if (polls == POLLS)
            *alarm = 1;
    }
    group_barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
}
#endif
