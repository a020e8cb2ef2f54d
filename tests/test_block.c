/* SPDX-License-Identifier: MIT */
/* block: large memory in large pages, no more of it in use than is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/block.h"

#define MIB ((size_t)1 << 20)

static void every_byte_is_there(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 4 * MIB - 1, 4 * MIB, 4 * MIB + 5, 9 * MIB + 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t bytes = sizes[i];
        unsigned char *block = block_new(bytes), *more;
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % _Alignof(max_align_t), 0);
        memset(block, 0x5a, bytes);
        more = realloc(block, 2 * bytes + 1);
        assert_non_null(more);
        for (size_t at = 0; at < bytes; at += at + 600 < bytes ? 511 : 1)
            assert_int_equal(more[at], 0x5a);
        free(more);
    }
}

/* Resident MiB of this process; -1 where the system does not tell. */
static long resident(void)
{
    long all, here;
    FILE *in = fopen("/proc/self/statm", "r");
    int got = in ? fscanf(in, "%ld %ld", &all, &here) : 0;
    if (in)
        fclose(in);
    return got == 2 ? here * sysconf(_SC_PAGESIZE) / (long)MIB : -1;
}

static void large_pages(void **state)
{
    (void)state;
#ifdef MADV_HUGEPAGE
    long before = resident();
    char *block = block_new(64 * MIB + 4096);
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % (2 * MIB), 0);
    block[0] = block[64 * MIB] = 1; /* the last is on a small page */
    if (before >= 0)
        assert_in_range(resident() - before, 0, 4);
    free(block);
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_there),
        cmocka_unit_test(large_pages),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
