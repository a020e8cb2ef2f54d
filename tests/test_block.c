/* SPDX-License-Identifier: MIT */
/* block: large memory in large pages, no more of it in use than is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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
        more = block_resize(block, 2 * bytes + 1);
        assert_non_null(more);
        for (size_t at = 0; at < bytes; at += at + 600 < bytes ? 511 : 1)
            assert_int_equal(more[at], 0x5a);
        block_free(more);
    }
    assert_null(block_new(SIZE_MAX));
    assert_null(block_zeros(SIZE_MAX - 63));
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
    assert_in_range((uintptr_t)block % (2 * MIB), 1, 64); /* what is known of it lies before it */
    block[0] = block[64 * MIB] = 1;                       /* the last is on a small page */
    if (before >= 0)
        assert_in_range(resident() - before, 0, 4);
    block_free(block);
#else
    skip();
#endif
}

/* --- in files */

/* What the file system is made to lack. */
static int no_tmpfile, no_fallocate, no_space;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    if ((flags & O_TMPFILE) != O_TMPFILE)
        return __real_open(path, flags, 0600);
    errno = EOPNOTSUPP;
    return no_tmpfile ? -1 : __real_open(path, flags, 0600);
}

int __real_fallocate(int file, int mode, off_t offset, off_t bytes);
int __wrap_fallocate(int file, int mode, off_t offset, off_t bytes);
int __wrap_fallocate(int file, int mode, off_t offset, off_t bytes)
{
    static int interrupted;
    if (!(interrupted = !interrupted)) { /* every other time */
        errno = EINTR;
        return -1;
    }
    errno = no_space ? ENOSPC : EOPNOTSUPP;
    return no_space || no_fallocate ? -1 : __real_fallocate(file, mode, offset, bytes);
}

/* Files that this process has open; -1 where the system does not tell. */
static int files_open(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return -1;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* Mappings of files that block.c made: their names end so, as they have none. */
static int files_mapped(void)
{
    char line[512];
    int count = 0;
    FILE *in = fopen("/proc/self/maps", "r");
    while (in && fgets(line, sizeof line, in))
        count += strstr(line, "rw-s") && strstr(line, "(deleted)");
    if (in)
        fclose(in);
    return in ? count : -1;
}

/* KiB of memory that is this process's alone: what files are mapped to is not among it. */
static long own_memory(void)
{
    char line[128];
    long kib = -1;
    FILE *in = fopen("/proc/self/status", "r");
    while (in && fgets(line, sizeof line, in))
        if (sscanf(line, "RssAnon: %ld", &kib) == 1)
            break;
    if (in)
        fclose(in);
    return kib;
}

static void fill(unsigned char *block, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i++)
        block[i] = (unsigned char)(i * 31 + i / 4093 + seed);
}

static void is_filled(const unsigned char *block, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i++)
        if (block[i] != (unsigned char)(i * 31 + i / 4093 + seed))
            fail_msg("byte %zu of block %u is %u", i, seed, block[i]);
}

static void map_begin(void)
{
    char folder[] = "/tmp/seqtrain-blocks-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(block_map_begin(folder), 0);
}

/* Blocks of all sizes keep what is written to them while others come, grow, shrink and go. */
static void blocks_of_all_sizes(void)
{
    enum { BLOCKS = 30 };
    static const size_t sizes[] = {
        1, BLOCK_MAPPED - 1, BLOCK_MAPPED, 777777, 4 * MIB - 64, 4 * MIB + 1, 9 * MIB + 7};
    unsigned char *block[BLOCKS], *early[2] = {block_new(64), block_new(5 * MIB)};
    size_t bytes[BLOCKS];
    fill(early[0], 64, 77);
    fill(early[1], 5 * MIB, 78);
    int mapped = files_mapped();
    char folder[] = "/tmp/seqtrain-blocks-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(block_map_begin(folder), 0);
    for (unsigned i = 0; i < BLOCKS; i++) {
        bytes[i] = sizes[i % 7];
        block[i] = i % 2 ? block_zeros(bytes[i]) : block_new(bytes[i]);
        assert_non_null(block[i]);
        assert_int_equal((uintptr_t)block[i] % _Alignof(max_align_t), 0);
        for (size_t at = 0; i % 2 && at < bytes[i]; at++)
            assert_int_equal(block[i][at], 0);
        fill(block[i], bytes[i], i);
    }
    if (mapped >= 0)
        assert_int_equal(files_mapped() - mapped, 13); /* 12 blocks alone, the others together */
    for (unsigned i = 0; i < BLOCKS; i += 3) {
        size_t more = sizes[(i + 2) % 7];
        block[i] = block_resize(block[i], more);
        assert_non_null(block[i]);
        is_filled(block[i], more < bytes[i] ? more : bytes[i], i);
        bytes[i] = more;
        fill(block[i], bytes[i], i);
    }
    for (unsigned i = 1; i < BLOCKS; i += 3) {
        block_free(block[i]);
        block[i] = NULL;
    }
    for (int i = 0; i < 2; i++) { /* blocks of before move to a file when they grow */
        early[i] = block_resize(early[i], 6 * MIB);
        assert_non_null(early[i]);
    }
    assert_int_equal(rmdir(folder), 0); /* no file has a name */
    assert_int_equal(block_map_end(), 0);
    early[0] = block_resize(early[0], 7 * MIB); /* and back to memory */
    assert_non_null(early[0]);
    is_filled(early[0], 64, 77);
    is_filled(early[1], 5 * MIB, 78);
    for (unsigned i = 0; i < BLOCKS; i++)
        if (block[i])
            is_filled(block[i], bytes[i], i);
    for (unsigned i = 0; i < BLOCKS; i++)
        block_free(block[i]);
    block_free(early[0]);
    block_free(early[1]);
    block_free(NULL);
    assert_int_equal(files_mapped(), mapped); /* the files go with their blocks */
}

static void mapped_blocks(void **state)
{
    (void)state;
    int files = files_open();
    blocks_of_all_sizes();
    assert_int_equal(files_open(), files);
}

/* On a file system that can neither make files without a name nor reserve. */
static void mapped_by_other_means(void **state)
{
    (void)state;
    int files = files_open();
    no_tmpfile = no_fallocate = 1;
    blocks_of_all_sizes();
    no_tmpfile = no_fallocate = 0;
    assert_int_equal(files_open(), files);
}

/* Only what lies between begin and end is mapped, whatever lies between other such calls within. */
static void mapped_memory_is_not_ours(void **state)
{
    (void)state;
    long before = own_memory();
    map_begin();
    map_begin();
    assert_int_equal(block_map_end(), 0);
    unsigned char *block = block_new(64 * MIB), *small[64];
    assert_non_null(block);
    memset(block, 1, 64 * MIB);
    for (int i = 0; i < 64; i++) {
        assert_non_null(small[i] = block_new(MIB));
        memset(small[i], 1, MIB);
    }
    if (before >= 0)
        assert_in_range(own_memory() - before + 4096, 0, 8192);
    assert_int_equal(block_map_end(), 0);
    unsigned char *other = block_new(64 * MIB);
    assert_non_null(other);
    memset(other, 1, 64 * MIB);
    if (before >= 0)
        assert_in_range(own_memory() - before, 48 * 1024, 72 * 1024);
    block_free(other);
    block_free(block);
    for (int i = 0; i < 64; i++)
        block_free(small[i]);
}

/* A block that is freed gives its pages back, though it shares the file with others. */
static void pages_go_back(void **state)
{
    (void)state;
    unsigned char *block[4];
    map_begin();
    for (unsigned i = 0; i < 4; i++) {
        assert_non_null(block[i] = block_new(3 * MIB + 100));
        fill(block[i], 3 * MIB + 100, i);
    }
    long before = resident();
    block_free(block[1]);
    block_free(block[2]);
    if (before >= 0)
        assert_in_range(before - resident(), 5, 7);
    is_filled(block[0], 3 * MIB + 100, 0);
    is_filled(block[3], 3 * MIB + 100, 3);
    block_free(block[0]);
    block_free(block[3]);
    assert_int_equal(block_map_end(), 0);
}

static void full_disk(void **state)
{
    (void)state;
    int mapped = files_mapped(), files = files_open();
    map_begin();
    unsigned char *block = block_new(MIB);
    no_space = 1;
    assert_null(block_new(30 * MIB));
    assert_null(block_resize(block, 30 * MIB));
    assert_int_equal(block_map_begin("/tmp"), 0); /* makes no file of its own */
    assert_int_equal(block_map_end(), ENOSPC);
    block_free(block);
    assert_int_equal(block_map_end(), ENOSPC);
    assert_int_equal(block_map_begin("/tmp"), -1);
    assert_int_equal(errno, ENOSPC);
    no_space = 0;
    map_begin();
    assert_int_equal(block_map_end(), 0);
    assert_int_equal(files_mapped(), mapped);
    assert_int_equal(files_open(), files);
}

static void no_folder(void **state)
{
    (void)state;
    int mapped = files_mapped();
    assert_int_equal(block_map_begin("/tmp/seqtrain-no-such-folder"), -1);
    assert_int_equal(errno, ENOENT);
    unsigned char *block = block_new(BLOCK_MAPPED);
    assert_non_null(block);
    assert_int_equal(files_mapped(), mapped);
    block_free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_there),
        cmocka_unit_test(large_pages),
        cmocka_unit_test(mapped_blocks),
        cmocka_unit_test(mapped_by_other_means),
        cmocka_unit_test(mapped_memory_is_not_ours),
        cmocka_unit_test(pages_go_back),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(no_folder),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
