/* SPDX-License-Identifier: MIT */
#include "task/generator.h"

#include <stdlib.h>
#include <string.h>

#include "exec/exec.h"
#include "lower/lower.h"
#include "lower/split.h"
#include "models/model.h"
#include "train/engine.h"
#include "train/planned.h"

#define ROWS_MOST 64 /* that are read at a time */

/* A graph over some rows. */
struct reader {
    size_t rows;
    struct model_io io;
    struct plan *plan;
};

struct generator {
    const struct config *config;
    struct session *session;
    struct params *params;
    int owns;            /* session and parameters */
    struct plan *beside; /* whose activations are free; NULL: none */
    size_t window, vocabulary, layers;
    size_t prefix, clip_rows, clip_columns; /* K rows of a clip [R, C] in front of the text; or 0 */
    struct buffer **cache;                  /* [layers] */
    struct reader many, one, clip;
    uint32_t *text; /* [window] tokens in the cache, behind the prefix */
    size_t length;
    uint32_t *tokens, *places; /* [rows] of a run */
    float *logits;             /* [V] */
};

static struct graph *reader_graph(struct generator *g, struct reader *r, size_t rows,
                                  int only_reads, struct error *err)
{
    const size_t prefix = r == &g->clip ? g->prefix : 0;
    const struct model_shape shape = {.window = g->prefix + g->window - prefix,
                                      .vocabulary = g->vocabulary,
                                      .prefix = prefix,
                                      .clip_rows = g->clip_rows,
                                      .clip_columns = g->clip_columns,
                                      .cache = g->cache,
                                      .only_reads = only_reads};
    r->rows = rows;
    struct graph *graph = model_rows(g->params, g->config, rows, &shape, &r->io);
    if (!graph)
        error_set(err, STATUS_FAILED, "out of memory");
    return graph;
}

static void free_cache(struct generator *g)
{
    for (size_t i = 0; g->cache && i < g->layers; i++)
        buffer_free(g->cache[i]);
    free(g->cache);
    g->cache = NULL;
}

/* `graph` says where layers lie; NULL: all on this device. */
static int make_cache_on(struct generator *g, struct device *dev, const struct graph *graph,
                         size_t bytes, struct error *err)
{
    g->cache = calloc(g->layers, sizeof *g->cache);
    if (!g->cache)
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < g->layers; i++)
        if (!(g->cache[i] = buffer_new(device_at(dev, graph ? split_device(graph, i + 1) : 0),
                                       bytes, "cache", err)))
            return -1;
    return 0;
}

/* A graph whose caches lie nowhere says on which devices its layers lie; NULL with an error. */
static struct graph *find_layers(struct generator *g, size_t bytes, struct error *err)
{
    struct device *first = g->session->dev, *nowhere = device_twin(first, 1, err);
    struct graph *graph = NULL;
    if (nowhere && !make_cache_on(g, nowhere, NULL, bytes, err))
        graph = reader_graph(g, &g->one, 1, 0, err);
    if (graph)
        split_layers(graph, first);
    free_cache(g);
    device_close(nowhere);
    if (graph && graph_check_built(graph, err)) {
        graph_free(graph);
        return NULL;
    }
    return graph;
}

/* The cache of each layer lies where the layer does. */
static int make_cache(struct generator *g, size_t elems, enum dtype stored, struct error *err)
{
    const size_t bytes = dtype_bytes(stored, elems);
    struct graph *graph = NULL;
    if (device_count(g->session->dev) > 1 && !(graph = find_layers(g, bytes, err)))
        return -1;
    const int failed = make_cache_on(g, g->session->dev, graph, bytes, err);
    graph_free(graph);
    return failed;
}

static int plan_reader(struct generator *g, struct reader *r, size_t rows, int only_reads,
                       struct error *err)
{
    struct graph *graph = reader_graph(g, r, rows, only_reads, err);
    if (!graph)
        return -1;
    r->plan = lower_graph(graph, g->session->dev, err);
    return r->plan ? 0 : -1;
}

/* Memory, beside that of another plan (NULL: none), and kernels. */
static int ready_reader(struct generator *g, struct reader *r, struct plan *beside,
                        struct error *err)
{
    const struct step step = {.count = 1, .group = 1};
    return plan_place(r->plan, err) ||
                   exec_prepare(r->plan, beside, planned_products(g->config, g->session->dev),
                                err) ||
                   tensor_write(r->plan->step, &step, err)
               ? -1
               : 0;
}

static int ready(struct generator *g, struct error *err)
{
    if (g->owns) {
        params_place(g->params, params_align(g->session->dev));
        if (params_allocate(g->params, g->session->dev, 0, err))
            return -1;
    }
    if (ready_reader(g, &g->many, g->beside, err) || ready_reader(g, &g->one, g->many.plan, err))
        return -1;
    return g->clip.plan ? ready_reader(g, &g->clip, g->many.plan, err) : 0;
}

static int open_in(struct generator *g, struct error *err)
{
    const struct config *c = g->config;
    const size_t rows = g->window < ROWS_MOST ? g->window : ROWS_MOST;
    const size_t most = rows > g->prefix ? rows : g->prefix;
    g->text = calloc(g->window, sizeof *g->text);
    g->tokens = calloc(most, sizeof *g->tokens);
    g->places = calloc(most, sizeof *g->places);
    g->logits = calloc(g->vocabulary, sizeof *g->logits);
    if (!g->text || !g->tokens || !g->places || !g->logits || !g->params)
        return error_set(err, STATUS_FAILED, "out of memory");
    if (make_cache(g, model_of(c)->cache(c, g->prefix + g->window), model_stored(c), err) ||
        plan_reader(g, &g->many, rows, 1, err) || plan_reader(g, &g->one, 1, 0, err) ||
        (g->prefix && plan_reader(g, &g->clip, g->prefix, 1, err)))
        return -1;
    return ready(g, err);
}

static struct generator *generator_new(const struct config *config, size_t vocabulary,
                                       struct error *err)
{
    struct generator *g = NULL;
    if (!model_of(config)->cache)
        error_set(err, STATUS_USAGE, "a model of type %s generates no text",
                  model_of(config)->name);
    else if (!(g = calloc(1, sizeof *g)))
        error_set(err, STATUS_FAILED, "out of memory");
    if (!g)
        return NULL;
    g->config = config;
    g->vocabulary = model_vocabulary(config, vocabulary);
    g->window = (size_t)config->data.window;
    g->layers = (size_t)config->model.layers;
    g->prefix = model_prefix(config);
    model_clip(config, &g->clip_rows, &g->clip_columns);
    return g;
}

struct generator *generator_open(const struct config *config, size_t vocabulary,
                                 const struct session_options *options, struct error *err)
{
    struct generator *g = generator_new(config, vocabulary, err);
    if (!g)
        return NULL;
    g->owns = 1;
    if ((g->session = session_open(config, options, err)) &&
        !(g->params = planned_params(config, 0)))
        error_set(err, STATUS_FAILED, "out of memory");
    if (g->params && !open_in(g, err))
        return g;
    generator_close(g);
    return NULL;
}

struct generator *generator_open_on(const struct config *config, size_t vocabulary,
                                    struct session *session, struct params *params,
                                    struct plan *beside, struct error *err)
{
    struct generator *g = generator_new(config, vocabulary, err);
    if (!g)
        return NULL;
    g->session = session;
    g->params = params;
    g->beside = beside;
    if (!open_in(g, err))
        return g;
    generator_close(g);
    return NULL;
}

void generator_close(struct generator *g)
{
    struct error ignored;
    if (!g)
        return;
    if (g->session)
        device_finish(g->session->dev, &ignored); /* what still runs reads what is freed here */
    plan_free(g->clip.plan);
    plan_free(g->one.plan);
    plan_free(g->many.plan);
    free_cache(g);
    if (g->owns) {
        params_free(g->params);
        session_close(g->session);
    }
    free(g->text);
    free(g->tokens);
    free(g->places);
    free(g->logits);
    free(g);
}

struct params *generator_params(struct generator *g)
{
    return g->params;
}

struct device *generator_device(struct generator *g)
{
    return g->session->dev;
}

size_t generator_window(const struct generator *g)
{
    return g->window;
}

size_t generator_cache_bytes(const struct generator *g)
{
    size_t bytes = 0;
    for (size_t i = 0; i < g->layers; i++)
        bytes += buffer_size(g->cache[i]);
    return bytes;
}

void generator_begin(struct generator *g)
{
    g->length = 0;
}

int generator_see(struct generator *g, const float *clip, struct error *err)
{
    struct reader *r = &g->clip;
    g->length = 0;
    for (size_t i = 0; i < r->rows; i++)
        g->places[i] = (uint32_t)i;
    return tensor_write(r->io.clip, clip, err) || tensor_write(r->io.position, g->places, err) ||
                   exec_run(r->plan, 0, r->plan->launch_count, err)
               ? -1
               : 0;
}

/* Tokens of g->text from `from` on, at most those of the reader, which is run. */
static int run_rows(struct generator *g, struct reader *r, size_t from, size_t count,
                    struct error *err)
{
    for (size_t i = 0; i < r->rows; i++) {
        g->tokens[i] = i < count ? g->text[from + i] : UINT32_MAX;
        g->places[i] = i < count ? (uint32_t)(g->prefix + from + i) : UINT32_MAX;
    }
    return tensor_write(r->io.tokens, g->tokens, err) ||
                   tensor_write(r->io.position, g->places, err) ||
                   exec_run(r->plan, 0, r->plan->launch_count, err)
               ? -1
               : 0;
}

/* Reads g->text from `from` on. */
static int read_from(struct generator *g, size_t from, struct error *err)
{
    for (size_t rows; from + 1 < g->length; from += rows) {
        rows = g->length - 1 - from < g->many.rows ? g->length - 1 - from : g->many.rows;
        if (run_rows(g, &g->many, from, rows, err))
            return -1;
    }
    return run_rows(g, &g->one, from, 1, err);
}

/* Puts tokens behind the text, whose end alone stays where both do not fit. Where it is to be read
 * from. */
static size_t append(struct generator *g, const uint32_t *token, size_t count)
{
    size_t from = g->length;
    if (count > g->window) {
        token += count - g->window;
        count = g->window;
        g->length = from = 0;
    }
    if (g->length + count > g->window) {
        const size_t half = (g->window + 1) / 2, kept = half > count ? half - count : 0;
        memmove(g->text, g->text + g->length - kept, kept * sizeof *g->text);
        g->length = kept;
        from = 0;
    }
    memcpy(g->text + g->length, token, count * sizeof *token);
    g->length += count;
    return from;
}

float *generator_read(struct generator *g, const uint32_t *token, size_t count, struct error *err)
{
    const size_t from = append(g, token, count);
    if (read_from(g, from, err) || tensor_read(g->one.io.output, g->logits, err))
        return NULL;
    return g->logits;
}
