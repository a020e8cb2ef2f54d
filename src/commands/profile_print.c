/* SPDX-License-Identifier: MIT */
/* What --profile prints. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "roofline/ceilings.h"
#include "roofline/roofline.h"

struct line {
    char name[48]; /* kernel, or product with its shape */
    double seconds, flops, bytes, floor, runs;
};

static int slower_first(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

/* The least seconds that a launch can take, without its start. */
static double floor_of(const struct launch *l, const struct card *card)
{
    const struct estimate x = roofline_launch(card, l);
    return x.seconds - x.start;
}

/* The line of a name; a new one where there is none. */
static struct line *line_of(struct line *lines, size_t *count, const char *name)
{
    size_t at = 0;
    while (at < *count && strcmp(lines[at].name, name))
        at++;
    if (at == *count)
        snprintf(lines[(*count)++].name, sizeof lines->name, "%s", name);
    return &lines[at];
}

/* `times`: how many launches stand for each that was measured. */
static void collect(struct line *lines, size_t *count, const struct plan *p,
                    const struct card *card, double times)
{
    for (size_t i = 0; p && i < p->launch_count; i++) {
        const struct launch *l = p->launches[i];
        char name[sizeof lines->name] = "gemm ";
        if (l->is_gemm)
            launch_shape(l, name + 5, sizeof name - 5);
        else
            snprintf(name, sizeof name, "%s", l->name);
        struct line *line = line_of(lines, count, name);
        double runs = times * (double)l->runs;
        line->seconds += times * l->seconds;
        line->runs += runs;
        line->flops += l->flops * runs;
        line->bytes += l->bytes * runs;
        line->floor += floor_of(l, card) * runs;
    }
}

/* What k-means and t-SNE launched. */
static void collect_spent(struct line *lines, size_t *count, const struct device *dev,
                          const struct card *card)
{
    size_t spent;
    const struct device_spent *s = device_spent(dev, &spent);
    for (size_t i = 0; i < spent; i++) {
        struct line *line = line_of(lines, count, s[i].kernel);
        line->seconds += s[i].seconds;
        line->runs += (double)s[i].runs;
        line->flops += s[i].flops;
        line->bytes += s[i].bytes;
        line->floor += fmax(s[i].flops / card->flops, s[i].bytes / card->bytes);
    }
}

/*
 * Gaps = 1 - launches / step. `wait` is taken off each watched launch: between launches that nobody
 * waits for there is no such time, but for the gaps. Where launches overlap, or run faster behind
 * each other than alone, they take longer than their step, and gaps are not to be seen.
 */
static void print_step(const struct engine *e, const struct card *card, double wait, FILE *out)
{
    const struct profile *p = &e->profiled;
    double launches = 0, floor = 0;
    if (!p->steps_watched || !p->steps_alone) {
        fprintf(out, "  three steps at least are needed to tell gaps between launches\n");
        return;
    }
    const struct plan *plans[] = {e->train, shards_plan(e->shards)};
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; plans[k] && i < plans[k]->launch_count; i++) {
            const struct launch *l = plans[k]->launches[i];
            launches += fmax(0, l->seconds - wait * (double)l->runs);
            floor += floor_of(l, card) * (double)l->runs;
        }
    }
    double step = 1e3 * p->seconds / (double)p->steps_alone, watched = (double)p->steps_watched;
    launches *= 1e3 / watched;
    floor *= 1e3 / watched;
    fprintf(out,
            "  a step takes %.3f ms by itself, its launches %.3f ms, at the floor %.3f ms: ", step,
            launches, floor);
    if (launches < step)
        fprintf(out, "gaps %.1f%%\n", 100 * (1 - launches / step));
    else
        fprintf(out, "no gaps to be seen\n");
}

/* The share of what is made again for the backward pass in the launches of a step. */
static void print_remade(const struct plan *p, double wait, FILE *out)
{
    double seconds[2] = {0}, flops[2] = {0};
    for (size_t i = 0; i < p->launch_count; i++) {
        const struct launch *l = p->launches[i];
        seconds[l->is_again != 0] += fmax(0, l->seconds - wait * (double)l->runs);
        flops[l->is_again != 0] += l->flops * (double)l->runs;
    }
    if (seconds[1] > 0)
        fprintf(out,
                "  made again for the backward pass (train.recompute): %.1f%% of the time of a "
                "step's launches, %.1f%% of its operations\n",
                100 * seconds[1] / (seconds[0] + seconds[1]),
                100 * flops[1] / (flops[0] + flops[1]));
}

/* What the start cost, program by program. */
static int print_programs(const struct engine *e, FILE *out, struct error *err)
{
    unsigned count = device_programs(e->dev), built = 0;
    struct program_times *p = calloc(count + 1, sizeof *p), all = {0};
    if (!p)
        return error_set(err, STATUS_FAILED, "out of memory");
    count = device_program_times(e->dev, p, count);
    for (unsigned i = 0; i < count; i++) {
        built += !p[i].loaded;
        all.built += p[i].built;
        all.launched += p[i].launched;
    }
    fprintf(out,
            "Programs (%u built, %u from the cache: %.1f ms; the first launches of their kernels, "
            "which may compile them: %.1f ms)\n  %10s %10s  %s\n",
            built, count - built, all.built * 1e3, all.launched * 1e3, "ms", "launch ms",
            "program");
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "  %10.1f %10.1f  %s %s\n", p[i].built * 1e3, p[i].launched * 1e3, p[i].file,
                p[i].options);
    free(p);
    return 0;
}

int profile_print(struct engine *e, FILE *out, struct error *err)
{
    struct ceilings c;
    struct card card;
    if (ceilings_measure(e->dev, e->gemm, &c, err))
        return -1;
    const double wait = c.wait;
    card_measured(&card, device_info(e->dev), &c);
    size_t spent, count = 0;
    device_spent(e->dev, &spent);
    const struct plan *shards = shards_plan(e->shards);
    size_t most = (e->train ? e->train->launch_count : 0) + e->eval->launch_count + spent +
                  (shards ? shards->launch_count : 0);
    struct line *lines = calloc(most + 1, sizeof *lines), all = {0};
    if (!lines)
        return error_set(err, STATUS_FAILED, "out of memory");
    const struct profile *p = &e->profiled;
    const double steps = p->steps_watched ? (double)p->steps / (double)p->steps_watched : 1;
    collect(lines, &count, e->train, &card, steps);
    collect(lines, &count, shards, &card, steps);
    collect(lines, &count, e->eval, &card, 1);
    collect_spent(lines, &count, e->dev, &card);
    qsort(lines, count, sizeof *lines, slower_first);
    for (size_t i = 0; i < count; i++) {
        all.seconds += lines[i].seconds;
        all.floor += lines[i].floor;
    }
    fprintf(out,
            "Profile (launches waited for one by one, which adds %.0f us to each;\n"
            "ceilings measured now: %.1f GF/s, %.1f GB/s, %.1f GB/s in the cache)\n"
            "  %-23s %8s %9s %6s %8s %6s %6s %5s\n",
            wait * 1e6, c.flops / 1e9, c.bytes / 1e9, c.near_bytes / 1e9, "kernel", "launches",
            "ms", "share", "us each", "GF/s", "GB/s", "floor");
    for (size_t i = 0; i < count; i++) {
        const struct line *l = &lines[i];
        if (!(l->runs > 0))
            continue;
        fprintf(out, "  %-23s %8.0f %9.1f %5.1f%% %8.1f %6.1f %6.1f %4.0f%%\n", l->name, l->runs,
                l->seconds * 1e3, 100 * l->seconds / all.seconds, l->seconds * 1e6 / l->runs,
                l->flops / l->seconds / 1e9, l->bytes / l->seconds / 1e9,
                100 * l->floor / l->seconds);
    }
    if (all.seconds > 0)
        fprintf(out, "  all %.1f ms, at the floor %.1f ms (%.0f%%)\n", all.seconds * 1e3,
                all.floor * 1e3, 100 * all.floor / all.seconds);
    print_step(e, &card, wait, out);
    if (e->train)
        print_remade(e->train, wait, out);
    free(lines);
    return print_programs(e, out, err);
}
