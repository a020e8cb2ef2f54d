/* SPDX-License-Identifier: MIT */
#include "util/block.h"

#include <stdlib.h>
#include <sys/mman.h>

#define PAGE ((size_t)2 << 20)

void *block_new(size_t bytes)
{
#ifdef MADV_HUGEPAGE
    void *block;
    if (bytes >= 2 * PAGE && !posix_memalign(&block, PAGE, bytes)) {
        madvise(block, bytes - bytes % PAGE, MADV_HUGEPAGE); /* advice: nothing hangs on it */
        return block;
    }
#endif
    return malloc(bytes ? bytes : 1);
}
