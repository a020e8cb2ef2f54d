/* SPDX-License-Identifier: MIT */
#include "train/engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exec/exec.h"
#include "lower/lower.h"

/* FNV-1a (Fowler, Noll, Vo) by words instead of bytes. */
static uint64_t hash_words(uint64_t hash, const void *words, size_t count)
{
    const unsigned char *at = words;
    for (size_t i = 0; i < count; i++, at += 4) {
        uint32_t word;
        memcpy(&word, at, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static uint64_t hash_data(const struct dataset *data)
{
    uint64_t hash =
        hash_words(UINT64_C(0xcbf29ce484222325), data->series, data->rows * data->features);
    for (int part = 0; part < PARTS; part++) {
        const uint64_t count = data->count[part];
        hash = hash_words(hash, &count, 2);
        hash = hash_words(hash, data->start[part], data->count[part]);
    }
    if (data->targets)
        hash = hash_words(hash, data->target, data->rows * data->targets);
    if (data->weight)
        hash = hash_words(hash, data->weight, data->rows);
    return hash;
}

/* Evaluation goes along the rows in windows of data.eval_window, each of which begins with the
 * state that the one before ended with. */
static int carries(const struct engine *e)
{
    return e->data->eval_window && model_of(e->config)->carries && !e->config->model.bidirectional;
}

static size_t evaluate_batch(const struct engine *e, size_t batch)
{
    const struct config *c = e->config;
    const struct terms terms = model_terms(c);
    size_t most = dataset_samples(e->data);
    if (carries(e))
        return 1;
    if (terms_fix_batch(&terms))
        return batch;
    if (c->train.evaluate_batch > 0)
        batch = (size_t)c->train.evaluate_batch;
    else if (e->data->eval_window > e->data->window) /* as many rows, not as many windows */
        batch = 1 + (batch - 1) * e->data->window / e->data->eval_window;
    return batch < most ? batch : most;
}

/* Extents of a graph over windows of so many rows. */
static struct model_shape shape_of(const struct dataset *data, const struct config *c,
                                   size_t window)
{
    return (struct model_shape){
        .window = window,
        .features = data->features,
        .targets = data->targets,
        .target_rows = c->data.target_rows == TARGET_WINDOW ? window : data->target_rows,
        .target_first = data->target_first,
        .target_feature = data->target_feature,
        .base = data->scaler.base,
    };
}

/* What the names of parameters begin with, each once, as far as there is room: "encoder, head". */
static void list_names(const struct params *p, char *text, size_t size)
{
    size_t used = 0, last = 0;
    *text = 0;
    for (size_t i = 0; i < p->count; i++) {
        const char *name = p->list[i]->value.name, *before = p->list[last]->value.name;
        const size_t n = strcspn(name, ".");
        if (i && n == strcspn(before, ".") && !strncmp(name, before, n))
            continue;
        if (used + n + 8 > size) {
            strcat(text, " ...");
            return;
        }
        used += (size_t)snprintf(text + used, size - used, "%s%.*s", i ? ", " : "", (int)n, name);
        last = i;
    }
}

/* That each pattern of model.freeze fits a parameter and something is left to train. */
static int check_frozen(const struct params *p, struct error *err)
{
    char names[256];
    const char *fits_none = params_unfrozen(p);
    if (fits_none) {
        list_names(p, names, sizeof names);
        return error_set(err, STATUS_USAGE,
                         "[model] freeze: '%s' fits no parameter of the model; their names are %s, "
                         "or begin with these and a point",
                         fits_none, names);
    }
    return p->elems ? 0
                    : error_set(err, STATUS_USAGE,
                                "[model] freeze: no parameter of the model is left to be trained");
}

/* Gives the parameters, once known, their places and memory. */
static int allocate(struct engine *e, int training, struct error *err)
{
    struct params *p = e->params, *judged = e->judged == p ? NULL : e->judged;
    const size_t align = device_info(e->dev)->base_align;
    params_place(p, align);
    if (training && check_frozen(p, err))
        return -1;
    const uint64_t left = device_budget(e->dev) - device_bytes(e->dev);
    const uint64_t bytes = p->elems * (training ? 8 : 4) + p->running * 4 + p->frozen +
                           (training ? optim_bytes(&e->optim, p) : 0);
    if (bytes > left)
        return error_set(err, STATUS_USAGE,
                         "the model's %zu parameters take %llu bytes of %llu, whatever the "
                         "batch: a smaller one or a larger device.memory_fraction fits",
                         params_count(p), (unsigned long long)bytes, (unsigned long long)left);
    if (judged)
        params_place(judged, align);
    return params_allocate(p, e->dev, training, err) ||
                   (training && optim_allocate(&e->optim, p, e->dev, err)) ||
                   (judged && params_allocate(judged, e->dev, 0, err))
               ? -1
               : 0;
}

/* Extents of the batches of training, or of an evaluation. */
static struct stage_shape batches_of(const struct engine *e, int evaluating, size_t batch)
{
    const struct dataset *data = e->data;
    const size_t window = evaluating && data->eval_window ? data->eval_window : data->window;
    const struct model_shape shape = shape_of(data, e->config, window);
    return (struct stage_shape){batch, window, shape.target_first, shape.target_rows};
}

/* Whether the series may lie on the device: in half of the memory that is left for buffers, and
 * each in one buffer. */
static int can_reside(const struct engine *e)
{
    const struct dataset *data = e->data;
    const size_t widest = data->features > data->targets ? data->features : data->targets;
    return feed_resident_bytes(data) <= (device_budget(e->dev) - device_bytes(e->dev)) / 2 &&
           data->rows * widest * sizeof(float) <= device_info(e->dev)->max_alloc_bytes;
}

static int make_feed(struct engine *e, struct error *err)
{
    const size_t batch = (size_t)e->config->train.batch;
    const struct stage_shape shapes[] = {batches_of(e, 0, batch),
                                         batches_of(e, 1, evaluate_batch(e, batch))};
    const int resides = can_reside(e), feed = e->config->data.feed;
    const int streams = feed == FEED_STREAM || (feed == FEED_AUTO && !resides);
    e->data_hash = hash_data(e->data);
    e->feed = feed_open(e->dev, e->data, streams, shapes, 2, err);
    if (e->feed)
        return 0;
    if (!streams && !resides) {
        const struct error cause = *err;
        error_set(err, STATUS_USAGE, "%s; data.feed = stream brings the windows of each batch",
                  cause.text);
    }
    return -1;
}

/* The launches of a graph of the model; NULL with an error. */
static struct plan *plan_of(struct engine *e, struct params *params, size_t batch,
                            const struct model_shape *shape, int training, struct model_io *io,
                            struct error *err)
{
    struct graph *g = model_graph(params, e->config, batch, shape, training, &e->feed->buffers, io);
    if (!g) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    io->input->keep |= !training;
    return lower_graph(g, e->dev, err);
}

/* Both graphs, planned; the parameters get their memory with the first. */
static int make_plans(struct engine *e, const struct engine_options *options, size_t batch,
                      size_t eval_batch, struct error *err)
{
    const struct config *c = e->config;
    const struct model_shape shape = shape_of(e->data, c, e->data->window);
    struct model_shape eval_shape =
        shape_of(e->data, c, e->data->eval_window ? e->data->eval_window : e->data->window);
    eval_shape.carries = carries(e);
    plan_free(e->train);
    plan_free(e->eval);
    e->train = e->eval = NULL;
    e->eval_batch = eval_batch;
    if (options->training) {
        e->train = plan_of(e, e->params, batch, &shape, 1, &e->io, err);
        if (!e->train)
            return -1;
        e->micro = e->train->launch_count;
        e->train->scattered = options->scattered;
    }
    if (options->training && c->train.ema > 0 && e->judged == e->params &&
        !(e->judged = params_twin(e->params))) {
        e->judged = e->params;
        return error_set(err, STATUS_FAILED, "out of memory");
    }
    e->eval = plan_of(e, e->judged, eval_batch, &eval_shape, 0, &e->eval_io, err);
    if (!e->eval)
        return -1;
    e->eval->scattered = options->scattered;
    if (!e->params->values && allocate(e, options->training, err))
        return -1;
    if (e->train) {
        optim_append(&e->optim, e->train, e->io.metrics, e->judged == e->params ? NULL : e->judged);
        if (plan_place(e->train, err) || plan_check(e->train, err))
            return -1;
    }
    return plan_place(e->eval, err) || plan_check(e->eval, err) ? -1 : 0;
}

/* Device bytes with the planned graphs. */
static uint64_t bytes_needed(const struct engine *e)
{
    return device_bytes(e->dev) + (e->train ? exec_bytes(e->train, NULL) : 0) +
           exec_bytes(e->eval, e->train);
}

/* Whether the batch fits where what is cheap to make again is not kept. */
static int recompute_fits(struct engine *e, const struct engine_options *options)
{
    struct error ignored;
    const struct config *c = e->config;
    struct config changed = *c;
    changed.train.recompute = 1;
    e->config = &changed;
    int fits = options->training && !c->train.recompute &&
               !make_plans(e, options, (size_t)c->train.batch, e->eval_batch, &ignored) &&
               bytes_needed(e) <= device_budget(e->dev);
    e->config = c;
    return fits;
}

/* The batch of evaluation beside a batch of `n`, where memory is short. */
static size_t small_eval(const struct engine *e, size_t n)
{
    size_t eval = evaluate_batch(e, n);
    return eval < n ? eval : n;
}

static int batch_fits(struct engine *e, const struct engine_options *options, size_t n)
{
    struct error ignored;
    return !make_plans(e, options, n, small_eval(e, n), &ignored) &&
           bytes_needed(e) <= device_budget(e->dev);
}

/* The largest batch up to `most` that fits and divides the group, found by halving: a smaller batch
 * takes no more. 0: none does. */
static size_t largest_fit(struct engine *e, const struct engine_options *options, size_t most,
                          size_t samples)
{
    size_t fits = 0;
    for (size_t above = most + 1; above - fits > 1;) {
        size_t n = fits + (above - fits) / 2;
        if (batch_fits(e, options, n))
            fits = n;
        else
            above = n;
    }
    while (fits && (samples % fits || !batch_fits(e, options, fits)))
        fits--;
    return fits;
}

/* Over budget: tells what would fit. */
static int refuse_plan(struct engine *e, const struct engine_options *options, struct error *err)
{
    const struct config *c = e->config;
    const uint64_t needed = bytes_needed(e), budget = device_budget(e->dev);
    const struct terms terms = model_terms(c);
    const struct term *by_batch = terms_by_batch(&terms);
    char step[96] = " and makes the same step";
    size_t batch = e->train ? (size_t)c->train.batch : e->eval_batch;
    size_t samples = batch * (size_t)(e->train ? c->train.accumulate : 1);
    const char *recompute = recompute_fits(e, options) ? "; so does recompute = yes" : "";
    size_t n = largest_fit(e, options, batch, samples), eval = n ? small_eval(e, n) : 0;
    if (by_batch)
        snprintf(step, sizeof step, "; the %s term is then of smaller micro-batches",
                 by_batch->name);
    if (n) {
        const char *also = c->train.evaluate_batch > (long)eval ? ", evaluate_batch = auto" : "";
        if (!options->training)
            return error_set(err, STATUS_USAGE,
                             "the plan needs %llu bytes of %llu: [train] %s = %zu fits",
                             (unsigned long long)needed, (unsigned long long)budget,
                             terms_fix_batch(&terms) ? "batch" : "evaluate_batch", n);
        return error_set(err, STATUS_USAGE,
                         "the plan needs %llu bytes of %llu: [train] batch = %zu, accumulate = "
                         "%zu%s fits%s%s",
                         (unsigned long long)needed, (unsigned long long)budget, n, samples / n,
                         also, step, recompute);
    }
    return error_set(err, STATUS_USAGE,
                     "the plan needs %llu bytes of %llu: not even batch = 1 fits; see "
                     "device.memory_fraction%s",
                     (unsigned long long)needed, (unsigned long long)budget,
                     *recompute ? "; with recompute = yes the plan fits" : "");
}

static int make_graphs(struct engine *e, const struct engine_options *options, struct error *err)
{
    size_t batch = (size_t)e->config->train.batch;
    if (make_plans(e, options, batch, evaluate_batch(e, batch), err))
        return -1;
    if (bytes_needed(e) > device_budget(e->dev))
        return refuse_plan(e, options, err);
    if (e->train && exec_prepare(e->train, NULL, e->gemm, err))
        return -1;
    if (exec_prepare(e->eval, e->train, e->gemm, err))
        return -1;
    /* where products were measured, they have left something in the gradients */
    return e->train ? arena_zero(e->params->grads, err) : 0;
}

struct engine *engine_open(const struct config *config, const struct dataset *data,
                           const struct engine_options *options, struct error *err)
{
    struct engine *e = calloc(1, sizeof *e);
    if (!e || !(e->params = params_new(config->train.decay_all))) {
        free(e);
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    if (options->training)
        params_freeze(e->params, config->model.freeze.item, config->model.freeze.count);
    e->judged = e->params;
    e->config = config;
    optim_init(&e->optim, config);
    e->data = data;
    e->owns_session = !options->session;
    e->session = options->session ? options->session : session_open(config, &options->own, err);
    if (e->session) {
        e->dev = e->session->dev;
        e->profiled.on = e->session->profile;
        const int rounds = config->train.precision == PRECISION_BF16 ? GEMM_BF16 : GEMM_FP16;
        const int who = config->train.precision == PRECISION_FP32 ? config->device.gemm : rounds;
        e->gemm = gemm_provider_find(config_choice("device", "gemm", who));
        if (config->device.tuning == TUNING_TABLE || device_info(e->dev)->is_planned)
            e->gemm = gemm_provider_for(e->dev, e->gemm);
        const uint64_t before = device_bytes(e->dev);
        if (!make_feed(e, err) && !make_graphs(e, options, err)) {
            e->bytes = device_bytes(e->dev) - before;
            return e;
        }
    }
    engine_close(e);
    return NULL;
}

void engine_close(struct engine *e)
{
    struct error ignored;
    if (!e)
        return;
    if (e->dev) /* what still runs reads what is freed here */
        device_finish(e->dev, &ignored);
    plan_free(e->eval);
    plan_free(e->train);
    optim_fini(&e->optim);
    if (e->judged != e->params)
        params_free(e->judged);
    params_free(e->params);
    feed_close(e->feed);
    if (e->owns_session)
        session_close(e->session);
    free(e);
}

static int order(struct engine *e, const struct stage_shape *shape, const uint32_t *start,
                 size_t count, struct error *err)
{
    if (profile_turn(&e->profiled, TURN_NONE, e->dev, err))
        return -1;
    return feed_order(e->feed, shape, start, count, err);
}

int engine_order(struct engine *e, const uint32_t *start, size_t count, struct error *err)
{
    const struct stage_shape shape = batches_of(e, 0, (size_t)e->config->train.batch);
    return order(e, &shape, start, count, err);
}

static int run(struct engine *e, struct plan *p, size_t from, size_t to, struct error *err)
{
    int watched = e->profiled.on && (p == e->eval || e->profiled.turn == TURN_WATCHED);
    return watched ? exec_run_profiled(p, from, to, err) : exec_run(p, from, to, err);
}

static int send_step(struct engine *e, struct plan *p, const struct step *step, struct error *err)
{
    if (device_pace(e->dev, e->feed->stage ? 1 : ENGINE_DEPTH, err) ||
        feed_next(e->feed, step->first, step->count, err))
        return -1;
    atomic_fetch_add(&e->batches, 1);
    struct step *slot = &e->ring[e->ring_next++ % (2 * ENGINE_DEPTH)];
    *slot = *step;
    return buffer_send(p->step->buffer, 0, sizeof *slot, slot, err);
}

int engine_micro(struct engine *e, const struct step *step, struct error *err)
{
    return profile_step(&e->profiled, e->dev, err) || send_step(e, e->train, step, err) ||
                   run(e, e->train, 0, e->micro, err)
               ? -1
               : 0;
}

int engine_update(struct engine *e, struct error *err)
{
    profile_step_done(&e->profiled);
    return run(e, e->train, e->micro, e->train->launch_count, err);
}

int engine_read_metrics(struct engine *e, struct metrics *metrics, struct error *err)
{
    return profile_turn(&e->profiled, TURN_NONE, e->dev, err) ||
                   tensor_read(e->io.metrics, metrics, err)
               ? -1
               : 0;
}

int engine_write_metrics(struct engine *e, const struct metrics *metrics, struct error *err)
{
    return tensor_write(e->io.metrics, metrics, err);
}

/* Output and input are [B T, F] or [B, T, F]: count samples, not rows. */
static int read_samples(const struct tensor *t, size_t batch, size_t from, size_t count, float *to,
                        struct error *err)
{
    if (!to)
        return 0;
    size_t elems = t->elems / batch;
    return buffer_read(t->buffer, 0, count * elems * sizeof *to, to + from * elems, err);
}

/* BCE takes logits; what a user sees is a probability. */
static void sigmoid(float *y, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] = (float)(1 / (1 + exp(-(double)y[i])));
}

int engine_evaluate(struct engine *e, const uint32_t *start, size_t count,
                    const struct outputs *outputs, struct evaluation *result, struct error *err)
{
    static const struct outputs nothing;
    const struct outputs *out = outputs ? outputs : &nothing;
    struct plan *p = e->eval;
    const struct terms *terms = &e->eval_io.terms;
    size_t batch = e->eval_batch;
    *result = (struct evaluation){0};
    if (!count)
        return 0;
    float *room = malloc(batch * sizeof *room);
    if (!room)
        return error_set(err, STATUS_FAILED, "out of memory");
    const struct stage_shape shape = batches_of(e, 1, batch);
    int failed =
        order(e, &shape, start, count, err) || evaluation_begin(terms, result, err) ? -1 : 0;
    int logits = e->eval_io.target && e->config->loss.target == LOSS_BCE;
    for (size_t first = 0; !failed && first < count; first += batch) {
        size_t n = count - first < batch ? count - first : batch;
        const struct step step = {.first = (uint32_t)first,
                                  .count = (uint32_t)n,
                                  .group = (uint32_t)n,
                                  .seed = {(uint32_t)e->config->run.seed, 0}};
        size_t at = out->each ? 0 : first;
        int fresh =
            p->carries && (!first || !dataset_goes_on(e->data, start[first - 1], start[first]));
        failed =
            -((fresh && exec_forget(p, err)) || send_step(e, p, &step, err) ||
              run(e, p, 0, p->launch_count, err) ||
              evaluation_add(terms, n, out->value ? out->value + at : NULL, room, result, err) ||
              read_samples(e->eval_io.latent, batch, at, n, out->latent, err) ||
              read_samples(e->eval_io.output, batch, at, n, out->output, err) ||
              read_samples(e->eval_io.input, batch, at, n, out->input, err));
        if (!failed && logits && out->output)
            sigmoid(out->output + at * (e->eval_io.output->elems / batch),
                    n * (e->eval_io.output->elems / batch));
        if (!failed && out->each)
            failed = out->each(out->ctx, out, first, n);
    }
    free(room);
    feed_end(e->feed);
    if (failed)
        return failed < 0 ? -1 : 1;
    return evaluation_end(terms, count, result, err);
}

size_t engine_batch(const struct engine *e)
{
    return e->eval_batch;
}

struct engine_bytes engine_memory(const struct engine *e)
{
    uint64_t params = e->params->elems * 4;
    struct engine_bytes bytes = {.parameters = params + e->params->running * 4 + e->params->frozen,
                                 .gradients = e->train ? params : 0,
                                 .optimizer = e->train ? optim_bytes(&e->optim, e->params) : 0,
                                 .data = buffer_size(e->feed->buffers.series) +
                                         buffer_size(e->feed->buffers.order)};
    const struct plan *plans[] = {e->train, e->eval};
    for (int i = 0; i < 2; i++)
        for (size_t s = 0; plans[i] && plans[i]->owns_segments && s < plans[i]->segments; s++)
            bytes.activations += plans[i]->segment_bytes[s];
    bytes.other = e->bytes - bytes.parameters - bytes.gradients - bytes.optimizer - bytes.data -
                  bytes.activations;
    return bytes;
}
