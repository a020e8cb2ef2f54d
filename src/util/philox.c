/* SPDX-License-Identifier: MIT */
#include "util/philox.h"

#include <math.h>

void philox(uint32_t out[4], uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint64_t seed)
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 7; round++) {
        uint64_t p0 = (uint64_t)c0 * 0xD2511F53u, p1 = (uint64_t)c2 * 0xCD9E8D57u;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint32_t philox_path(const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

double philox_unit(uint32_t word)
{
    return (word + 0.5) * 0x1p-32;
}

double philox_normal(uint32_t a, uint32_t b)
{
    return sqrt(-2 * log(philox_unit(a))) * cos(6.283185307179586 * philox_unit(b));
}

void philox_shuffle(uint32_t *to, size_t n, uint32_t stream, uint32_t index, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        uint32_t r[4];
        philox(r, (uint32_t)i, 0, stream, index, seed);
        uint64_t word = (uint64_t)r[0] << 32 | r[1];
        size_t j = (size_t)(((unsigned __int128)word * i) >> 64);
        uint32_t swap = to[i - 1];
        to[i - 1] = to[j];
        to[j] = swap;
    }
}
