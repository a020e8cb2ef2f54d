/* SPDX-License-Identifier: MIT */
#include "roofline/roofline.h"

#include <math.h>
#include <string.h>

#include "roofline/kernel_use.h"

/* What is taken of every GPU. */
#define LOAD 16          /* bytes that a work-item has under way: a vector of four */
#define ALU_CYCLES 4     /* from a vector operation to its sum */
#define ALU_SIDE 4       /* operations that a work-item has under way in a product of ours */
#define VECTOR_WIDTH 128 /* vector operations of a processor in a cycle */

/* How a launch is cut. */
struct cut {
    char kernel[64]; /* as tests/lint.tsv calls it */
    double groups, lanes;
    double local, cache; /* bytes through local memory, and through the last cache, of all */
    double load;         /* bytes that a work-item has under way */
    double sums;         /* bytes of a second launch, which adds parts up; 0: there is none */
    int matrix;          /* by matrix units */
    int tf32;            /* of TF32 */
    double side;         /* operations that a work-item has under way */
};

static int has(const struct launch *l, const char *option)
{
    return l->options && strstr(l->options, option) != NULL;
}

/* Some programs of a file take so much more than others that they have rows of their own, see
 * tests/lint.py. */
static void name_kernel(struct cut *c, const struct launch *l)
{
    const int of_steps = l->matrix && !strncmp(l->name, "recurrent_tiles_", 16);
    const int wide = !strncmp(l->name, "attention_tiles_", 16) &&
                     (has(l, "-DND=8 ") || has(l, "-DND=12 ") || has(l, "-DND=16 "));
    snprintf(c->kernel, sizeof c->kernel, "%s%s%s", of_steps ? "recurrent_tiles_mma_" : "",
             l->name + (of_steps ? 16 : 0),
             has(l, "-DGRID=") && !has(l, "-DGRID=0") ? " walking"
             : wide                                   ? " wide"
                                                      : "");
}

static struct cut cut_of(const struct launch *l)
{
    struct gemm_cut g;
    struct cut c;
    if (!l->is_gemm) {
        c = (struct cut){.groups = (double)l->groups,
                         .lanes = (double)l->lanes,
                         .local = l->local,
                         .cache = l->loads,
                         .load = LOAD,
                         .matrix = l->matrix > 0,
                         .tf32 = l->matrix == 1 + DTYPE_F32,
                         .side = l->local > 0 ? ALU_SIDE : 1};
        name_kernel(&c, l);
    } else if (!l->product || gemm_cut(l->product, &g)) {
        c = (struct cut){.kernel = "gemm", .load = LOAD, .side = ALU_SIDE};
    } else {
        c = (struct cut){.groups = (double)g.groups,
                         .lanes = (double)g.lanes,
                         .local = g.local_bytes,
                         .cache = g.cache_bytes,
                         .load = g.load,
                         .sums = g.sum_bytes,
                         .matrix = g.matrix,
                         .side = ALU_SIDE};
        snprintf(c.kernel, sizeof c.kernel, "%s", g.kernel);
    }
    return c;
}

static const struct kernel_use *use_of(const struct card *card, const char *kernel)
{
    for (size_t i = 0; card->arch && i < kernel_use_count; i++)
        if (!strcmp(kernel_uses[i].kernel, kernel) && !strcmp(kernel_uses[i].arch, card->arch))
            return &kernel_uses[i];
    return NULL;
}

/* Groups of `lanes` that a processor holds at a time. */
static double held(const struct card *card, const struct cut *cut)
{
    const struct kernel_use *use = use_of(card, cut->kernel);
    double most = floor(card->items / cut->lanes);
    most = fmin(most, card->groups);
    if (use && use->local)
        most = fmin(most, floor((double)card->local / (double)use->local));
    if (use && use->registers) /* given to 32 work-items at a time, 8 each */
        most = fmin(most, floor(card->registers /
                                (ceil(cut->lanes / 32) * 32 * ceil(use->registers / 8.0) * 8)));
    return fmax(most, 1);
}

/* The share of the processors' time that has work when all groups take as long. */
static double busy_of(const struct card *card, double groups)
{
    if (!card->processors || !(groups > 0))
        return 1;
    return groups / (card->processors * ceil(groups / card->processors));
}

/* Work-items that a processor has at work; 0: not known. */
static double at_work(const struct card *card, const struct cut *cut)
{
    if (!card->processors || !card->items || !(cut->groups > 0))
        return 0;
    return cut->lanes * fmin(held(card, cut), ceil(cut->groups / card->processors));
}

/* Operations a second of vector units. */
static double vector_rate(const struct card *card, const struct cut *cut, double items)
{
    const double full = ALU_CYCLES * VECTOR_WIDTH / cut->side;
    return card->cycle > 0 && items > 0 ? card->flops * fmin(1, items / full) : card->flops;
}

/* Seconds of the operations. */
static double arithmetic_of(const struct card *card, const struct launch *l, const struct cut *cut,
                            double items, double busy)
{
    double rate = cut->tf32 ? card->tf32_flops : card->matrix_flops;
    if (!cut->matrix || !(rate > 0))
        rate = vector_rate(card, cut, items);
    return l->flops / (rate * busy);
}

/* Seconds of the bytes: from the cache where all that a launch touches fits into half of it, or
 * what it moves again into all of it. */
static double memory_of(const struct card *card, const struct launch *l, const struct cut *cut,
                        double items)
{
    const double bytes = l->bytes + cut->sums;
    const double room = card->cache_bytes > 0 ? (double)card->cache : 0;
    const double near = bytes <= room / 2 ? bytes : l->footprint <= room ? l->again : 0;
    double seconds = (bytes - near) / card->bytes, working = fmin(cut->groups, card->processors);
    if (near > 0)
        seconds += near / card->cache_bytes;
    if (card->latency > 0 && items > 0)
        seconds = fmax(seconds, bytes * card->latency / (items * working * cut->load));
    return seconds;
}

/* Seconds of what waits for what is before it, as often as the groups come in turns; beside them
 * runs the one that has the longest chain. */
static double chain_of(const struct card *card, const struct launch *l, const struct cut *cut)
{
    double turns = 1;
    if (card->processors && card->items && cut->groups > 0)
        turns = ceil(cut->groups / (card->processors * held(card, cut)));
    return fmax(turns * l->chain, l->longest) * ALU_CYCLES * card->cycle + l->meets * card->meet;
}

struct estimate roofline_launch(const struct card *card, const struct launch *l)
{
    const struct cut cut = cut_of(l);
    const double items = at_work(card, &cut);
    struct estimate e = {.busy = busy_of(card, cut.groups),
                         .start = card->start * (cut.sums > 0 ? 2 : 1)};
    e.occupancy = items > 0 ? items / card->items : 0;
    e.arithmetic = arithmetic_of(card, l, &cut, items, e.busy);
    e.memory = memory_of(card, l, &cut, items);
    e.local = card->local_bytes > 0 ? cut.local / (card->local_bytes * e.busy) : 0;
    e.cache = card->cache_bytes > 0 ? cut.cache / card->cache_bytes : 0;
    e.chain = chain_of(card, l, &cut);
    const double beside = l->beside / (vector_rate(card, &cut, items) * e.busy);
    const double all[] = {[BOUND_VECTOR] = cut.matrix ? beside : e.arithmetic,
                          [BOUND_MATRIX] = cut.matrix ? e.arithmetic : 0,
                          [BOUND_MEMORY] = e.memory,
                          [BOUND_CACHE] = e.cache,
                          [BOUND_LOCAL] = e.local,
                          [BOUND_CHAIN] = e.chain,
                          [BOUND_START] = e.start};
    double longest = 0;
    for (int i = 0; i <= BOUND_START; i++)
        if (all[i] > all[e.bound])
            e.bound = (enum roofline_bound)i;
    for (int i = 0; i < BOUND_START; i++)
        longest = fmax(longest, all[i]);
    e.seconds = e.start + longest;
    return e;
}

const char *roofline_bound_name(enum roofline_bound bound)
{
    static const char *const name[] = {
        [BOUND_VECTOR] = "vector", [BOUND_MATRIX] = "matrix", [BOUND_MEMORY] = "memory",
        [BOUND_CACHE] = "cache",   [BOUND_LOCAL] = "local",   [BOUND_CHAIN] = "chain",
        [BOUND_START] = "start"};
    return name[bound];
}
