/* SPDX-License-Identifier: MIT */
#include "export/exported.h"

#include <stdlib.h>

#include "fixed/fixed.h"
#include "ir/graph.h"
#include "run/trained.h"
#include "tensor/packed.h"
#include "text/tokenizer.h"
#include "train/planned.h"

static int place_of(const struct params *params, const struct tensor *param, size_t *index)
{
    for (*index = 0; *index < params->count; ++*index)
        if (&params->list[*index]->value == param)
            return 0;
    return -1;
}

/* What the device has. */
static int read_param(const struct exported *e, const struct tensor *param, float *to,
                      struct error *err)
{
    size_t index;
    if (place_of(e->params, param, &index))
        return error_set(err, STATUS_FAILED, "%s: this is no parameter", param->name);
    if (param->dtype == DTYPE_F32)
        return params_read(e->params, index, e->params->values, to, err);
    void *stored = malloc(tensor_bytes(param) + 1);
    int failed = stored ? params_read(e->params, index, e->params->values, stored, err)
                        : error_set(err, STATUS_FAILED, "%s: out of memory", param->name);
    if (!failed && packed_is(param->dtype))
        packed_unpack(param->dtype, stored, tensor_rows(param), tensor_columns(param), 0,
                      param->elems, to);
    else if (!failed)
        dtype_floats(param->dtype, stored, param->elems, to);
    free(stored);
    return failed;
}

/* Extents of the windows that the model reads. */
static int find_shape(struct exported *e, struct log *log, struct error *err)
{
    const struct config *c = e->config;
    if (model_of(c)->reads_tokens) {
        const size_t tokens = e->fitted->tokenizer ? tokenizer_count(e->fitted->tokenizer) : 0;
        e->shape = (struct model_shape){.window = (size_t)c->data.window,
                                        .vocabulary = model_vocabulary(c, tokens),
                                        .prefix = model_prefix(c)};
        model_clip(c, &e->shape.clip_rows, &e->shape.clip_columns);
        e->by_row = 1;
        return 0;
    }
    e->by_row = model_of(c)->supervised && c->data.target_rows == TARGET_WINDOW;
    if (!(e->data = dataset_blank(c, e->fitted, 1, log, err)))
        return -1;
    e->shape =
        planned_shape(e->data, c,
                      e->by_row && e->data->eval_window > e->data->window ? e->data->eval_window
                                                                          : e->data->window);
    return 0;
}

static int build(struct exported *e, struct error *err)
{
    if (!(e->params = planned_params(e->config, 0)) ||
        !(e->graph = model_bare(e->params, e->config, EXPORTED_BATCH, &e->shape, &e->io)))
        return error_set(err, STATUS_FAILED, "out of memory");
    return graph_check_built(e->graph, err);
}

/* The numbers of the parameters come onto the device as they come for any use of the model. */
static int fill(struct exported *e, const struct checkpoint *checkpoint, const char *path,
                struct error *err)
{
    params_place(e->params, params_align(e->session->dev));
    return params_allocate(e->params, e->session->dev, 0, err) ||
                   trained_load_params(checkpoint, path, e->params, err)
               ? -1
               : 0;
}

int exported_open(struct exported *e, const struct checkpoint *checkpoint, const char *path,
                  const struct session_options *options, struct log *log, struct error *err)
{
    *e = (struct exported){.checkpoint = checkpoint,
                           .path = path,
                           .log = log,
                           .config = checkpoint->config,
                           .fitted = &checkpoint->fitted,
                           .read = read_param};
    if (!find_shape(e, log, err) && !build(e, err) &&
        (e->session = session_open(e->config, options, err)) && !fill(e, checkpoint, path, err))
        return 0;
    exported_close(e);
    return -1;
}

void exported_close(struct exported *e)
{
    graph_free(e->graph);
    params_free(e->params);
    session_close(e->session);
    dataset_free(e->data);
    *e = (struct exported){0};
}

int exported_read(void *e, const struct tensor *param, float *to, struct error *err)
{
    const struct exported *of = e;
    const int bits = model_weight_bits(of->config);
    if (of->read(of, param, to, err))
        return -1;
    if (bits && param->rank > 1) /* as the model was trained to compute */
        fixed_round(to, param->dim[0], param->elems / param->dim[0], bits);
    return 0;
}

unsigned char *exported_needed(const struct graph *g, const struct model_io *io)
{
    unsigned char *needed = calloc(g->op_count + 1, 1);
    const struct tensor *output = tensor_base(io->output);
    if (needed && output->maker)
        needed[output->maker->at] = 1;
    for (size_t i = g->op_count; needed && i-- > 0;)
        for (int k = 0; needed[i] && k < OP_INPUTS; k++) {
            const struct tensor *t = tensor_base(g->ops[i]->in[k]);
            if (t && t->maker)
                needed[t->maker->at] = 1;
        }
    return needed;
}

int exported_goes_by_row(const struct exported *e)
{
    const struct config *c = e->config;
    return e->by_row && e->data->channels == 1 && !model_attends(c) && !c->model.bidirectional &&
           !c->model.reversible_norm && e->data->scaler.kind != SCALER_WINDOW &&
           e->data->scaler.kind != SCALER_RELATIVE;
}

int exported_stream(struct exported *e, const char *who, struct error *err)
{
    const struct config *c = e->config;
    const char *why = NULL;
    if (!model_of(c)->carries)
        why = "a model of type %s walks along no rows with a state";
    else if (!e->by_row)
        why = "a model of type %s begins each window anew, unless data.target_rows = window";
    else if (c->model.bidirectional)
        why = "this model of type %s also walks backward, from the end of a window";
    else if (c->model.attention_layers > 0)
        why = "this model of type %s attends to all rows of a window (model.attention_layers)";
    else if (c->model.reversible_norm || c->data.scaler.kind == SCALER_WINDOW ||
             c->data.scaler.kind == SCALER_RELATIVE)
        why = "this model of type %s scales each window as a whole";
    if (why) {
        char text[160];
        snprintf(text, sizeof text, why, model_of(c)->name);
        return error_set(err, STATUS_USAGE, "%s: %s", who, text);
    }
    e->streams = 1;
    return 0;
}
