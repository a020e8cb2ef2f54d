/* SPDX-License-Identifier: MIT */
/*
 * A barrier of all work-groups of a launch, for kernels that exchange data among them without
 * ending. It takes that all groups are resident: the host launches no more than the device has
 * compute units, and tries the barrier before it is used (src/device/barrier.c).
 *
 * A group's work-items wait for each other, its first one adds 1 to `arrived` (release) and polls
 * until all groups have (acquire), both at the scope of the device: what any work-item wrote before
 * the barrier, all see behind it. By the models of memory release and acquire of the first
 * work-item serve its whole group, since the group's own barriers stand around them (OpenCL C 2.0:
 * a barrier is a release and an acquire at the scope of the group, and happens-before is transitive
 * over scopes that include each other; PTX ISA 8: causality order).
 *
 * What a compiler makes of that is weaker on some cards of AMD. Within a group of gfx90a and later
 * a release need not wait for stores to global memory, since the group shares a first-level cache,
 * nor does the instruction of the barrier; and the first one's release waits for the stores of its
 * own wave alone (LLVM, User Guide for AMDGPU Backend, memory model of gfx90a). So with GRID 1 each
 * work-item releases at the scope of the device in front of the group's barrier, which costs no
 * more than its own stores take. Behind it the first one's acquire is enough: it drops the cache
 * that the group shares, and where waves of a group have several their barrier's acquire drops
 * those.
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
static inline void grid_release(void)
{
    atomic_work_item_fence(CLK_GLOBAL_MEM_FENCE, memory_order_release, memory_scope_device);
}
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
static inline void grid_release(void)
{
}
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
    grid_release();
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
