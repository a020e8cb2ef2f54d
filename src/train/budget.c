/* SPDX-License-Identifier: MIT */
#include "train/budget.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "train/planned.h"

/* What is asked for: a configuration, or one like it, on this device. */
struct asked {
    const struct config *config;
    const struct dataset *data;
    const struct engine_options *options;
    struct device *dev;
};

/* What is asked for, where train.recompute = auto makes all again that is cheap, and so many
 * layers. */
static struct engine_options all_remade(const struct engine_options *options, size_t layers)
{
    struct engine_options all = *options;
    all.remakes = (struct remakes){SIZE_MAX, layers};
    return all;
}

/* What another configuration takes of the first device, where buffers may have any size if they are
 * `boundless`; -1 where it cannot be planned, 1 where another device has too little memory. */
static int needed(const struct asked *a, const struct config *c, int boundless, uint64_t *bytes,
                  struct planned_memory *memory)
{
    struct error ignored;
    struct device *twin = device_twin(a->dev, boundless, &ignored);
    struct engine *e = twin ? planned_open(c, a->data, a->options, twin, &ignored) : NULL;
    int result = e ? 0 : -1;
    if (e) {
        const size_t over = planned_over(e);
        result = over > 0 && over < device_count(twin);
        *bytes = planned_bytes(e, 0);
        *memory = planned_memory(e);
    }
    planned_close(e);
    device_close(twin);
    return result;
}

static int fits(const struct asked *a, const struct config *c)
{
    struct planned_memory memory;
    uint64_t bytes;
    return !needed(a, c, 0, &bytes, &memory) && bytes <= device_room(a->dev);
}

/* --- batches */

/* Candidates: the divisors of a step of `group` windows up to some size that `shards` divides;
 * without a group all whole numbers up to it. */
struct batches {
    size_t group, *divisor, count;
};

static int batches_of(struct batches *b, size_t group, size_t most, size_t shards)
{
    *b = (struct batches){.group = group, .count = group ? 0 : most};
    if (!group)
        return 0;
    if (!(b->divisor = malloc(most * sizeof *b->divisor)))
        return -1;
    for (size_t n = 1; n <= most; n++)
        if (group % n == 0 && n % shards == 0)
            b->divisor[b->count++] = n;
    return 0;
}

/* Makes `c` one with candidate `at`, counted from 1. */
static void set_batch(const struct asked *a, const struct batches *b, size_t at, struct config *c)
{
    const struct terms terms = model_terms(c);
    const size_t n = b->group ? b->divisor[at - 1] : at;
    if (!b->group && !terms_fix_batch(&terms)) {
        c->train.evaluate_batch = (long)n;
        return;
    }
    c->train.batch = (long)n;
    if (!b->group)
        return;
    c->train.accumulate = (long)(b->group / n);
    if (a->config->train.evaluate_batch > (long)n)
        c->train.evaluate_batch = -1;
}

/* Whether any candidate fits into `c`, which then gets the largest one, found by halving, since a
 * smaller batch takes no more. */
static int largest_fit(const struct asked *a, const struct batches *b, struct config *c)
{
    size_t found = 0, above = b->count + 1;
    for (size_t at = b->count; found + 1 < above; at = found + (above - found) / 2) {
        set_batch(a, b, at, c);
        if (fits(a, c))
            found = at;
        else
            above = at;
    }
    if (found)
        set_batch(a, b, found, c);
    return found > 0;
}

void budget_settle(struct config *config)
{
    const long step = config->train.effective_batch;
    if (config->train.batch > 0 && config->train.accumulate < 0)
        config->train.accumulate = step / config->train.batch;
    else if (config->train.batch < 0 && config->train.accumulate > 0)
        config->train.batch = step / config->train.accumulate;
}

int budget_batch(struct config *config, const struct dataset *data,
                 const struct engine_options *options, struct log *log, struct error *err)
{
    const struct config given = *config;
    struct engine_options all = all_remade(options, 0);
    const struct asked a = {&given, data, &all, options->session->dev};
    const size_t step = (size_t)config->train.effective_batch;
    const size_t shards = (size_t)config->train.shards;
    const size_t windows = (data->count[PART_TRAIN] + shards - 1) / shards * shards;
    const size_t most = step < windows || !options->training ? step : windows;
    struct batches batches;
    budget_settle(config);
    if (config->train.batch > 0)
        return 0;
    if (batches_of(&batches, step, most ? most : shards, shards))
        return error_set(err, STATUS_FAILED, "out of memory");
    /* a smaller micro-batch makes the same step and costs less than a layer that is made again */
    int fitted = largest_fit(&a, &batches, config);
    all.remakes.layers = SIZE_MAX;
    if (!fitted && !largest_fit(&a, &batches, config))
        set_batch(&a, &batches, 1, config);
    const size_t batch = (size_t)config->train.batch;
    const char *bound = batch < batches.divisor[batches.count - 1]
                            ? "the next larger divisor does not fit"
                        : batch < step ? "no more than the training windows"
                                       : "all at once";
    free(batches.divisor);
    log_say(log, "train.batch = auto is %zu, accumulate = %ld: %s", batch, config->train.accumulate,
            bound);
    return 0;
}

/* The first `n` of nodes that are cheap to make again, and of layers behind these. */
static struct remakes first_of(size_t n, size_t nodes)
{
    return n > nodes ? (struct remakes){nodes, n - nodes} : (struct remakes){n, 0};
}

struct remakes budget_remakes(const struct config *config, const struct dataset *data,
                              const struct engine_options *options, struct device *dev)
{
    struct engine_options with = *options;
    const struct asked a = {config, data, &with, dev};
    struct error ignored;
    size_t nodes = 0, found = 0, below = 0;
    with.remakes = first_of(0, 0);
    if (!options->training || config->train.recompute != RECOMPUTE_AUTO || fits(&a, config))
        return with.remakes;
    struct device *twin = device_twin(dev, 1, &ignored);
    struct engine *e = twin ? planned_open(config, data, &with, twin, &ignored) : NULL;
    if (e) {
        nodes = e->train->can_remake;
        found = nodes + e->train->can_replay; /* they do, or nothing does */
    }
    planned_close(e);
    device_close(twin);
    while (found > below + 1) {
        const size_t n = below + (found - below) / 2;
        with.remakes = first_of(n, nodes);
        if (fits(&a, config))
            found = n;
        else
            below = n;
    }
    return first_of(found, nodes);
}

int budget_kept(const struct engine *e, const struct engine_options *options, uint64_t *bytes)
{
    const struct asked a = {e->config, e->data, options, e->dev};
    struct planned_memory memory;
    struct config kept = *e->config;
    kept.train.recompute = RECOMPUTE_NO;
    if (needed(&a, &kept, 0, bytes, &memory) < 0 && needed(&a, &kept, 1, bytes, &memory) < 0)
        return -1;
    *bytes = memory.activations;
    return 0;
}

int budget_smaller(struct config *config)
{
    const long step = config->train.batch * config->train.accumulate;
    long n = config->train.batch - 1;
    while (n > 0 && (step % n || n % config->train.shards))
        n--;
    if (n < 1)
        return -1;
    config->train.batch = n;
    config->train.accumulate = step / n;
    if (config->train.evaluate_batch > n)
        config->train.evaluate_batch = -1;
    return 0;
}

/* --- refusal */

int budget_over(uint64_t bytes, const struct device *dev, struct error *err)
{
    error_set(err, STATUS_USAGE,
              "the plan needs %llu bytes of %llu that device.memory_fraction allows",
              (unsigned long long)bytes, (unsigned long long)device_budget(dev));
    return error_cause(err, CAUSE_BUDGET);
}

static void tell_arena(const char *name, uint64_t bytes, struct error *err)
{
    if (bytes)
        error_add(err, "%-12s %12.2f MiB", name, (double)bytes / 0x1p20);
}

static void tell_arenas(const struct asked *a, uint64_t bytes, const struct planned_memory *m,
                        struct error *err)
{
    tell_arena("parameters", m->parameters, err);
    tell_arena("gradients", m->gradients, err);
    tell_arena("optimizer", m->optimizer, err);
    tell_arena("activations", m->activations, err);
    tell_arena("data", m->data, err);
    tell_arena("captions", m->captions, err);
    tell_arena("other", m->other, err);
    tell_arena("other runs", device_bytes(a->dev), err);
    error_add(err, "%-12s %12.2f MiB of %.2f MiB", "all", (double)bytes / 0x1p20,
              (double)device_room(a->dev) / 0x1p20);
}

/* One way to fit: the keys that differ, and what comes of it. */
static void tell_way(const struct asked *a, const struct config *c, const char *effect,
                     struct error *err)
{
    const struct config *old = a->config;
    char keys[256] = "";
    size_t used = 0;
#define TELL(differs, ...) \
    if (differs)           \
        used += (size_t)snprintf(keys + used, sizeof keys - used, __VA_ARGS__);
    TELL(c->train.batch != old->train.batch, " -s train.batch=%ld", c->train.batch)
    TELL(c->train.accumulate != old->train.accumulate, " -s train.accumulate=%ld",
         c->train.accumulate)
    TELL(c->train.evaluate_batch < 0 && old->train.evaluate_batch > 0,
         " -s train.evaluate_batch=auto")
    TELL(c->train.evaluate_batch > 0 && c->train.evaluate_batch != old->train.evaluate_batch,
         " -s train.evaluate_batch=%ld", c->train.evaluate_batch)
    TELL(c->train.recompute != old->train.recompute, " -s train.recompute=%s",
         config_choice("train", "recompute", c->train.recompute))
    TELL(c->data.feed != old->data.feed, " -s data.feed=stream")
    TELL(c->train.precision != old->train.precision, " -s train.precision=bf16")
    TELL(c->device.memory_fraction > old->device.memory_fraction, " -s device.memory_fraction=%.4g",
         c->device.memory_fraction)
#undef TELL
    error_add(err, "fits:%s (%s)", keys, effect);
}

/* What smaller micro-batches make of a step. */
static const char *batch_effect(const struct asked *a, char text[128])
{
    char what[64];
    if (!a->options->training)
        return "the same results";
    if (!model_by_batch(a->config, what))
        return "makes the same step";
    snprintf(text, 128, "%s then sees smaller micro-batches", what);
    return text;
}

/* Whether to make more again than is asked for helps: `c` becomes one that makes what is cheap
 * again or, where that does not do, whole layers. The batches are those that it may take; NULL: its
 * own. */
static int remade_fit(const struct asked *a, const struct batches *b, struct config *c)
{
    static const int more[] = {RECOMPUTE_YES, RECOMPUTE_LAYERS};
    const int old = c->train.recompute;
    for (size_t i = old == RECOMPUTE_YES; i < 2; i++) {
        if (!a->options->training || old == RECOMPUTE_LAYERS || old == RECOMPUTE_AUTO)
            return 0;
        c->train.recompute = more[i];
        if (b ? largest_fit(a, b, c) : fits(a, c))
            return 1;
    }
    return 0;
}

static const char *remade_effect(const struct config *c)
{
    return c->train.recompute == RECOMPUTE_LAYERS
               ? "makes the same step, most of its forward pass twice"
               : "makes the same step";
}

/* Ways that leave the micro-batch as it is. */
static size_t tell_others(const struct asked *a, struct error *err)
{
    const struct config *old = a->config;
    size_t told = 0;
    struct config c = *old;
    if (remade_fit(a, NULL, &c))
        tell_way(a, &c, remade_effect(&c), err), told++;
    c = *old;
    c.data.feed = FEED_STREAM;
    if (old->data.feed != FEED_STREAM && fits(a, &c))
        tell_way(a, &c, "makes the same step", err), told++;
    c = *old;
    c.train.precision = PRECISION_BF16;
    if (a->options->training && !a->options->resumes && old->train.precision == PRECISION_FP32 &&
        old->device.gemm == GEMM_AUTO && fits(a, &c))
        tell_way(a, &c, "activations in bfloat16", err), told++;
    return told;
}

/* A larger share of the memory, where there is so much. */
static void tell_fraction(const struct asked *a, uint64_t bytes, struct error *err)
{
    struct config c = *a->config;
    const double memory = (double)device_budget(a->dev) / c.device.memory_fraction;
    const double fraction = fmax(ceil((double)(bytes + 1) / memory * 1e4) / 1e4, 0.01);
    if (fraction > 1 || device_room(a->dev) < device_budget(a->dev))
        return;
    c.device.memory_fraction = fraction;
    tell_way(a, &c, "where nothing else needs that memory", err);
}

/* A smaller micro-batch, with recomputation as well where nothing else does. */
static void tell_batches(const struct asked *a, struct error *err)
{
    const struct config *old = a->config;
    const struct terms terms = model_terms(old);
    const int trains = a->options->training, by_batch = trains || terms_fix_batch(&terms);
    const long most =
        by_batch || old->train.evaluate_batch < 1 ? old->train.batch : old->train.evaluate_batch;
    struct batches batches;
    struct config c = *old;
    char effect[128];
    if (batches_of(&batches, trains ? (size_t)most * (size_t)old->train.accumulate : 0,
                   (size_t)most, (size_t)old->train.shards))
        return;
    const int fitted = largest_fit(a, &batches, &c), may = !a->options->resumes;
    if (fitted && may)
        tell_way(a, &c, batch_effect(a, effect), err);
    const size_t others = tell_others(a, err);
    c = *old;
    if (may && !fitted && !others && remade_fit(a, &batches, &c))
        tell_way(a, &c, batch_effect(a, effect), err);
    free(batches.divisor);
    if (!fitted)
        error_add(err,
                  "not even %s = %ld fits; a smaller model or a larger device.memory_fraction may",
                  by_batch ? "batch" : "evaluate_batch", by_batch ? old->train.shards : 1);
}

int budget_advise(const struct config *config, const struct dataset *data,
                  const struct engine_options *options, struct device *dev, struct error *err)
{
    const struct engine_options all = all_remade(options, SIZE_MAX);
    const struct asked a = {config, data, &all, dev};
    struct planned_memory memory;
    uint64_t bytes;
    const int planned = needed(&a, config, 0, &bytes, &memory);
    if (planned >= 0 || needed(&a, config, 1, &bytes, &memory) >= 0)
        tell_arenas(&a, bytes, &memory, err);
    tell_batches(&a, err);
    if (!planned)
        tell_fraction(&a, bytes, err);
    return -1;
}
