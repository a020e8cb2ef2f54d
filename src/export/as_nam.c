/* SPDX-License-Identifier: MIT */
#include "export/as_nam.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "params/params.h"
#include "util/jsonmem.h"

/* The oldest version of the format that has all that is written. */
#define NAM_VERSION "0.5.0"

/* --- what can be written */

/* How the target of a model comes back: y scale + offset; -1: not so. */
static int linear_target(const struct exported *e, double *scale, double *offset)
{
    const struct transform *t = e->fitted->transform;
    *scale = 1;
    *offset = 0;
    for (size_t i = e->fitted->targets ? t->steps : 0; i-- > 0;) {
        const struct transform_step *s = &t->step[i];
        if (s->kind == TRANSFORM_CLIP) /* its inverse changes nothing */
            continue;
        if (s->kind != TRANSFORM_SCALE && s->kind != TRANSFORM_STANDARD)
            return -1;
        *scale *= s->scale;
        *offset = *offset * s->scale + s->offset;
    }
    return 0;
}

static int check(struct exported *e, struct error *err)
{
    const struct config *c = e->config;
    double scale, offset;
    const char *why = NULL;
    if (c->model.type != MODEL_RECURRENT || c->model.cell != CELL_LSTM || c->model.layer_norm)
        why = "holds an LSTM without norms: model.type = recurrent, model.cell = lstm";
    else if (e->shape.features * e->data->channels != 1 || e->shape.targets != 1)
        why = "makes one output of one input, and the model has others";
    else if (linear_target(e, &scale, &offset) || c->loss.target == LOSS_BCE)
        why =
            "holds no data.target_transform but clip, scale and standard, and no loss.target = bce";
    if (why)
        return error_set(err, STATUS_USAGE, "--format nam: NeuralAmpModelerCore %s", why);
    return exported_stream(e, "--format nam", err);
}

/* --- numbers */

/* The numbers of a parameter, which the caller frees; NULL with an error. */
static float *numbers_of(struct exported *e, struct error *err, const char *format, size_t layer)
{
    char name[PARAM_MAX_NAME];
    snprintf(name, sizeof name, format, layer);
    for (size_t i = 0; i < e->params->count; i++) {
        const struct tensor *t = &e->params->list[i]->value;
        if (strcmp(t->name, name) != 0)
            continue;
        float *to = malloc(t->elems * sizeof *to + 1);
        if (to && !exported_read(e, t, to, err))
            return to;
        if (!to)
            error_set(err, STATUS_FAILED, "out of memory");
        free(to);
        return NULL;
    }
    error_set(err, STATUS_FAILED, "%s: the model has no such parameter", name);
    return NULL;
}

static void add(json_t *to, double value)
{
    json_array_append_new(to, json_real((double)(float)value));
}

/* [W_ih | W_hh] row by row, with gates i f g o; b_ih + b_hh; the states, which begin with zeros.
 * The input x comes as (x - offset) / scale where the layer is the first. */
static void add_cell(json_t *to, float *const of[4], size_t in, size_t hidden, double offset,
                     double scale)
{
    for (size_t row = 0; row < 4 * hidden; row++) {
        for (size_t i = 0; i < in; i++)
            add(to, of[0][row * in + i] / scale);
        for (size_t i = 0; i < hidden; i++)
            add(to, of[1][row * hidden + i]);
    }
    for (size_t row = 0; row < 4 * hidden; row++) {
        double bias = (double)of[2][row] + of[3][row];
        for (size_t i = 0; i < in; i++)
            bias -= of[0][row * in + i] * offset / scale;
        add(to, bias);
    }
    for (size_t i = 0; i < 2 * hidden; i++)
        add(to, 0);
}

static int add_layer(struct exported *e, json_t *to, size_t layer, struct error *err)
{
    static const char *const name[] = {"lstm.weight_ih_l%zu", "lstm.weight_hh_l%zu",
                                       "lstm.bias_ih_l%zu", "lstm.bias_hh_l%zu"};
    const struct scaler *s = &e->data->scaler;
    const size_t hidden = (size_t)e->config->model.hidden, in = layer ? hidden : 1;
    float *of[4] = {NULL};
    int failed = 0;
    for (size_t i = 0; i < 4 && !failed; i++)
        failed = !(of[i] = numbers_of(e, err, name[i], layer));
    if (!failed)
        add_cell(to, of, in, hidden, layer ? 0 : s->offset[0], layer ? 1 : s->scale[0]);
    for (size_t i = 0; i < 4; i++)
        free(of[i]);
    return failed ? -1 : 0;
}

static int add_head(struct exported *e, json_t *to, struct error *err)
{
    double scale, offset;
    float *weight = numbers_of(e, err, "output.weight", 0);
    float *bias = weight ? numbers_of(e, err, "output.bias", 0) : NULL;
    linear_target(e, &scale, &offset);
    for (size_t i = 0; bias && i < (size_t)e->config->model.hidden; i++)
        add(to, weight[i] * scale);
    if (bias)
        add(to, bias[0] * scale + offset);
    const int failed = !bias;
    free(weight);
    free(bias);
    return failed ? -1 : 0;
}

/* --- the file */

static json_t *describe(const struct exported *e, json_t *weights)
{
    const struct config *c = e->config;
    json_t *nam = json_object(), *config = json_object();
    json_object_set_new(config, "input_size", json_integer(1));
    json_object_set_new(config, "hidden_size", json_integer(c->model.hidden));
    json_object_set_new(config, "num_layers", json_integer(c->model.layers));
    json_object_set_new(nam, "version", json_string(NAM_VERSION));
    json_object_set_new(nam, "architecture", json_string("LSTM"));
    json_object_set_new(nam, "config", config);
    json_object_set(nam, "weights", weights);
    if (c->signal.sample_rate > 0)
        json_object_set_new(nam, "sample_rate", json_real(c->signal.sample_rate));
    return nam;
}

static int as_nam_write(struct exported *e, FILE *to, char told[256], struct error *err)
{
    json_t *weights = json_array();
    int failed = check(e, err);
    for (size_t i = 0; i < (size_t)e->config->model.layers && !failed; i++)
        failed = add_layer(e, weights, i, err);
    failed = failed || add_head(e, weights, err);
    if (!failed) {
        json_t *nam = describe(e, weights);
        char *text = jsonmem_dumps(nam, JSON_REAL_PRECISION(9));
        if (text)
            fprintf(to, "%s\n", text);
        else
            failed = error_set(err, STATUS_FAILED, "out of memory");
        free(text);
        json_decref(nam);
    }
    snprintf(told, 256, "%zu numbers", json_array_size(weights));
    json_decref(weights);
    return failed ? -1 : 0;
}

const struct export_format export_nam = {
    .name = "nam", .what = "an LSTM for NeuralAmpModelerCore", .is_text = 1, .write = as_nam_write};
