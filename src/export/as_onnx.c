/* SPDX-License-Identifier: MIT */
#include "export/as_onnx.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "export/as_onnx_ends.h"
#include "ir/graph.h"
#include "util/jsonmem.h"

/* --- operations */

/* Marks what the tensor is made of. */
static void need(unsigned char *needed, const struct tensor *t)
{
    const struct op *op = t ? t->maker : NULL;
    if (op)
        needed[op->at] = 1;
}

static void need_inputs(unsigned char *needed, const struct op *op)
{
    for (int i = 0; i < OP_INPUTS; i++)
        need(needed, tensor_base(op->in[i]));
}

static void append(struct onnx *o, struct op *op)
{
    onnx_path(o, op->path);
    if (op->class->onnx)
        op->class->onnx(o, op);
    else
        onnx_fault(o, "%s: the operation '%s' has no form in ONNX: %s", op->path, op->class->name,
                   op->class->no_onnx ? op->class->no_onnx : "nobody has written it");
}

/* Those operations, in their order, that outputs are made of. */
static void append_needed(struct onnx *o, struct exported *e)
{
    struct graph *g = e->graph;
    unsigned char *needed = calloc(g->op_count + 1, 1);
    if (!needed) {
        onnx_no_memory(o);
        return;
    }
    need(needed, tensor_base(e->io.output));
    need(needed, tensor_base(e->io.latent));
    for (size_t i = g->op_count; i-- > 0;)
        if (needed[i])
            need_inputs(needed, g->ops[i]);
    for (size_t i = 0; i < g->op_count; i++)
        if (needed[i])
            append(o, g->ops[i]);
    free(needed);
}

/* --- inputs and outputs */

static const struct onnx_port windows = {
    .name = "input", .type = ONNX_FLOAT, .rank = 3, .named = {"batch"}};

/* The dimension of rows: a name where there may be any number of them. */
static struct onnx_port with_rows(struct onnx_port port, int are_free, const char *name,
                                  size_t rows)
{
    port.named[1] = are_free ? name : NULL;
    port.dim[1] = rows;
    return port;
}

/* Rows may be of any number where each has an output of its own and none is scaled by others. */
static int rows_are_free(const struct exported *e)
{
    const int kind = e->config->data.scaler.kind;
    return e->by_row && !(e->data && (kind == SCALER_WINDOW || kind == SCALER_RELATIVE)) &&
           !e->config->model.reversible_norm && ends_channels(e) == 1;
}

static void begin_tokens(struct onnx *o, const struct exported *e)
{
    const struct onnx_port tokens = {
        .name = "tokens", .type = ONNX_INT64, .rank = 2, .named = {"batch", "rows"}};
    struct onnx_port clip = windows;
    onnx_input(o, &tokens);
    onnx_is(o, e->io.tokens, tokens.name);
    if (!e->io.clip)
        return;
    clip.name = "clip";
    clip.dim[1] = e->shape.clip_rows;
    clip.dim[2] = e->shape.clip_columns;
    onnx_input(o, &clip);
    onnx_is(o, e->io.clip, clip.name);
}

static void end_tokens(struct onnx *o, const struct exported *e)
{
    /* rows of the clip stand in front of those of the tokens */
    struct onnx_port logits = with_rows(windows, 1, e->io.clip ? "clip_and_rows" : "rows", 0);
    logits.name = "logits";
    logits.dim[2] = e->shape.vocabulary;
    onnx_output(o, &logits, onnx_of(o, e->io.output));
}

static void begin_rows(struct onnx *o, const struct exported *e, struct ends *kept)
{
    struct onnx_port input = with_rows(windows, rows_are_free(e), "rows", e->shape.window);
    input.dim[2] = e->data->features * ends_channels(e);
    onnx_input(o, &input);
    onnx_path(o, "scaler");
    onnx_is(o, e->io.input, ends_in(o, e, input.name, kept));
}

static void end_targets(struct onnx *o, const struct exported *e)
{
    struct onnx_port output = with_rows(windows, rows_are_free(e), "rows", e->shape.target_rows);
    output.name = "output";
    output.dim[2] = e->shape.targets * ends_channels(e);
    onnx_output(o, &output, ends_targets(o, e, onnx_of(o, e->io.output)));
}

/* The latent vectors of channels that are apart are windows of the batch, [B C, latent]. */
static void end_latent(struct onnx *o, const struct exported *e)
{
    const size_t channels = ends_channels(e), columns = tensor_columns(e->io.latent);
    const int64_t dim[] = {-1, (int64_t)channels, (int64_t)columns};
    struct onnx_port latent = {
        .name = "latent", .type = ONNX_FLOAT, .rank = 2, .named = {"batch"}, .dim = {0, columns}};
    const char *z = onnx_of(o, e->io.latent);
    if (channels > 1) {
        latent.rank = 3;
        latent.dim[1] = channels;
        latent.dim[2] = columns;
        z = onnx_reshape(o, z, 3, dim);
    }
    onnx_output(o, &latent, z);
}

static void end_windows(struct onnx *o, const struct exported *e, const struct ends *kept)
{
    struct onnx_port output = with_rows(windows, 0, NULL, e->shape.window);
    output.name = "reconstruction";
    output.dim[2] = e->data->features * ends_channels(e);
    onnx_output(o, &output, ends_reconstruction(o, e, onnx_of(o, e->io.output), kept));
    if (e->io.latent)
        end_latent(o, e);
}

/* --- metadata */

static void tell_json(struct onnx *o, const char *key, json_t *value)
{
    char *text = value ? jsonmem_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)) : NULL;
    if (text)
        onnx_tell(o, key, text);
    else
        onnx_no_memory(o);
    free(text);
    json_decref(value);
}

static json_t *names(char *const *name, size_t count)
{
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *text = json_string(name[i]); /* a column's name need not be text */
        json_array_append_new(all, text ? text : json_null());
    }
    return all;
}

static json_t *numbers(const double *value, size_t count)
{
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(all, json_real(value[i]));
    return all;
}

static void tell_scaler(struct onnx *o, const struct exported *e)
{
    const struct scaler *s = &e->data->scaler;
    json_t *scaler = json_object();
    json_object_set_new(scaler, "kind", json_string(config_choice("data", "scaler", s->kind)));
    json_object_set_new(scaler, "offset", numbers(s->offset, s->features));
    json_object_set_new(scaler, "scale", numbers(s->scale, s->features));
    tell_json(o, "scaler", scaler);
}

static void tell_transform(struct onnx *o, const struct exported *e)
{
    char *text = transform_text(e->fitted->transform, e->fitted->targets);
    if (text)
        onnx_tell(o, "target_transform", text);
    else
        onnx_no_memory(o);
    free(text);
}

/* With channels apart the columns of input and output are the features, channel by channel. */
static void tell_data(struct onnx *o, const struct exported *e)
{
    const struct list *features = &e->config->data.features;
    const int apart = ends_channels(e) > 1;
    tell_json(o, "features", names(features->item, features->count));
    if (e->data->targets)
        tell_json(o, "targets",
                  apart ? names(features->item, features->count)
                        : names(e->data->target_names, e->data->targets));
    tell_scaler(o, e);
    if (e->data->targets && e->fitted->transform)
        tell_transform(o, e);
}

static void tell(struct onnx *o, const struct exported *e)
{
    char number[24];
    onnx_tell(o, "seqtrain.version", PACKAGE_VERSION);
    onnx_tell(o, "model.type", model_of(e->config)->name);
    snprintf(number, sizeof number, "%zu", e->shape.window);
    onnx_tell(o, "window", number);
    if (e->data)
        tell_data(o, e);
}

/* --- the model */

static void make(struct onnx *o, struct exported *e)
{
    struct ends kept = {NULL, NULL};
    if (e->streams)
        onnx_stream(o, "state");
    if (rows_are_free(e))
        onnx_free_rows(o);
    if (e->data)
        begin_rows(o, e, &kept);
    else
        begin_tokens(o, e);
    append_needed(o, e);
    onnx_path(o, "output");
    if (!e->data)
        end_tokens(o, e);
    else if (e->shape.targets)
        end_targets(o, e);
    else
        end_windows(o, e, &kept);
    if (e->streams)
        onnx_states_end(o, "next_state");
    tell(o, e);
}

static int as_onnx_write(struct exported *e, FILE *to, char told[256], struct error *err)
{
    struct onnx *o = onnx_new(exported_read, e);
    if (!o)
        return error_set(err, STATUS_FAILED, "out of memory");
    make(o, e);
    const int failed = onnx_write(o, e->config->run.name, "seqtrain", PACKAGE_VERSION, to, err);
    snprintf(told, 256, "%zu nodes, %zu numbers", onnx_nodes(o), onnx_floats(o));
    onnx_free(o);
    return failed;
}

const struct export_format export_onnx = {
    .name = "onnx", .what = "a model of ONNX, opset 17", .write = as_onnx_write};
