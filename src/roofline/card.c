/* SPDX-License-Identifier: MIT */
#include "roofline/card.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * NVIDIA: "H100 Tensor Core GPU Architecture" (SXM5), "Ampere GA102 GPU Architecture", where
 * GeForce has half the rate of matrix units for sums of fp32. Intel: "Xe HPG", ARK of the Arc A770
 * 16GB. AMD: "RDNA 3 Instruction Set Architecture" and the product's page; its vector rate is that
 * without dual issue, which compilers seldom find. Rates of caches, latencies and the costs of a
 * launch are assumed, near what benchmarks of such cards have shown.
 */
static const struct card cards[] = {
    {.name = "H100",
     .arch = "sm_90",
     .is_nvidia = 1,
     .processors = 132,
     .items = 2048,
     .groups = 32,
     .registers = 65536,
     .local = 227 << 10,
     .flops = 66.9e12,
     .matrix = MATRIX_PTX,
     .matrix_flops = 989.4e12,
     .tf32_flops = 494.7e12,
     .bytes = 3350e9,
     .cache_bytes = 5500e9,
     .cache = (size_t)50 << 20,
     .local_bytes = 30.9e12,
     .latency = 600e-9,
     .start = 1.5e-6,
     .meet = 1.5e-6,
     .enqueue = 3e-6,
     .cycle = 1 / 1.83e9},
    {.name = "3080 Ti",
     .arch = "sm_86",
     .is_nvidia = 1,
     .processors = 80,
     .items = 1536,
     .groups = 16,
     .registers = 65536,
     .local = 99 << 10,
     .flops = 34.1e12,
     .matrix = MATRIX_PTX,
     .matrix_flops = 68.2e12,
     .tf32_flops = 34.1e12,
     .bytes = 912e9,
     .cache_bytes = 2000e9,
     .cache = (size_t)6 << 20,
     .local_bytes = 17.1e12,
     .latency = 500e-9,
     .start = 1.5e-6,
     .meet = 1.5e-6,
     .enqueue = 3e-6,
     .cycle = 1 / 1.665e9},
    {.name = "A770",
     .processors = 32,
     .items = 2048,
     .groups = 64,
     .registers = 131072,
     .local = 128 << 10,
     .flops = 17.2e12,
     .matrix = MATRIX_DPAS_8,
     .matrix_flops = 137.6e12,
     .bytes = 560e9,
     .cache_bytes = 1500e9,
     .cache = (size_t)16 << 20,
     .local_bytes = 8.6e12,
     .latency = 700e-9,
     .start = 3e-6,
     .meet = 2e-6,
     .enqueue = 5e-6,
     .cycle = 1 / 2.1e9},
    {.name = "7900 XTX",
     .arch = "gfx906",
     .processors = 96,
     .items = 1024,
     .groups = 32,
     .registers = 98304,
     .local = 64 << 10,
     .flops = 30.7e12,
     .matrix = MATRIX_WMMA,
     .matrix_flops = 122.8e12,
     .bytes = 960e9,
     .cache_bytes = 3000e9,
     .cache = (size_t)96 << 20,
     .local_bytes = 30.7e12,
     .latency = 600e-9,
     .start = 3e-6,
     .meet = 2e-6,
     .enqueue = 5e-6,
     .cycle = 1 / 2.5e9},
};
#define CARDS (sizeof cards / sizeof *cards)
_Static_assert(CARDS * 16 <= 128, "card_find() has room for their names");

/* Whether both are the same but for case and spaces. */
static int is_same(const char *a, const char *b)
{
    for (;;) {
        while (*a == ' ')
            a++;
        while (*b == ' ')
            b++;
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return 0;
        if (!*a)
            return 1;
        a++;
        b++;
    }
}

/* A number above 0 that ends with `end`; *text moves behind it. */
static int read_rate(const char **text, char end, double *to)
{
    char *behind;
    *to = strtod(*text, &behind);
    if (behind == *text || *behind != end || !(*to > 0) || !isfinite(*to) || *to > 1e12)
        return -1;
    *text = behind + 1;
    return 0;
}

int card_find(const char *name, struct card *to, struct error *err)
{
    for (size_t i = 0; i < CARDS; i++)
        if (is_same(cards[i].name, name)) {
            *to = cards[i];
            return 0;
        }
    double flops, bytes;
    const char *at = name;
    if (read_rate(&at, ',', &flops) || read_rate(&at, '\0', &bytes)) {
        char names[128] = "";
        for (size_t i = 0; i < CARDS; i++) {
            strcat(names, cards[i].name);
            strcat(names, ", ");
        }
        return error_set(
            err, STATUS_USAGE,
            "--roofline: no card \"%.40s\" is known: take %smeasured (this device), or "
            "its rates as GF/s,GB/s, such as 66900,3350",
            name, names);
    }
    *to = (struct card){.flops = flops * 1e9, .bytes = bytes * 1e9};
    snprintf(to->name, sizeof to->name, "a card of %.4g GF/s and %.4g GB/s", flops, bytes);
    return 0;
}

void card_measured(struct card *to, const struct device_info *info, const struct ceilings *c)
{
    *to = (struct card){.name = "this device",
                        .processors = info->compute_units,
                        .flops = c->flops,
                        .bytes = c->bytes,
                        .cache_bytes = info->is_cpu ? 0 : c->near_bytes,
                        .cache = (size_t)info->cache_bytes,
                        .start = c->launch};
}
