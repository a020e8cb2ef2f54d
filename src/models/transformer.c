/* SPDX-License-Identifier: MIT */
#include "models/transformer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Heads of keys and values. */
static long transformer_key_heads(const struct config *config)
{
    return config->model.kv_heads > 0 ? config->model.kv_heads : config->model.heads;
}

static size_t transformer_feedforward(const struct config *config)
{
    const long width = config->model.feedforward;
    if (width > 0)
        return (size_t)width;
    return config->model.type == MODEL_LANGUAGE ? 4 * (size_t)config->model.d_model : 256;
}

/* Activations of a feed-forward part that is not gated. */
static const enum act acts[CHOICES_model_activation] = {[ACTIVATION_GELU] = ACT_GELU,
                                                        [ACTIVATION_RELU] = ACT_RELU,
                                                        [ACTIVATION_GELU_TANH] = ACT_GELU_TANH};

struct transformer transformer_of(const struct config *config, size_t window, size_t width,
                                  size_t layers)
{
    return (struct transformer){
        .window = window,
        .width = width,
        .heads = (size_t)config->model.heads,
        .layers = layers,
        .feedforward = transformer_feedforward(config),
        .act = acts[config->model.activation],
        .dropout = config->model.dropout,
        .norm_first = config->model.norm_first,
        .rms = config->model.norm == NORM_RMS,
        .final_norm = config->model.norm_first,
        .attend = {.causal = config->model.attention == ATTENTION_CAUSAL,
                   .key_heads = (size_t)transformer_key_heads(config)},
        .view = "",
    };
}

long transformer_attends(const struct config *config)
{
    return config->model.d_model;
}

int transformer_units(const struct config *config, struct units *to, const char *const *names,
                      size_t count)
{
    const size_t layers = (size_t)config->model.layers;
    to->key = "feedforward";
    to->size = transformer_feedforward(config);
    to->sets = count * layers;
    for (size_t set = 0; set < to->sets; set++) {
        const char *name = names[set / layers];
        const struct unit_slice made = {.set = set, .blocks = 1, .stride = to->size};
        struct unit_slice read = made;
        read.axis = read.is_out = 1;
        units_add(to, made, "%s.layers.%zu.linear1.weight", name, set % layers);
        units_add(to, made, "%s.layers.%zu.linear1.bias", name, set % layers);
        units_add(to, read, "%s.layers.%zu.linear2.weight", name, set % layers);
    }
    return 0;
}

void transformer_check(struct config_making *making, const struct config *c)
{
    if (c->model.d_model % c->model.heads)
        config_clash(making, "model.heads", "model.d_model",
                     "d_model = %ld cannot be shared by heads = %ld equally", c->model.d_model,
                     c->model.heads);
    transformer_check_keys(making, c);
}

void transformer_check_keys(struct config_making *making, const struct config *c)
{
    if (c->model.heads % transformer_key_heads(c))
        config_clash(making, "model.kv_heads", "model.heads",
                     "heads = %ld cannot share kv_heads = %ld equally", c->model.heads,
                     c->model.kv_heads);
}

/* nn.MultiheadAttention of y with itself, `name`.self_attn: its projections Xavier uniform over
 * [D + 2 D key_heads / heads, D], biases 0 */
static struct tensor *self_attention(struct graph *g, struct tensor *y, const struct transformer *t,
                                     const char *name)
{
    const size_t columns = t->width + 2 * (t->width / t->heads) * t->attend.key_heads;
    double bound = sqrt(6.0 / (double)(t->width + columns));
    struct tensor *qkv =
        op_linear_named(g, y, columns, graph_name("%s.self_attn.in_proj_weight", name),
                        graph_name("%s.self_attn.in_proj_bias", name), bound, 0);
    if (t->rotary)
        qkv = op_rotary(g, qkv, t->heads, t->attend.key_heads, ROTARY_NEIGHBOURS, t->rotary);
    struct tensor *o = op_attention(g, qkv, t->heads, &t->attend, t->dropout,
                                    graph_name("%s%s.self_attn", t->view, name));
    return op_linear_named(g, o, t->width, graph_name("%s.self_attn.out_proj.weight", name),
                           graph_name("%s.self_attn.out_proj.bias", name),
                           1 / sqrt((double)t->width), 0);
}

static struct tensor *feed_forward(struct graph *g, struct tensor *y, const struct transformer *t,
                                   const char *name)
{
    struct tensor *u = op_linear(g, y, t->feedforward, graph_name("%s.linear1", name));
    u = op_activation(g, u, t->act, name);
    u = op_dropout(g, u, t->dropout, graph_name("%s%s.dropout", t->view, name));
    return op_linear(g, u, t->width, graph_name("%s.linear2", name));
}

static struct tensor *norm(struct graph *g, struct tensor *h, const struct transformer *t,
                           const char *name)
{
    return t->rms ? op_rms_norm(g, h, name) : op_norm(g, h, name);
}

/* h + dropout(x) */
static struct tensor *join(struct graph *g, struct tensor *h, struct tensor *x,
                           const struct transformer *t, const char *name, int number)
{
    x = op_dropout(g, x, t->dropout, graph_name("%s%s.dropout%d", t->view, name, number));
    return op_add(g, h, x);
}

/* nn.TransformerEncoderLayer `name` */
static struct tensor *encoder_layer(struct graph *g, struct tensor *h, const struct transformer *t,
                                    const char *name)
{
    char norm1[96], norm2[96];
    snprintf(norm1, sizeof norm1, "%s.norm1", name);
    snprintf(norm2, sizeof norm2, "%s.norm2", name);
    if (t->norm_first) {
        h = join(g, h, self_attention(g, norm(g, h, t, norm1), t, name), t, name, 1);
        return join(g, h, feed_forward(g, norm(g, h, t, norm2), t, name), t, name, 2);
    }
    h = norm(g, join(g, h, self_attention(g, h, t, name), t, name, 1), t, norm1);
    return norm(g, join(g, h, feed_forward(g, h, t, name), t, name, 2), t, norm2);
}

struct tensor *transformer_encoder(struct graph *g, struct tensor *h, const struct transformer *t,
                                   const char *name)
{
    char layer[64];
    for (size_t i = 0; i < t->layers; i++) {
        snprintf(layer, sizeof layer, "%s.layers.%zu", name, i);
        graph_layer(g);
        h = encoder_layer(g, h, t, layer);
    }
    graph_layers_end(g);
    return t->final_norm ? norm(g, h, t, graph_name("%s.norm", name)) : h;
}

struct tensor *transformer_positions(struct graph *g, const struct transformer *t, int learned,
                                     const char *name)
{
    size_t dim[] = {t->window, t->width};
    if (learned)
        return graph_param(g, name, 2, dim, 0, INIT_NORMAL, 0.02);
    if (dim[0] > GRAPH_MAX_TABLE / dim[1]) {
        graph_fault(g, name,
                    "has more than 2^26 positions and columns: a shorter data.window, a "
                    "smaller model.d_model or another model.positions helps");
        return &g->nowhere;
    }
    float *values = malloc(dim[0] * dim[1] * sizeof *values);
    if (!values) {
        g->failed = 1;
        return &g->nowhere;
    }
    for (size_t row = 0; row < dim[0]; row++)
        for (size_t d = 0; d < dim[1]; d++) {
            double angle = (double)row / pow(10000, (double)(d - d % 2) / (double)dim[1]);
            values[row * dim[1] + d] = (float)(d % 2 ? cos(angle) : sin(angle));
        }
    struct tensor *table = graph_constant(g, name, 2, dim, values);
    free(values);
    return table;
}
