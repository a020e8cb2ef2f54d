/* SPDX-License-Identifier: MIT */
/* What check --roofline prints. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "roofline/roofline.h"

/* Launches of one kernel. */
struct sum {
    const char *name;
    double launches, seconds, start, flops, bytes, bound[BOUND_START + 1];
};

static int slower_first(const void *a, const void *b)
{
    const struct sum *x = a, *y = b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

/* How often a step has a launch. */
static double times_of(const struct engine *e, size_t number)
{
    const struct config *c = e->config;
    return number < e->micro ? (double)(c->train.accumulate * c->train.shards) : 1;
}

static struct sum *sum_of(struct sum *sums, size_t *count, const char *name)
{
    size_t at = 0;
    while (at < *count && strcmp(sums[at].name, name) != 0)
        at++;
    if (at == *count)
        sums[(*count)++] = (struct sum){.name = name};
    return &sums[at];
}

static void add(struct sum *to, const struct launch *l, const struct estimate *x, double times)
{
    to->launches += times;
    to->seconds += times * x->seconds;
    to->start += times * x->start;
    to->flops += times * l->flops;
    to->bytes += times * l->bytes;
    to->bound[x->bound] += times * x->seconds;
}

static enum roofline_bound most_of(const struct sum *s)
{
    enum roofline_bound most = BOUND_VECTOR;
    for (int i = 0; i <= BOUND_START; i++)
        if (s->bound[i] > s->bound[most])
            most = (enum roofline_bound)i;
    return most;
}

static void print_launch(size_t number, const struct launch *l, const struct estimate *x)
{
    char shape[64];
    launch_shape(l, shape, sizeof shape);
    printf("  %4zu %-20s %-24s %9.2f %9.2f %9.2f %5.0f%% %5.0f%%  %s\n", number, l->name, shape,
           x->seconds * 1e6, x->arithmetic * 1e6, x->memory * 1e6, 100 * x->occupancy,
           100 * x->busy, roofline_bound_name(x->bound));
}

static void print_launches(const struct engine *e, const struct card *card)
{
    printf("  %4s %-20s %-24s %9s %9s %9s %6s %6s  %s\n", "#", "kernel", "shape", "us",
           "arithmetic", "memory", "held", "busy", "bound");
    for (size_t i = 0; i < e->train->launch_count; i++) {
        const struct estimate x = roofline_launch(card, e->train->launches[i]);
        print_launch(i, e->train->launches[i], &x);
    }
}

static void print_sums(struct sum *sums, size_t count, double seconds)
{
    qsort(sums, count, sizeof *sums, slower_first);
    printf("  %-23s %8s %9s %6s %9s %8s  %s\n", "kernel", "launches", "ms", "share", "TF/s", "GB/s",
           "most for");
    for (size_t i = 0; i < count; i++) {
        const struct sum *s = &sums[i];
        printf("  %-23s %8.0f %9.4f %5.1f%% %9.3f %8.1f  %s\n", s->name, s->launches,
               s->seconds * 1e3, 100 * s->seconds / seconds, s->flops / s->seconds / 1e12,
               s->bytes / s->seconds / 1e9, roofline_bound_name(most_of(s)));
    }
}

/* The step: as long as its launches, or as the host takes to enqueue them. */
static void print_total(const struct engine *e, const struct card *card, const struct sum *all)
{
    const struct config *c = e->config;
    const double host = all->launches * card->enqueue, step = fmax(all->seconds, host);
    const double samples = (double)(c->train.batch * c->train.accumulate);
    printf("  a step: %.4f ms, of which %.4f ms start %.0f launches", step * 1e3, all->start * 1e3,
           all->launches);
    if (host > all->seconds)
        printf("; the device waits for the host, which enqueues them (%.4f ms by itself)",
               all->seconds * 1e3);
    printf("\n  %.1f samples/s, %.3f TFLOP/s", samples / step, all->flops / step / 1e12);
    if (card->matrix_flops > 0)
        printf(", %.1f%% of %.1f by vector units or of %.1f by matrix units\n",
               100 * all->flops / step / card->flops, card->flops / 1e12,
               card->matrix_flops / 1e12);
    else
        printf(", %.1f%% of %.3f\n", 100 * all->flops / step / card->flops, card->flops / 1e12);
}

int roofline_print(const struct engine *e, const struct card *card, int launches, struct error *err)
{
    const struct plan *p = e->train;
    size_t count = 0;
    struct sum *sums = calloc(p->launch_count + 1, sizeof *sums), all = {0};
    if (!sums)
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < p->launch_count; i++) {
        const struct launch *l = p->launches[i];
        const struct estimate x = roofline_launch(card, l);
        add(sum_of(sums, &count, l->name), l, &x, times_of(e, i));
        add(&all, l, &x, times_of(e, i));
    }
    printf("roofline of a training step on %s (a model, not a measurement; seqtrain-check(1) has "
           "its assumptions)\n",
           card->name);
    if (launches)
        print_launches(e, card);
    print_sums(sums, count, all.seconds);
    print_total(e, card, &all);
    free(sums);
    return 0;
}
