/* SPDX-License-Identifier: MIT */
#include "train/order.h"

#include "util/philox.h"

void order_shuffled(uint32_t *to, size_t count, uint64_t from, uint32_t *pass, size_t windows,
                    uint64_t seed)
{
    for (size_t i = 0; i < count; i++) {
        const uint64_t number = (from + i) / windows, at = (from + i) % windows;
        if (!i || !at)
            philox_shuffle(pass, windows, philox_path("order"), (uint32_t)(number + 1), seed);
        to[i] = pass[at];
    }
}

void order_random(uint32_t *to, size_t count, uint32_t epoch, size_t windows, uint64_t seed)
{
    uint32_t word[4];
    for (size_t i = 0; i < count; i++) {
        philox(word, (uint32_t)i, epoch, philox_path("sampling"), 0, seed);
        size_t at = (size_t)((word[0] + word[1] * 0x1p-32) * 0x1p-32 * (double)windows);
        to[i] = (uint32_t)(at < windows ? at : windows - 1);
    }
}
