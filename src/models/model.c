/* SPDX-License-Identifier: MIT */
#include "models/model.h"

#include <stdio.h>
#include <string.h>

#include "ir/fuse.h"
#include "models/py_sources.h"
#include "ops/ops.h"

/* Each choice of model.type is a class, model_NAME in a file of this folder. */
#define DECLARED(choice, name) extern const struct model_class model_##name;
MODELS(DECLARED)

#define ENTRY(choice, name) [choice] = &model_##name,
static const struct model_class *const models[] = {MODELS(ENTRY)};

static const enum init_kind weights[] = {
    [DRAW_PYTORCH] = INIT_UNIFORM,
    [DRAW_XAVIER_UNIFORM] = INIT_XAVIER_UNIFORM,
    [DRAW_XAVIER_NORMAL] = INIT_XAVIER_NORMAL,
    [DRAW_KAIMING_UNIFORM] = INIT_KAIMING_UNIFORM,
    [DRAW_KAIMING_NORMAL] = INIT_KAIMING_NORMAL,
};
_Static_assert(sizeof weights / sizeof *weights == CHOICES_model_initialisation,
               "a choice of model.initialisation has no kind");

static const enum dtype stored[] = {
    [PRECISION_FP32] = DTYPE_F32, [PRECISION_BF16] = DTYPE_BF16, [PRECISION_FP16] = DTYPE_F16};
_Static_assert(sizeof stored / sizeof *stored == CHOICES_train_precision,
               "a choice of train.precision has no type");

const struct model_class *model_of(const struct config *config)
{
    return models[config->model.type];
}

int model_in_out(const struct config *config)
{
    const struct model_class *class = model_of(config);
    return class->in_out && class->in_out(config);
}

long model_attends(const struct config *config)
{
    const struct model_class *class = model_of(config);
    return class->attends ? class->attends(config) : 0;
}

size_t model_vocabulary(const struct config *config, size_t tokens)
{
    return config->model.vocabulary > 0 ? (size_t)config->model.vocabulary : tokens;
}

size_t model_prefix(const struct config *config)
{
    const struct model_class *class = model_of(config);
    return class->prefix ? class->prefix(config) : 0;
}

void model_clip(const struct config *config, size_t *rows, size_t *columns)
{
    *rows = *columns = 0;
    if (model_of(config)->prefix)
        config_clip(config, rows, columns);
}

size_t model_columns(const struct config *config)
{
    const struct model_class *class = model_of(config);
    return class->columns ? class->columns(config) : 0;
}

int model_drops(const struct config *config)
{
    const int drops = (int)model_of(config)->drops;
    return drops == DROPS_WITHIN || (drops == DROPS_BETWEEN && config->model.layers > 1) ||
           model_attends(config);
}

const char *model_by_batch(const struct config *config, char to[64])
{
    const struct model_class *class = model_of(config);
    const struct terms terms = model_terms(config);
    const struct term *term = terms_by_batch(&terms);
    if (!term)
        return class->norms_batch && class->norms_batch(config) ? "batch norm" : NULL;
    snprintf(to, 64, "the %s term", term->name);
    return to;
}

const char *model_no_integers(const struct config *c)
{
    if (!model_of(c)->by_integers)
        return "integers are for models of type recurrent, dgru and tcn";
    if (c->data.target_rows != TARGET_WINDOW)
        return "a model in integers answers row by row and needs data.target_rows = window";
    if (model_attends(c))
        return "a model in integers answers row by row and needs model.attention_layers = 0";
    if (c->model.bidirectional)
        return "a model in integers answers row by row and needs model.bidirectional = no";
    if (c->model.layer_norm)
        return "norms have no form in integers: model.layer_norm = no";
    if (c->model.reversible_norm)
        return "norms have no form in integers: model.reversible_norm = no";
    if (c->data.scaler.kind == SCALER_WINDOW || c->data.scaler.kind == SCALER_RELATIVE)
        return "a model in integers answers row by row and has no data.scaler of single windows";
    if (c->data.channels == CHANNELS_APART)
        return "a model in integers answers whole rows and needs data.channels = together";
    return NULL;
}

int model_weight_bits(const struct config *config)
{
    static const int bits[] = {[AWARE_NONE] = 0, [AWARE_W16A16] = 16, [AWARE_W8A16] = 8};
    _Static_assert(sizeof bits / sizeof *bits == CHOICES_train_quantize_aware,
                   "a choice of train.quantize_aware has no bits");
    return bits[config->train.quantize_aware];
}

/* What train.quantize_aware asks. */
static void check_integers(struct config_making *making, const struct config *c)
{
    const char *why = model_no_integers(c);
    if (!model_weight_bits(c))
        return;
    if (why)
        config_clash(making, "train.quantize_aware", "model.type", "%s", why);
    if (c->train.precision != PRECISION_FP32)
        config_clash(making, "train.quantize_aware", "train.precision",
                     "weights are rounded in fp32: precision = fp32");
    if (c->model.quantize != QUANTIZE_NONE)
        config_clash(making, "train.quantize_aware", "model.quantize",
                     "weights are rounded from fp32: quantize = none");
    if (c->adapter.r || *c->adapter.file)
        config_clash(making, "train.quantize_aware", c->adapter.r ? "adapter.r" : "adapter.file",
                     "adapters have no form in integers: no [adapter]");
}

void model_check(struct config_making *making, const struct config *c)
{
    const struct model_class *class = model_of(c);
    if (*c->data.tokenizer && !class->reads_tokens)
        config_clash(making, "data.tokenizer", "model.type",
                     "type = %s reads series of numbers: type = language reads text", class->name);
    if (*c->model.base && !class->reads_tokens)
        config_clash(making, "model.base", "model.type",
                     "a base folder holds a language model, for type = language");
    if (*c->loss.teacher && class->prefix)
        config_clash(making, "loss.teacher", "model.type",
                     "a captioner has no teacher: its clips are there as one encoder sees them");
    if (*c->loss.teacher && config_splits(c))
        config_clash(making, "loss.teacher", "model.split",
                     "a model that lies on several devices has no teacher: split = none");
    if ((*c->encoder.base || c->encoder.rows > 0) && !class->prefix)
        config_clash(making, "encoder.base", "model.type", "an encoder is for type = captioner");
    if (class->supervised && !c->data.targets.count)
        config_clash(making, "data.targets", "model.type", "type = %s needs targets", class->name);
    if (c->model.activation == ACTIVATION_RRELU && !class->randomises)
        config_clash(making, "model.activation", "model.type",
                     "rrelu is for the convolutions of cnn_recurrent");
    if (c->model.activation > ACTIVATION_RRELU && !class->reads_tokens)
        config_clash(making, "model.activation", "model.type",
                     "%s is for the layers of language models",
                     config_choice("model", "activation", c->model.activation));
    check_integers(making, c);
    if (class->check)
        class->check(making, c);
}

int model_check_features(const struct config *config, struct error *err)
{
    const struct model_class *class = model_of(config);
    return class->check_features ? class->check_features(config, err) : 0;
}

/* Without what a teacher gives. */
static struct terms own_terms(const struct config *config)
{
    const struct model_class *class = model_of(config);
    if (!class->supervised)
        return class->terms(config);
    return (struct terms){{{.name = config_choice("loss", "target", config->loss.target),
                            .over = TERM_SAMPLES,
                            .weight = 1,
                            .lower_is_better = 1}},
                          1};
}

int model_units(const struct config *config, struct units *to, struct error *err)
{
    const struct model_class *class = model_of(config);
    *to = (struct units){0};
    if (config->adapter.r || config->model.quantize != QUANTIZE_NONE)
        return error_set(err, STATUS_USAGE,
                         "the model has %s: seqtrain merge makes one model of it first",
                         config->adapter.r ? "an adapter" : "quantised weights");
    if (!class->units)
        return error_set(err, STATUS_USAGE,
                         "a model of type %s has no units that can be left out: recurrent, "
                         "cnn_recurrent, tcn, transformer and autoencoder have",
                         class->name);
    if (class->units(config, to, err))
        return -1;
    return to->failed ? error_set(err, STATUS_FAILED, "out of memory") : 0;
}

struct terms model_terms(const struct config *config)
{
    struct terms terms = own_terms(config);
    const double w = config->loss.teacher_weight;
    if (!*config->loss.teacher)
        return terms;
    for (size_t k = 0; k < terms.count; k++)
        terms.term[k].weight *= 1 - w;
    terms.term[terms.count++] = (struct term){.name = "teacher",
                                              .what = "loss to what the teacher gives, in training",
                                              .over = TERM_SAMPLES,
                                              .weight = w,
                                              .lower_is_better = 1};
    return terms;
}

struct terms model_judged_terms(const struct config *config)
{
    struct terms terms = own_terms(config);
    if (*config->loss.teacher)
        terms.term[terms.count++] = (struct term){.name = "teacher", .over = TERM_UNKNOWN};
    return terms;
}

const char *model_python(const struct config *config)
{
    for (const struct py_source *s = py_sources; s->name; s++)
        if (!strcmp(s->name, model_of(config)->python))
            return s->text;
    return "";
}

/* Reversible instance norm around a model: windows standardised on the way in, on the way out the
 * targets that are features put back. */
static void build_reversible(struct graph *g, const struct config *config,
                             const struct model_shape *shape, struct model_io *io)
{
    struct tensor *raw = io->input, *stats;
    io->input = op_window_norm(g, raw, &stats);
    model_of(config)->build(g, config, shape, io);
    io->output = op_window_denorm(g, io->output, stats, shape->targets, shape->target_feature);
    io->input = raw;
}

/* A number of each window from a table of them. */
static struct tensor *of_windows(struct graph *g, const char *name, const char *table,
                                 const struct model_data *data, struct buffer *buffer)
{
    return op_gather_rows(g, name, graph_borrow(g, table, DTYPE_F32, 1, buffer),
                          data->staged ? GATHER_STAGED : 0, 1);
}

/* The term of what a teacher gives, the last one. */
static struct term *taught_term(struct model_io *io)
{
    return &io->terms.term[io->terms.count - 1];
}

/* What a teacher gives for the windows that the model reads, as in an evaluation. It comes first,
 * so that what it needs is not there together with what the model keeps. */
static void ask_teacher(struct graph *g, const struct model_shape *shape, struct model_io *io)
{
    const struct config *c = shape->teacher->config;
    const size_t from = g->op_count;
    const int weight_bits = g->weight_bits;
    struct model_shape its = *shape;
    struct model_io asked = {.input = io->input,
                             .plain = io->input,
                             .whole = io->input,
                             .tokens = io->tokens,
                             .terms = model_terms(c)};
    its.teacher = NULL;
    graph_teacher(g, shape->teacher->params);
    g->weight_bits = model_weight_bits(c);
    if (model_of(c)->supervised && c->model.reversible_norm)
        build_reversible(g, c, &its, &asked);
    else
        model_of(c)->build(g, c, &its, &asked);
    io->taught = graph_as(g, asked.output, DTYPE_F32);
    graph_teacher_ends(g, from, io->taught);
    g->weight_bits = weight_bits;
}

/* The loss of a model with targets: loss.target, and what a teacher gives. */
static void supervise(struct graph *g, const struct config *config, const struct model_shape *shape,
                      const struct model_data *data, struct tensor *flag, struct model_io *io)
{
    struct tensor *weight = NULL;
    io->target = op_gather_rows(
        g, "target", graph_borrow(g, "targets", DTYPE_F32, shape->targets, data->target),
        data->staged ? GATHER_STAGED : shape->target_first, shape->target_rows);
    if (g->training && shape->augment_target)
        io->target = op_augment_target(g, "augment.target", io->target, flag, &shape->augment,
                                       shape->augment_target, shape->target_first, shape->window);
    if (data->weight && g->training)
        weight = of_windows(g, "weight", "weights", data, data->weight);
    io->output = graph_keep(g, io->output);
    const enum loss_kind kind = (enum loss_kind)config->loss.target;
    io->terms.term[0].value =
        op_part_loss(g, io->output, io->target, kind, weight, io->terms.term[0].weight);
    if (io->taught)
        taught_term(io)->value =
            op_taught_loss(g, io->output, io->taught, kind, weight, taught_term(io)->weight,
                           config->loss.teacher_temperature);
}

/* Windows augmented. What a model rebuilds is the window behind all but noise and spikes. */
static struct tensor *augment(struct graph *g, const struct model_shape *shape, int rebuilds,
                              const struct model_data *data, struct model_io *io)
{
    const struct augment *all = &shape->augment;
    struct augment shapes = *all,
                   disturbs = {.noise = all->noise, .spikes = all->spikes, .spike = all->spike};
    struct tensor *flag = data->flag ? of_windows(g, "augmented", "flags", data, data->flag) : NULL;
    if (!rebuilds) {
        io->input = op_augment(g, "augment", io->input, flag, all, shape->augment_feature);
        return flag;
    }
    shapes.noise = shapes.spikes = shapes.spike = 0;
    if (shapes.step > 0 || shapes.slope > 0 || shapes.flip > 0 || shapes.crop || shapes.warp > 0)
        io->input = op_augment(g, "augment", io->input, flag, &shapes, shape->augment_feature);
    io->whole = io->input;
    if (all->noise > 0 || all->spikes > 0)
        io->input =
            op_augment(g, "augment.noise", io->input, flag, &disturbs, shape->augment_feature);
    return flag;
}

/* Sums up the terms, which stay readable. */
static void sum_terms(struct graph *g, struct model_io *io)
{
    struct tensor *value[TERMS_MOST] = {NULL};
    double weight[TERMS_MOST] = {0};
    for (size_t k = 0; k < io->terms.count; k++) {
        value[k] = io->terms.term[k].value;
        weight[k] = io->terms.term[k].weight;
        if (value[k])
            value[k]->keep = 1;
    }
    op_loss_sum(g, value, weight, io->metrics);
}

/* What the scalers of single windows do when these are gathered. */
static int scaling_of(const struct config *config, const struct model_shape *shape)
{
    if (config->data.scaler.kind == SCALER_RELATIVE)
        return GATHER_RELATIVE + (int)shape->base;
    return config->data.scaler.kind == SCALER_WINDOW ? GATHER_STANDARDISED : GATHER_RAW;
}

/* What the model reads: windows, scaled, of a training graph augmented. Which of them are, [B, 1,
 * 1]; NULL: all, or none. */
static struct tensor *read_windows(struct graph *g, const struct config *config,
                                   const struct model_shape *shape, const struct model_data *data,
                                   struct model_io *io)
{
    const int supervised = model_of(config)->supervised;
    struct tensor *flag = NULL;
    io->input = op_gather(g, graph_borrow(g, "series", DTYPE_F32, shape->features, data->series),
                          graph_borrow(g, "order", DTYPE_U32, 1, data->order), shape->window,
                          scaling_of(config, shape) + (data->staged ? GATHER_STAGED : 0));
    io->plain = io->whole = io->input;
    if (g->training && shape->augment_feature)
        flag = augment(g, shape, !supervised, data, io);
    if (g->training && supervised && config->data.noise > 0)
        io->input = op_noise(g, io->input, "data.noise", config->data.noise);
    return flag;
}

/* The same of a model that reads tokens. */
static void read_tokens(struct graph *g, const struct model_shape *shape,
                        const struct model_data *data, struct model_io *io)
{
    io->tokens = op_gather_tokens(g, graph_borrow(g, "tokens", DTYPE_U32, 1, data->series),
                                  graph_borrow(g, "order", DTYPE_U32, 1, data->order),
                                  shape->window, shape->vocabulary, data->staged, &io->next);
    if (shape->prefix)
        io->clip = op_gather_rows(
            g, "clip", graph_borrow(g, "clips", DTYPE_F32, shape->clip_columns, data->clip),
            GATHER_STAGED, shape->clip_rows);
}

struct graph *model_windows(struct params *params, const struct config *config, size_t batch,
                            const struct model_shape *shape, const struct model_data *data,
                            struct model_io *io)
{
    struct graph *g = graph_new(params, batch, 1);
    *io = (struct model_io){0};
    if (g)
        read_windows(g, config, shape, data, io);
    return g;
}

enum dtype model_stored(const struct config *config)
{
    return stored[config->train.precision];
}

struct graph *model_rows(struct params *params, const struct config *config, size_t rows,
                         const struct model_shape *shape, struct model_io *io)
{
    const size_t dim[] = {1, rows}, clip[] = {1, shape->clip_rows, shape->clip_columns};
    struct graph *g = graph_new(params, 1, 0);
    if (!g)
        return NULL;
    params->weights = weights[config->model.initialisation];
    *io = (struct model_io){0};
    op_store(g, model_stored(config));
    g->sample = graph_state(g, "sample", DTYPE_U32, 1, dim);
    if (shape->prefix)
        io->clip = graph_state(g, "clip", DTYPE_F32, 3, clip);
    if (!shape->prefix || !shape->cache)
        io->tokens = graph_state(g, "tokens", DTYPE_U32, 2, dim);
    if (shape->cache)
        io->position = graph_state(g, "position", DTYPE_U32, 2, dim);
    model_of(config)->build(g, config, shape, io);
    graph_fuse(g);
    return g;
}

struct graph *model_bare(struct params *params, const struct config *config, size_t batch,
                         const struct model_shape *shape, struct model_io *io)
{
    const struct model_class *class = model_of(config);
    const size_t dim[] = {batch, shape->window, shape->features};
    const size_t clip[] = {batch, shape->clip_rows, shape->clip_columns};
    struct graph *g = graph_new(params, batch, 0);
    if (!g)
        return NULL;
    params->weights = weights[config->model.initialisation];
    *io = (struct model_io){.terms = model_judged_terms(config)};
    if (class->reads_tokens)
        io->tokens = graph_state(g, "tokens", DTYPE_U32, 2, dim);
    else
        io->plain = io->whole = io->input = graph_state(g, "input", DTYPE_F32, 3, dim);
    if (shape->prefix)
        io->clip = graph_state(g, "clip", DTYPE_F32, 3, clip);
    if (class->supervised && config->model.reversible_norm)
        build_reversible(g, config, shape, io);
    else
        class->build(g, config, shape, io);
    return g;
}

struct graph *model_graph(struct params *params, const struct config *config, size_t batch,
                          const struct model_shape *shape, int training,
                          const struct model_data *data, struct model_io *io)
{
    const struct model_class *class = model_of(config);
    struct tensor *flag = NULL;
    struct graph *g = graph_new(params, batch, training);
    if (!g)
        return NULL;
    g->recompute = training && config->train.recompute != RECOMPUTE_NO;
    g->recompute_layers = training && config->train.recompute == RECOMPUTE_LAYERS ? SIZE_MAX : 0;
    g->in_parts = training && config->train.shards > 1;
    g->carries = shape->carries;
    g->weight_bits = model_weight_bits(config);
    params->weights = weights[config->model.initialisation];
    *io = (struct model_io){.terms = training ? model_terms(config) : model_judged_terms(config)};
    op_store(g, model_stored(config));
    io->metrics = op_metrics(g);
    if (training && config->train.precision == PRECISION_FP16)
        op_loss_scale(g, io->metrics);
    if (class->reads_tokens)
        read_tokens(g, shape, data, io);
    else
        flag = read_windows(g, config, shape, data, io);
    if (shape->teacher)
        ask_teacher(g, shape, io);
    if (class->supervised && config->model.reversible_norm)
        build_reversible(g, config, shape, io);
    else
        class->build(g, config, shape, io);
    if (class->supervised)
        supervise(g, config, shape, data, flag, io);
    sum_terms(g, io);
    graph_fuse(g);
    return g;
}
