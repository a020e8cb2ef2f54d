/* SPDX-License-Identifier: MIT */
#include "util/crc32c.h"

#include <pthread.h>
#include <string.h>

/* table[k][b]: the remainder of byte b with k bytes of 0 behind it, bits reversed. */
static uint32_t table[8][256];

static void fill_tables(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t r = b;
        for (int bit = 0; bit < 8; bit++)
            r = r & 1 ? r >> 1 ^ 0x82f63b78u : r >> 1;
        table[0][b] = r;
    }
    for (int k = 1; k < 8; k++)
        for (int b = 0; b < 256; b++)
            table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 255];
}

/* Eight bytes at a time: "slicing by 8" of Kounavis and Berry, "A systematic approach to building
 * high performance software-based CRC generators" (ISCC 2005). */
uint32_t crc32c_by_tables(uint32_t crc, const void *bytes, size_t size)
{
    static pthread_once_t filled = PTHREAD_ONCE_INIT;
    const unsigned char *p = bytes;
    pthread_once(&filled, fill_tables);
    crc = ~crc;
    for (; size >= 8; size -= 8, p += 8) {
        const uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                                    (uint32_t)p[3] << 24);
        crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^
              table[4][low >> 24] ^ table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^
              table[0][p[7]];
    }
    for (; size; size--, p++)
        crc = crc >> 8 ^ table[0][(crc ^ *p) & 255];
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t crc32c_by_sse(uint32_t crc, const void *bytes,
                                                                size_t size)
{
    const unsigned char *p = bytes;
    uint64_t word, sum = ~crc;
    for (; size >= 8; size -= 8, p += 8) {
        memcpy(&word, p, 8);
        sum = __builtin_ia32_crc32di(sum, word);
    }
    for (crc = (uint32_t)sum; size; size--, p++)
        crc = __builtin_ia32_crc32qi(crc, *p);
    return ~crc;
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t size)
{
    return __builtin_cpu_supports("sse4.2") ? crc32c_by_sse(crc, bytes, size)
                                            : crc32c_by_tables(crc, bytes, size);
}

#else

uint32_t crc32c(uint32_t crc, const void *bytes, size_t size)
{
    return crc32c_by_tables(crc, bytes, size);
}

#endif
