/* SPDX-License-Identifier: MIT */
#include "train/planned.h"

#include <stdlib.h>
#include <string.h>

#include "data/augment.h"
#include "exec/exec.h"
#include "lower/lower.h"
#include "lower/split.h"
#include "text/tokenizer.h"
#include "train/schedule.h"
#include "train/teacher.h"

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

struct model_shape planned_shape(const struct dataset *data, const struct config *c, size_t window)
{
    const struct augmentation *a = data->augment;
    struct model_shape shape = {
        .window = window,
        .features = data->features,
        .vocabulary = data->tokenizer ? model_vocabulary(c, tokenizer_count(data->tokenizer)) : 0,
        .targets = data->targets,
        .target_rows = c->data.target_rows == TARGET_WINDOW ? window : data->target_rows,
        .target_first = data->target_first,
        .target_feature = data->target_feature,
        .base = data->scaler.base,
        .prefix = model_prefix(c),
    };
    model_clip(c, &shape.clip_rows, &shape.clip_columns);
    if (!a)
        return shape;
    shape.augment = (struct augment){.noise = a->noise,
                                     .spikes = a->spikes,
                                     .spike = a->spike,
                                     .step = a->step,
                                     .slope = a->slope,
                                     .flip = a->flip,
                                     .warp = a->warp,
                                     .crop = a->crop,
                                     .keeps_end = a->keeps_end};
    shape.augment_feature = a->feature;
    shape.augment_target = a->target;
    return shape;
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

/* The part of a path behind its last point: "linear1". */
static const char *last_part(const char *path, size_t length, size_t *n)
{
    const char *at = path + length;
    while (at > path && at[-1] != '.')
        at--;
    *n = (size_t)(path + length - at);
    return at;
}

/* What the paths of linear layers end in, each once, as far as there is room. */
static void list_layers(const struct params *p, char *text, size_t size)
{
    size_t used = 0, n, other;
    *text = 0;
    for (size_t i = 0; i < p->count; i++) {
        const char *name = p->list[i]->value.name, *part = last_part(name, adapter_path(name), &n);
        int is_new = p->list[i]->is_linear;
        for (size_t k = 0; k < i && is_new; k++) {
            const char *before = p->list[k]->value.name;
            before = last_part(before, adapter_path(before), &other);
            is_new = !p->list[k]->is_linear || n != other || memcmp(part, before, n) != 0;
        }
        if (!is_new)
            continue;
        if (used + n + 8 > size) {
            strcat(text, " ...");
            return;
        }
        used +=
            (size_t)snprintf(text + used, size - used, "%s%.*s", used ? ", " : "", (int)n, part);
    }
}

/* That each target of the adapter fits a layer. */
static int check_adapted(const struct params *p, struct error *err)
{
    char names[256];
    const char *fits_none = params_unadapted(p);
    if (!fits_none)
        return 0;
    list_layers(p, names, sizeof names);
    return error_set(err, STATUS_USAGE,
                     *names ? "[adapter] target: '%s' fits no linear layer of the model; their "
                              "paths end in %s"
                            : "[adapter] target: '%s' fits no linear layer: the model has none%s",
                     fits_none, names);
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
    if (!p->elems)
        return error_set(err, STATUS_USAGE,
                         "[model] freeze: no parameter of the model is left to be trained");
    if (p->offloads && !p->hosted)
        return error_set(err, STATUS_USAGE,
                         "[device] offload: no matrix of a linear layer is frozen; what trains "
                         "stays on the device: name it in model.freeze, or train an [adapter]");
    return p->packs == DTYPE_F32 || params_packed(p).elems
               ? 0
               : error_set(
                     err, STATUS_USAGE,
                     "[model] quantize: no matrix of a linear layer is frozen; what trains is "
                     "not quantised: name it in model.freeze, or train an [adapter]");
}

/* That a model that is split has what can lie elsewhere. */
static int check_split(const struct engine *e, int training, struct error *err)
{
    const size_t devices = device_count(e->dev);
    if (devices > 1 && training && !e->params->frozen && !e->params->hosted)
        return error_set(err, STATUS_USAGE,
                         "[model] split: nothing of the model is frozen; what trains stays on the "
                         "first device: train an [adapter], or name what is frozen in "
                         "model.freeze");
    if (devices > 1 && !e->eval->graph->layers)
        return error_set(err, STATUS_USAGE,
                         "[model] split: a model of type %s has no layers that can lie on other "
                         "devices",
                         model_of(e->config)->name);
    return 0;
}

/* Bytes of a teacher's parameters. */
static uint64_t taught_bytes(const struct engine *e)
{
    return e->taught ? params_frozen_on(e->taught, 0) + 4 * (uint64_t)e->taught->running : 0;
}

/* Gives the parameters, once known, their places and memory. */
static int allocate(struct engine *e, int training, struct error *err)
{
    struct params *p = e->params, *judged = e->judged == p ? NULL : e->judged;
    const size_t align = params_align(e->dev);
    params_place(p, align);
    if (check_adapted(p, err) || (training && check_frozen(p, err)) ||
        check_split(e, training, err))
        return -1;
    const uint64_t left = device_budget(e->dev) - device_bytes(e->dev);
    if (e->taught)
        params_place(e->taught, align);
    const uint64_t bytes = p->elems * (training ? 8 : 4) + p->running * 4 + params_frozen_on(p, 0) +
                           taught_bytes(e) + (training ? optim_bytes(&e->optim, p) : 0);
    if (bytes > left && !device_is_twin(e->dev)) {
        error_set(err, STATUS_USAGE,
                  "the model's %zu parameters take %llu bytes of %llu, whatever the batch: a "
                  "smaller one or a larger device.memory_fraction fits",
                  params_count(p), (unsigned long long)bytes, (unsigned long long)left);
        return error_cause(err, CAUSE_BUDGET);
    }
    for (size_t d = 1; d < device_count(e->dev) && !device_is_twin(e->dev); d++) {
        const struct device *dev = device_at(e->dev, d);
        const uint64_t there = params_frozen_on(p, d),
                       room = device_budget(dev) - device_bytes(dev);
        if (there <= room)
            continue;
        error_set(err, STATUS_USAGE, "the layers there take %llu bytes of %llu",
                  (unsigned long long)there, (unsigned long long)room);
        error_name_device(err, e->config->device.select.item[d]);
        return error_cause(err, CAUSE_BUDGET);
    }
    if (judged)
        params_place(judged, align);
    return params_allocate(p, e->dev, training, err) ||
                   (training && optim_allocate(&e->optim, p, e->dev, err)) ||
                   (judged && params_allocate(judged, e->dev, 0, err)) ||
                   (e->taught && params_allocate(e->taught, e->dev, 0, err))
               ? -1
               : 0;
}

size_t planned_windows(const struct config *config)
{
    return (size_t)(config->train.batch / config->train.shards);
}

struct stage_shape planned_batches(const struct engine *e, int evaluating, size_t batch)
{
    const struct dataset *data = e->data;
    const size_t window = evaluating && data->eval_window ? data->eval_window : data->window;
    const struct model_shape shape = planned_shape(data, e->config, window);
    return (struct stage_shape){batch, window + (data->token != NULL), shape.target_first,
                                shape.target_rows};
}

/* The most samples that an epoch or an evaluation takes. */
static size_t most_samples(const struct engine *e)
{
    const size_t data = dataset_samples(e->data);
    const size_t epoch = schedule_make(e->config, e->data->count[PART_TRAIN]).samples;
    return epoch > data ? epoch : data;
}

/* Whether the series may lie on the device: in half of the memory that is left for buffers, and
 * each in one buffer. */
static int can_reside(const struct engine *e)
{
    const struct dataset *data = e->data;
    const size_t widest = data->features > data->targets ? data->features : data->targets;
    return feed_resident_bytes(data, most_samples(e)) <=
               (device_budget(e->dev) - device_bytes(e->dev)) / 2 &&
           data->rows * widest * sizeof(float) <= device_info(e->dev)->max_alloc_bytes;
}

static int make_feed(struct engine *e, struct error *err)
{
    const size_t batch = planned_windows(e->config);
    const struct stage_shape shapes[] = {planned_batches(e, 0, batch),
                                         planned_batches(e, 1, evaluate_batch(e, batch))};
    const int resides = can_reside(e), feed = e->config->data.feed;
    const int streams = feed == FEED_STREAM || (feed == FEED_AUTO && !resides);
    e->feed = feed_open(e->dev, e->data, most_samples(e), streams, shapes, 2, err);
    if (e->feed)
        return 0;
    if (!streams && !resides) {
        const struct error why = *err;
        error_set(err, STATUS_USAGE, "%s; data.feed = stream brings the windows of each batch",
                  why.text);
        err->cause = why.cause;
    }
    return -1;
}

const struct gemm_provider *planned_products(const struct config *config, const struct device *dev)
{
    const int rounds = config->train.precision == PRECISION_BF16 ? GEMM_BF16 : GEMM_FP16;
    const int who = config->train.precision == PRECISION_FP32 ? config->device.gemm : rounds;
    const struct gemm_provider *asked = gemm_provider_find(config_choice("device", "gemm", who));
    const int by_table = config->device.tuning == TUNING_TABLE || device_info(dev)->is_planned;
    return by_table ? gemm_provider_for(dev, asked) : asked;
}

/* The launches of a graph of the model; NULL with an error. */
static struct plan *plan_of(struct engine *e, struct params *params, size_t batch,
                            const struct model_shape *shape, int training,
                            const struct remakes *remakes, struct model_io *io, struct error *err)
{
    struct graph *g = model_graph(params, e->config, batch, shape, training, &e->feed->buffers, io);
    if (!g) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    if (training && e->config->train.recompute == RECOMPUTE_AUTO) {
        g->recompute = remakes->nodes > 0;
        g->recompute_most = remakes->nodes;
        g->recompute_layers = remakes->layers;
    }
    if (io->input)
        io->input->keep |= !training;
    g->products = planned_products(e->config, e->dev);
    return lower_graph(g, e->dev, err);
}

/* Both graphs, planned; the parameters get their memory with the first. */
static int make_plans(struct engine *e, const struct engine_options *options, struct error *err)
{
    const struct config *c = e->config;
    const size_t batch = planned_windows(c);
    struct model_shape shape = planned_shape(e->data, c, e->data->window);
    struct model_teacher teacher;
    struct model_shape eval_shape =
        planned_shape(e->data, c, e->data->eval_window ? e->data->eval_window : e->data->window);
    eval_shape.carries = carries(e);
    eval_shape.shows_rows = options->shows_rows;
    e->eval_batch = evaluate_batch(e, batch);
    if (e->taught) {
        teacher = (struct model_teacher){e->teacher->checkpoint.config, e->taught};
        shape.teacher = &teacher;
    }
    if (options->training) {
        e->train = plan_of(e, e->params, batch, &shape, 1, &options->remakes, &e->io, err);
        if (!e->train)
            return -1;
        e->micro = e->train->launch_count;
        e->train->scattered = options->scattered;
    }
    if (options->training && c->train.ema > 0 && !(e->judged = params_twin(e->params))) {
        e->judged = e->params;
        return error_set(err, STATUS_FAILED, "out of memory");
    }
    e->eval = plan_of(e, e->judged, e->eval_batch, &eval_shape, 0, NULL, &e->eval_io, err);
    if (!e->eval)
        return -1;
    e->eval->scattered = options->scattered;
    if (allocate(e, options->training, err))
        return -1;
    if (e->feed->stage && options->training && comm_size(options->comm) > 1)
        return error_set(err, STATUS_USAGE,
                         "data.feed: ranks need the series on each device (data.feed = resident)");
    if (e->train && c->train.shards > 1 &&
        !(e->shards = shards_new(e->params, e->dev, (size_t)c->train.shards, batch,
                                 c->train.accumulate > 1, options->comm, err)))
        return -1;
    if (e->train) {
        optim_append(&e->optim, e->train, e->io.metrics, e->judged == e->params ? NULL : e->judged);
        if (plan_place(e->train, err))
            return -1;
    }
    return plan_place(e->eval, err);
}

uint64_t planned_cache(const struct engine *e, size_t device)
{
    const struct config *c = e->config;
    const struct graph *g = e->eval->graph;
    size_t layers = 0;
    if (!model_prefix(c) || !c->caption.samples)
        return 0;
    for (size_t i = 0; i < (size_t)c->model.layers; i++)
        layers += split_device(g, i + 1) == device;
    return layers *
           dtype_bytes(model_stored(c), model_of(c)->cache(c, model_prefix(c) + e->data->window));
}

#define TEXTS_AT_ONCE 16

struct encoder_options planned_texts(const struct config *c, struct session *session)
{
    return (struct encoder_options){.session = session,
                                    .folder = c->encoder.base,
                                    .of = ENCODER_TEXTS,
                                    .stored = c->encoder.precision == FEATURES_BF16 ? DTYPE_BF16
                                                                                    : DTYPE_F32,
                                    .batch = TEXTS_AT_ONCE};
}

/* Bytes of the tower of texts, which lies on the first device. */
static uint64_t texts_bytes(const struct engine *e, size_t device)
{
    const struct config *c = e->config;
    struct session session = {e->dev, 0};
    struct error ignored;
    if (device || !model_prefix(c) || !c->caption.samples ||
        !encoder_compares(c->encoder.base, &ignored))
        return 0;
    const struct encoder_options texts = planned_texts(c, &session);
    return encoder_bytes(&texts);
}

uint64_t planned_captions(const struct engine *e, size_t device)
{
    const uint64_t cache = planned_cache(e, device), texts = texts_bytes(e, device);
    return cache > texts ? cache : texts;
}

uint64_t planned_bytes(const struct engine *e, size_t device)
{
    return device_bytes(device_at(e->dev, device)) +
           (e->train ? exec_bytes(e->train, NULL, device) : 0) +
           exec_bytes(e->eval, e->train, device) + planned_captions(e, device);
}

size_t planned_over(const struct engine *e)
{
    const size_t devices = device_count(e->dev);
    for (size_t d = 0; d < devices; d++)
        if (planned_bytes(e, d) > device_budget(device_at(e->dev, d)))
            return d;
    return devices;
}

struct planned_part planned_part(const struct engine *e, size_t device)
{
    struct planned_part part = {.frozen = params_frozen_on(e->params, device),
                                .activations = exec_activations(e->eval, e->train, device)};
    if (e->train)
        part.activations += exec_activations(e->train, NULL, device);
    return part;
}

struct planned_memory planned_memory(const struct engine *e)
{
    const struct model_data *data = &e->feed->buffers;
    const struct buffer *const fed[] = {data->series, data->order, data->target,
                                        data->weight, data->flag,  data->clip};
    const struct planned_part part = planned_part(e, 0);
    const uint64_t params = e->params->elems * 4;
    struct planned_memory m = {.parameters = params + e->params->running * 4 + part.frozen,
                               .teacher = taught_bytes(e),
                               .gradients = e->train ? params + shards_bytes(e->shards) : 0,
                               .optimizer = e->train ? optim_bytes(&e->optim, e->params) : 0,
                               .activations = part.activations,
                               .captions = planned_captions(e, 0)};
    for (size_t i = 0; i < sizeof fed / sizeof *fed; i++)
        m.data += fed[i] ? buffer_size(fed[i]) : 0;
    m.other = e->bytes - m.parameters - m.teacher - m.gradients - m.optimizer - m.activations -
              m.data - m.captions;
    return m;
}

/* How model.quantize has frozen matrices stored. */
static enum dtype packed_type(const struct config *c)
{
    if (c->model.quantize == QUANTIZE_NF4)
        return c->model.double_quantization ? DTYPE_NF4_NESTED : DTYPE_NF4;
    return c->model.quantize == QUANTIZE_INT8 ? DTYPE_INT8 : DTYPE_F32;
}

/* Frozen tables are stored as activations are, where these have the range of fp32. */
static enum dtype table_type(const struct config *c)
{
    return c->model.quantize != QUANTIZE_NONE && c->train.precision == PRECISION_BF16 ? DTYPE_BF16
                                                                                      : DTYPE_F32;
}

struct params *planned_params(const struct config *config, int training)
{
    static const char *const all[] = {"*"};
    struct params *params = params_new(config->train.decay_all);
    if (!params)
        return NULL;
    params->own = model_of(config)->own;
    params_adapt(params,
                 &(struct adapter){.rank = (size_t)config->adapter.r,
                                   .alpha = config->adapter.alpha > 0 ? config->adapter.alpha
                                                                      : (double)config->adapter.r,
                                   .dropout = config->adapter.dropout,
                                   .target = config->adapter.target.item,
                                   .targets = config->adapter.target.count});
    /* without training, what is frozen matters only as being packed or elsewhere */
    if (training || config->model.quantize != QUANTIZE_NONE || config->device.offload ||
        config_splits(config))
        params_freeze(params, config->model.freeze.item, config->model.freeze.count);
    /* nothing trains, so that all of it may lie on any of several devices */
    if (!training && config_splits(config) && config->model.quantize == QUANTIZE_NONE)
        params_freeze(params, (char *const *)all, 1);
    params_quantize(params, packed_type(config), table_type(config));
    if (config->device.offload)
        params_offload(params);
    return params;
}

struct engine *planned_open(const struct config *config, const struct dataset *data,
                            const struct engine_options *options, struct device *dev,
                            struct error *err)
{
    struct engine *e = calloc(1, sizeof *e);
    if (!e || !(e->params = planned_params(config, options->training))) {
        free(e);
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    if (options->training && *config->loss.teacher &&
        (!(e->teacher = options->teacher) || !(e->taught = teacher_params()))) {
        error_set(err, STATUS_FAILED,
                  e->teacher ? "out of memory" : "[loss] teacher: nobody has opened it");
        params_free(e->params);
        free(e);
        return NULL;
    }
    e->judged = e->params;
    e->config = config;
    e->comm = options->comm;
    optim_init(&e->optim, config);
    e->data = data;
    e->dev = dev;
    e->others = device_bytes(dev);
    if (!make_feed(e, err) && !make_plans(e, options, err)) {
        e->bytes = planned_bytes(e, 0) - e->others;
        return e;
    }
    planned_close(e);
    return NULL;
}

void planned_close(struct engine *e)
{
    if (!e)
        return;
    shards_free(e->shards);
    plan_free(e->eval);
    plan_free(e->train);
    optim_fini(&e->optim);
    if (e->judged != e->params)
        params_free(e->judged);
    params_free(e->taught);
    params_free(e->params);
    feed_close(e->feed);
    free(e);
}
