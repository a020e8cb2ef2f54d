/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "data/captioned.h"
#include "lower/split.h"
#include "roofline/ceilings.h"
#include "run/features.h"
#include "run/kept.h"
#include "run/prepare.h"
#include "run/sight.h"
#include "sweep/sweep.h"
#include "task/task.h"
#include "text/tokenizer.h"
#include "train/advice.h"
#include "train/budget.h"
#include "train/plan_text.h"
#include "train/planned.h"
#include "train/schedule.h"
#include "train/teacher.h"
#include "util/philox.h"

static void print_layers(const struct params *params)
{
    printf("%-46s %-20s %12s\n", "parameter", "shape", "numbers");
    for (size_t i = 0; i < params->count; i++) {
        const struct tensor *t = &params->list[i]->value;
        char shape[64] = "";
        for (int r = 0; r < t->rank; r++) {
            size_t used = strlen(shape);
            snprintf(shape + used, sizeof shape - used, "%s%zu", r ? " x " : "", t->dim[r]);
        }
        printf("%-46s %-20s %12zu\n", t->name, shape, t->elems);
    }
    printf("%-46s %-20s %12zu\n", "total", "", params_count(params));
    const size_t frozen = params_count_of(params, PARAM_FROZEN);
    if (!frozen)
        return;
    char bytes[64];
    snprintf(bytes, sizeof bytes, "%.2f MiB", (double)(params->frozen + params->hosted) / 0x1p20);
    printf("%-46s %-20s %12zu\n", "trained", "", params_count_of(params, PARAM_TRAINED));
    printf("%-46s %-20s %12zu\n", "frozen", bytes, frozen);
    const struct params_packed packed = params_packed(params);
    if (!packed.elems)
        return;
    char what[64];
    snprintf(what, sizeof what, "  quantised, %.3f bits a weight",
             8 * (double)packed.bytes / (double)packed.elems);
    snprintf(bytes, sizeof bytes, "%.2f MiB", (double)packed.bytes / 0x1p20);
    printf("%-46s %-20s %12zu\n", what, bytes, packed.elems);
}

/* What device.offload brings to the device in a step; PCIe 3.0 x16 carries about 12 GB/s. */
static void print_offload(const struct engine *e)
{
    const struct config *c = e->config;
    double bytes = 0;
    for (size_t i = 0; i < e->train->launch_count; i++)
        bytes += e->train->launches[i]->sent ? e->train->launches[i]->bytes : 0;
    bytes *= (double)(c->train.accumulate * c->train.shards);
    if (e->params->hosted)
        printf("host memory: %.2f MiB of frozen matrices; a step brings %.2f MiB to the device, "
               "%.3f s at 12 GB/s\n",
               (double)e->params->hosted / 0x1p20, bytes / 0x1p20, bytes / 12e9);
}

static void print_memory(const struct engine *e)
{
    const struct planned_memory b = planned_memory(e);
    const struct device_info *info = device_info(e->dev);
    const double mib = 0x1p20;
    const uint64_t all = e->others + e->bytes;
    printf("device memory: parameters %.2f MiB, gradients %.2f, optimizer %.2f, activations %.2f, "
           "data %.2f, ",
           (double)b.parameters / mib, (double)b.gradients / mib, (double)b.optimizer / mib,
           (double)b.activations / mib, (double)b.data / mib);
    if (b.teacher)
        printf("teacher %.2f, ", (double)b.teacher / mib);
    if (b.captions)
        printf("captions %.2f, ", (double)b.captions / mib);
    printf("other %.2f\n", (double)b.other / mib);
    if (e->feed->stage)
        puts("               the windows of each batch are brought to the device");
    if (info->is_planned && !info->global_bytes)
        printf(
            "               %.2f MiB; device.memory = auto and no device, so there is no limit\n",
            (double)all / mib);
    else
        printf("               %.2f MiB of %.2f MiB that device.memory_fraction allows\n",
               (double)all / mib, (double)device_budget(e->dev) / mib);
}

static void print_device(const struct engine *e)
{
    const struct device_info *info = device_info(e->dev);
    printf("device: %s%s%s (%s), matrices by %s\n", info->part, *info->part ? ", part of " : "",
           info->name, info->platform, gemm_provider_name(e->dev, e->gemm));
    if (!info->is_planned)
        return;
    printf("        no device was used; its limits are taken to be %.0f KiB of local memory, "
           "work-groups of %zu",
           (double)info->local_bytes / 1024, info->max_group);
    if (info->global_bytes)
        printf(", buffers of %.2f MiB (a quarter of device.memory)",
               (double)info->max_alloc_bytes / 0x1p20);
    const char *uncounted = gemm_provider_uncounted(e->gemm);
    if (uncounted)
        printf("; %s is not counted", uncounted);
    putchar('\n');
}

/* What is made again for the backward pass, what that costs of a step's operations, and saves. */
static void print_remade(const struct engine *e, double flops)
{
    const struct config *c = e->config;
    const struct plan *p = e->train;
    const double remade = p->remade_flops * (double)(c->train.accumulate * c->train.shards);
    uint64_t kept;
    if (!p->remade && !p->replayed) {
        if (c->train.recompute == RECOMPUTE_AUTO)
            puts("made again for the backward pass: nothing, all of it fits");
        return;
    }
    printf("made again for the backward pass: %zu of %zu operations that can be", p->remade,
           p->can_remake);
    if (p->replayed)
        printf(" and %zu of %zu layers", p->replayed, p->can_replay);
    printf(", %.3f GFLOP a step, %.2f%% of it\n", remade / 1e9, 100 * remade / flops);
    if (!budget_kept(e, &(struct engine_options){.training = 1}, &kept))
        printf("        activations take %.2f MiB so, not %.2f MiB\n",
               (double)planned_memory(e).activations / 0x1p20, (double)kept / 0x1p20);
}

static void print_step(const struct engine *e)
{
    const struct config *c = e->config;
    const struct dataset *d = e->data;
    struct schedule s = schedule_make(c, d->count[PART_TRAIN]);
    double flops = 0;
    for (size_t i = 0; i < e->train->launch_count; i++)
        flops += e->train->launches[i]->flops *
                 (i < e->micro ? (double)(c->train.accumulate * c->train.shards) : 1);
    printf("windows: %zu training, %zu validation, %zu test; ", d->count[PART_TRAIN],
           d->count[PART_VALIDATION], d->count[PART_TEST]);
    if (d->token)
        printf("%zu tokens, of %zu different ones\n", d->rows, tokenizer_count(d->tokenizer));
    else
        printf("%zu rows of %zu features\n", d->rows, d->features);
    advice_print(c, &s, stdout);
    printf("steps: %ld an epoch, %ld in all, %ld of warm-up; %ld x %ld windows each\n", s.per_epoch,
           s.total, s.warmup, c->train.accumulate, c->train.batch);
    printf("a step: %zu launches a micro-batch, %zu for the update, %.3f GFLOP; %u programs\n",
           e->micro * (size_t)c->train.shards, e->train->launch_count - e->micro, flops / 1e9,
           device_programs(e->dev));
    print_remade(e, flops);
    char what[64];
    const char *by_batch = model_by_batch(c, what);
    if ((c->train.accumulate > 1 || c->train.shards > 1) && by_batch)
        printf("%s is that of each %s of %ld windows\n", by_batch,
               c->train.shards > 1 ? "shard" : "micro-batch", c->train.batch / c->train.shards);
}

/* --- gradients against central differences */

struct probe {
    struct engine *e;
    struct step step;
};

/* Loss of the micro-batch with the parameters as they are. */
static int loss_of(struct probe *p, double *loss, struct error *err)
{
    struct metrics m = {0};
    if (engine_write_metrics(p->e, &m, err) || engine_micro(p->e, &p->step, err) ||
        engine_read_metrics(p->e, &m, err))
        return -1;
    *loss = ((double)m.loss[0] + (double)m.loss[1]) / p->step.count;
    return 0;
}

static int loss_at(struct probe *p, size_t index, const float *w, const double *v, double h,
                   double *loss, struct error *err)
{
    size_t n = p->e->params->list[index]->value.elems;
    float *moved = malloc(n * sizeof *moved);
    if (!moved)
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < n; i++)
        moved[i] = (float)(w[i] + h * v[i]);
    int failed = params_write(p->e->params, index, p->e->params->values, moved, err) ||
                 loss_of(p, loss, err);
    free(moved);
    return failed ? -1 : 0;
}

/*
 * Along v = gradient / |gradient| + a random unit vector, the derivative is gradient . v; held
 * against (L(w + h v) - L(w - h v)) / 2h. Of several h the one whose difference is nearest is told:
 * a large h errs by curvature, a small one by the digits of fp32.
 */
static int check_one(struct probe *p, size_t index, double *error, double *norm, struct error *err)
{
    const struct tensor *t = &p->e->params->list[index]->value;
    size_t n = t->elems;
    float *w = malloc(n * sizeof *w), *g = malloc(n * sizeof *g);
    double *v = malloc(n * sizeof *v), size = 0, random = 0, slope = 0;
    int failed = 0;
    if (!w || !g || !v)
        failed = error_set(err, STATUS_FAILED, "out of memory");
    if (!failed)
        failed = params_read(p->e->params, index, p->e->params->values, w, err) ||
                 params_read(p->e->params, index, p->e->params->grads, g, err);
    for (size_t i = 0; !failed && i < n; i++) {
        uint32_t r[4];
        philox(r, (uint32_t)i, 0, philox_path(t->name), 1, 7);
        v[i] = philox_normal(r[0], r[1]);
        random += v[i] * v[i];
        size += (double)g[i] * g[i];
    }
    *norm = sqrt(size);
    for (size_t i = 0; !failed && i < n; i++) {
        v[i] = v[i] / sqrt(random) + (*norm > 0 ? g[i] / *norm : 0);
        slope += v[i] * g[i];
    }
    *error = INFINITY;
    for (double h = 0.1; !failed && h > 1e-5; h /= 3) {
        double up, down;
        failed = loss_at(p, index, w, v, h, &up, err) || loss_at(p, index, w, v, -h, &down, err);
        if (!failed)
            *error = fmin(*error, fabs((up - down) / (2 * h) - slope));
    }
    if (!failed)
        failed = params_write(p->e->params, index, p->e->params->values, w, err);
    free(w);
    free(g);
    free(v);
    return failed ? -1 : 0;
}

static int check_gradients(struct engine *e, struct error *err)
{
    const struct dataset *data = e->data;
    size_t n = data->count[PART_TRAIN], batch = (size_t)e->config->train.batch;
    n = n < batch ? n : batch;
    struct probe p = {.e = e,
                      .step = {.count = (uint32_t)n,
                               .group = (uint32_t)n,
                               .epoch = 1,
                               .number = 1,
                               .seed = {(uint32_t)e->config->run.seed, 0}}};
    double loss, total = 0;
    if (params_init(e->params, (uint64_t)e->config->run.seed, err) ||
        engine_order(e, data->start[PART_TRAIN], n, err) || arena_zero(e->params->grads, err) ||
        loss_of(&p, &loss, err))
        return -1;
    /* forward and backward of each probe add to the gradients: keep those of the first */
    size_t bytes = arena_bytes(e->params->grads);
    float *first = malloc(bytes);
    if (!first || arena_read(e->params->grads, 0, bytes, first, err)) {
        free(first);
        return first ? -1 : error_set(err, STATUS_FAILED, "out of memory");
    }
    for (size_t i = 0; i < bytes / 4; i++)
        total += (double)first[i] * first[i];
    total = sqrt(total);
    printf("loss %.9g, gradient norm %.6g over %zu windows\n", loss, total, n);
    printf("%-52s %12s %12s\n", "gradient", "norm", "error");
    size_t wrong = 0, checked = 0;
    int failed = 0;
    for (size_t i = 0; !failed && i < e->params->count; i++) {
        double error = INFINITY, norm = 0;
        if (e->params->list[i]->group != PARAM_TRAINED)
            continue;
        checked++;
        failed = arena_write(e->params->grads, 0, bytes, first, err) ||
                 check_one(&p, i, &error, &norm, err);
        int bad = !(error <= 0.02 * norm || error <= 1e-3 * total);
        wrong += (size_t)bad;
        if (!failed)
            printf("%-52s %12.4g %12.4g%s\n", e->params->list[i]->value.name, norm, error,
                   bad ? "  WRONG" : "");
    }
    free(first);
    if (failed)
        return -1;
    printf("%zu of %zu gradients agree with central differences\n", checked - wrong, checked);
    return wrong ? error_set(err, STATUS_DEVICE, "%zu gradients are wrong on %s", wrong,
                             device_info(e->dev)->name)
                 : 0;
}

/* What each epoch pays without a cache. */
static void print_unkept(const struct engine *e, const struct sight_shape *shape, double flops)
{
    const size_t *windows = e->data->count;
    const double seen = (double)(windows[PART_TRAIN] + windows[PART_VALIDATION]);
    printf("there is no cache\n          each epoch computes those of its batches, %.3f TFLOP; "
           "the encoder takes %.2f MiB of the device beside the model\n",
           flops * seen / 1e12, (double)shape->bytes / 0x1p20);
}

/* What the cache of features takes, and what each epoch saves by it. */
static int print_features(const struct engine *e, struct error *err)
{
    const struct config *c = e->config;
    const size_t clips = e->data->captioned->captions.clips;
    struct encoded_shape shape;
    if (features_shape(c, &shape, err))
        return -1;
    struct sight *sight = sight_open(c, 0, err);
    if (!sight || sight_start(sight, e->session, 1, err)) {
        sight_close(sight);
        return -1;
    }
    const double flops = sight_shape(sight)->flops * (double)c->data.frames;
    printf("features: %zu clips of %zu frame%s, each %zu x %zu numbers; ", clips,
           (size_t)c->data.frames, c->data.frames == 1 ? "" : "s", shape.frames * shape.rows,
           shape.width);
    if (features_are_kept(c))
        printf("the cache takes %.2f GB of disk\n          computing them takes %.3f TFLOP, once; "
               "without the cache it would be in each epoch\n",
               (double)encoded_bytes(&shape, clips) / 1e9, flops * (double)clips / 1e12);
    else
        print_unkept(e, sight_shape(sight), flops);
    sight_close(sight);
    return 0;
}

/* --- several devices */

/* How many layers lie on a device. */
static size_t layers_on(const struct plan *p, size_t device)
{
    size_t count = 0;
    for (size_t n = 1; n <= p->graph->layers; n++)
        count += split_device(p->graph, n) == device;
    return count;
}

/* Where the layers of a model lie (model.split), and what a step copies from one to another. */
static void print_split(const struct engine *e)
{
    const struct config *c = e->config;
    const size_t devices = device_count(e->dev);
    double moved = 0, copies = 0;
    for (size_t i = 0; i < e->train->launch_count; i++)
        if (e->train->launches[i]->moves) {
            moved += e->train->launches[i]->bytes;
            copies++;
        }
    moved *= (double)(c->train.accumulate * c->train.shards);
    copies *= (double)(c->train.accumulate * c->train.shards);
    for (size_t d = 0; d < devices; d++) {
        struct device *dev = device_at(e->dev, d);
        const struct planned_part part = planned_part(e, d);
        printf("device %s: %zu of %zu layers, frozen %.2f MiB, activations %.2f; all %.2f MiB",
               c->device.select.item[d], layers_on(e->train, d), e->train->graph->layers,
               (double)part.frozen / 0x1p20, (double)part.activations / 0x1p20,
               (double)(device_bytes(dev) + planned_captions(e, d)) / 0x1p20);
        if (!device_info(dev)->is_planned || device_info(dev)->global_bytes)
            printf(" of %.2f", (double)device_budget(dev) / 0x1p20);
        putchar('\n');
    }
    printf("        a step copies %.2f MiB between devices in %.0f copies that wait, %.3f s at 12 "
           "GB/s to the host and from it\n",
           moved / 0x1p20, copies, 2 * moved / 12e9);
}

/* Which part of each micro-batch each of them has. */
static void print_shards(const struct config *c)
{
    const struct list *devices = &c->device.select;
    const size_t shards = (size_t)c->train.shards, n = devices->count;
    printf("devices: %zu train together, ", n);
    for (size_t i = 0; i < n; i++) /* shard s is that of device s n / shards, rounded down */
        printf("%s%zu of %zu shards on %s", i ? ", " : "",
               ((i + 1) * shards + n - 1) / n - (i * shards + n - 1) / n, shards, devices->item[i]);
    putchar('\n');
}

/* The plan on another device, which is the first's. */
static int check_like(struct config *config, const struct dataset *data, const char *plan,
                      struct log *log, struct error *err)
{
    struct engine_options with = prepare_engine(log, 1, 0);
    with.own.only_plans = config->device.tuning != TUNING_MEASURE;
    struct engine *e = prepare_open(config, data, with, log, err);
    char *own = e ? plan_text(e) : NULL;
    log_progress(log, "", 0, 0);
    int failed = own ? 0 : -1;
    if (e && !own)
        error_set(err, STATUS_FAILED, "out of memory");
    if (own) {
        print_device(e);
        print_memory(e);
        print_offload(e);
        if (strcmp(own, plan) != 0)
            failed = error_set(err, STATUS_USAGE,
                               "its launches are others than those of the first device: devices "
                               "that train together are of one kind");
    }
    free(own);
    engine_close(e);
    return failed ? error_name_device(err, config_device(config)) : 0;
}

/* All devices but the first, whose engine is `e`. */
static int check_others(const struct engine *e, struct config *config, struct log *log,
                        struct error *err)
{
    struct list *devices = &config->device.select;
    char *first = devices->item[0], *plan = plan_text(e);
    int failed = plan ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    if (!failed)
        print_shards(config);
    for (size_t i = 1; !failed && i < devices->count; i++) {
        devices->item[0] = devices->item[i];
        failed = check_like(config, e->data, plan, log, err);
    }
    devices->item[0] = first;
    free(plan);
    return failed;
}

/* --- time on a card */

/* Whether --roofline asks for this device, whose ceilings are measured. */
static int roofline_is_measured(const struct options *options)
{
    return options->roofline && !strcmp(options->roofline, "measured");
}

/* The card of --roofline. */
static int find_card(const struct options *options, const struct config *config, struct card *card,
                     struct error *err)
{
    struct ceilings c;
    if (!options->roofline)
        return 0;
    if (!roofline_is_measured(options))
        return card_find(options->roofline, card, err);
    if (command_needs_device(options, config, err))
        return error_prefix(err, "--roofline measured");
    struct session *session = session_open(config, &(struct session_options){.units = 0}, err);
    if (!session)
        return -1;
    const int failed =
        ceilings_measure(session->dev, planned_products(config, session->dev), &c, err);
    card_measured(card, device_info(session->dev), &c);
    session_close(session);
    return failed;
}

/* The data, with what is not fitted anew from `kept` (data.fitted_by). */
static struct dataset *load_data(const struct config *config, struct checkpoint *kept,
                                 struct log *log, struct error *err)
{
    if (kept_read(kept, config, err))
        return NULL;
    return dataset_load(config, kept->config ? &kept->fitted : NULL, log, err);
}

/* Checks one configuration. */
static int check_config(const struct options *options, struct config *config, struct error *err)
{
    if (options->gradients && command_needs_device(options, config, err))
        return error_prefix(err, "--gradients");
    struct card card = {.processors = 0};
    if (command_deals_shards(config, err) || find_card(options, config, &card, err))
        return -1;
    if (options->gradients) { /* differences of losses need the digits, and no steps */
        config->train.precision = PRECISION_FP32;
        config->train.quantize_aware = AWARE_NONE;
    }
    struct log *log = log_new(options->verbosity);
    if (!log)
        return error_set(err, STATUS_FAILED, "out of memory");
    struct monitor monitor;
    int readable = !task_check(config, err) &&
                   !monitor_find(&monitor, config, task_measures(config), err) &&
                   !prepare_features(config, log, err);
    struct checkpoint kept = {0};
    struct dataset *data = readable ? load_data(config, &kept, log, err) : NULL;
    if (data)
        prepare_batch(config, data->count[PART_TRAIN], log);
    struct engine_options with = prepare_engine(log, 1, options->profile);
    /* a plan takes none of the device's memory, but to measure products is to make them */
    with.own.only_plans = !options->gradients && config->device.tuning != TUNING_MEASURE;
    with.own.units = card.processors;
    with.own.walks = card.is_nvidia;
    with.own.matrix = card.matrix;
    if (card.matrix)
        with.own.matrix_rate = (unsigned)(card.matrix_flops / card.flops + 0.5);
    struct engine *e = data && !task_expect(config, data, log, err)
                           ? prepare_open(config, data, with, log, err)
                           : NULL;
    int result = -1;
    log_progress(log, "", 0, 0);
    if (e) {
        result = 0;
        printf("%s: valid\n", options->config);
        print_device(e);
        print_layers(e->params);
        print_memory(e);
        print_offload(e);
        print_step(e);
        advice_step(config, data->count[PART_TRAIN], log);
        advice_warn(config, data, log);
        monitor_warn(&monitor, config, log);
        if (with.own.only_plans && data->captioned && *config->encoder.base)
            result = print_features(e, err);
        if (!result && options->roofline)
            result = roofline_print(e, &card, options->plan, err);
        else if (options->plan)
            plan_print(e, options->verbosity == LOG_VERBOSE, stdout);
        if (options->gradients)
            result = teacher_load(e, err) || check_gradients(e, err) ? -1 : 0;
        if (config_splits(config))
            print_split(e);
        else if (!result && config->device.select.count > 1)
            result = check_others(e, config, log, err);
        device_save_programs(e->dev);
    }
    engine_close(e);
    dataset_free(data);
    checkpoint_fini(&kept);
    struct error late;
    log_close(log, &late);
    return result;
}

/* How many runs of a sweep are known before it has begun. */
static size_t runs_known(const struct sweep *s)
{
    size_t random = (size_t)s->base->sweep.tpe_startup_trials;
    if (s->base->sweep.sampler != SAMPLER_TPE || random >= s->runs)
        return s->runs;
    return random ? random : 1;
}

/* Checks runs of a sweep: all of them, each whatever became of those before, or the first. */
static int check_runs(const struct options *options, struct error *err)
{
    struct sweep *s = sweep_open(options->config, options->settings, options->setting_count, err);
    size_t wrong = 0, count = s && options->all ? runs_known(s) : 1;
    struct error first = {0}, one = {0};
    for (size_t i = 1; s && i <= count; i++) {
        struct sweep_run run;
        if (sweep_run(s, i, NULL, &run, &one)) {
            sweep_free(s);
            *err = one;
            return -1;
        }
        printf("%srun %zu of %zu: %s\n", i > 1 ? "\n" : "", i, s->runs, run.label);
        if (check_config(options, run.config, &one)) {
            error_prefix(&one, "run %zu (%s)", i, run.label);
            if (count > 1)
                printf("%s\n", one.text);
            if (!wrong++)
                first = one;
        }
        sweep_run_fini(&run);
    }
    if (s && options->all && count < s->runs)
        printf("\nThe values of %zu more runs are chosen as the sweep goes (sampler = tpe).\n",
               s->runs - count);
    sweep_free(s);
    if (!s || !wrong)
        return s ? 0 : -1;
    *err = first;
    return count > 1 ? error_prefix(err, "%zu of %zu runs are not valid; the first", wrong, count)
                     : -1;
}

/* Checks the file of these options. */
static int check_file(const struct options *options, struct error *err)
{
    struct config_varied varied;
    struct config *config =
        prepare_config(options->config, options->settings, options->setting_count, err);
    if (!config)
        return -1;
    const int varies = !config_varied(config, 0, &varied);
    if (options->all && !varies)
        error_set(err, STATUS_USAGE, "--all: nothing varies in %s: it has no [sweep]",
                  options->config);
    int result = varies || options->all ? -1 : check_config(options, config, err);
    config_free(config);
    return varies ? check_runs(options, err) : result;
}

/* With a card that is named, no device is asked: kernels are cut as for a GPU. */
static int check_on_card(const struct options *options, struct error *err)
{
    struct card card;
    if (card_find(options->roofline, &card, err))
        return -1;
    if (!card.processors) /* rates alone: of the device that there is */
        return check_file(options, err);
    char **settings = calloc(options->setting_count + 1, sizeof *settings),
         none[] = "device.select=none";
    if (!settings)
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < options->setting_count; i++)
        settings[i] = options->settings[i];
    settings[options->setting_count] = none;
    struct options with = *options;
    with.settings = settings;
    with.setting_count++;
    const int result = check_file(&with, err);
    free(settings);
    return result;
}

int command_check(const struct options *options, struct error *err)
{
    if (!options->config)
        return error_set(err, STATUS_USAGE, "check needs -c FILE");
    return options->roofline && !roofline_is_measured(options) ? check_on_card(options, err)
                                                               : check_file(options, err);
}
