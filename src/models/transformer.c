/* SPDX-License-Identifier: MIT */
#include "models/transformer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct layer {
    char name[64];
    char text[96];
};

const char *transformer_mask(char to[96], const char *view, const char *name)
{
    snprintf(to, 96, "%s%s", view, name);
    return to;
}

static const char *part(struct layer *l, const char *what)
{
    snprintf(l->text, sizeof l->text, "%s.%s", l->name, what);
    return l->text;
}

/* Output projection of self-attention over y, without its bias added. */
static struct tensor *self_attention(struct graph *g, struct tensor *y, const struct transformer *t,
                                     struct layer *l)
{
    size_t rows = g->batch * t->window, d = t->width;
    struct layer bias = *l;
    char mask[96];
    /* nn.MultiheadAttention: Xavier uniform over [3 D, D], biases 0 */
    struct tensor *qkv =
        op_linear_named(g, y, rows, d, 3 * d, part(l, "self_attn.in_proj_weight"),
                        part(&bias, "self_attn.in_proj_bias"), sqrt(6.0 / (4.0 * (double)d)), 0);
    struct tensor *o =
        op_attention(g, qkv, t->window, d, t->heads, &t->attend,
                     &(struct drop){t->dropout, t->sample, t->window,
                                    transformer_mask(mask, t->view, part(l, "self_attn"))});
    return op_linear_named(g, o, rows, d, d, part(l, "self_attn.out_proj.weight"),
                           part(&bias, "self_attn.out_proj.bias"), 1 / sqrt((double)d), 0);
}

static struct tensor *feed_forward(struct graph *g, struct tensor *y, const struct transformer *t,
                                   struct layer *l)
{
    size_t rows = g->batch * t->window;
    char mask[96];
    struct tensor *u = op_linear(g, y, rows, t->width, t->feedforward, part(l, "linear1"));
    u = op_bias(g, u, rows, t->feedforward, t->act, NULL,
                &(struct drop){t->dropout, t->sample, t->window,
                               transformer_mask(mask, t->view, part(l, "dropout"))});
    return op_linear(g, u, rows, t->feedforward, t->width, part(l, "linear2"));
}

struct tensor *transformer_encoder(struct graph *g, struct tensor *h, const struct transformer *t,
                                   const char *name)
{
    size_t rows = g->batch * t->window;
    struct layer l, next;
    char mask[96], final[64];
    struct tensor *y = h;
    snprintf(final, sizeof final, "%s.norm", name);
    snprintf(l.name, sizeof l.name, "%s.layers.0", name);
    if (t->norm_first)
        y = op_add_norm(g, h, NULL, rows, t->width, part(&l, "norm1"),
                        &(struct drop){0, t->sample, t->window, ""}, NULL);
    for (size_t i = 0; i < t->layers; i++) {
        snprintf(l.name, sizeof l.name, "%s.layers.%zu", name, i);
        snprintf(next.name, sizeof next.name, "%s.layers.%zu", name, i + 1);
        struct drop after = {t->dropout, t->sample, t->window,
                             transformer_mask(mask, t->view, part(&l, "dropout1"))};
        struct tensor *x = self_attention(g, y, t, &l);
        if (t->norm_first) {
            y = op_add_norm(g, x, h, rows, t->width, part(&l, "norm2"), &after, &h);
            x = feed_forward(g, y, t, &l);
            transformer_mask(mask, t->view, part(&l, "dropout2"));
            const char *norm = i + 1 < t->layers ? part(&next, "norm1")
                               : t->final_norm   ? final
                                                 : NULL;
            y = op_add_norm(g, x, h, rows, t->width, norm, &after, norm == final ? NULL : &h);
            h = norm == final ? y : h;
        } else {
            h = op_add_norm(g, x, h, rows, t->width, part(&l, "norm1"), &after, NULL);
            x = feed_forward(g, h, t, &l);
            transformer_mask(mask, t->view, part(&l, "dropout2"));
            y = h = op_add_norm(g, x, h, rows, t->width, part(&l, "norm2"), &after, NULL);
        }
    }
    return h;
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
        return graph_state(g, name, 1);
    }
    float *values = malloc(dim[0] * dim[1] * sizeof *values);
    if (!values) {
        g->failed = 1;
        return graph_state(g, name, dim[0] * dim[1]);
    }
    for (size_t row = 0; row < dim[0]; row++)
        for (size_t d = 0; d < dim[1]; d++) {
            double angle = (double)row / pow(10000, (double)(d - d % 2) / (double)dim[1]);
            values[row * dim[1] + d] = (float)(d % 2 ? cos(angle) : sin(angle));
        }
    struct tensor *table = graph_constant(g, name, dim[0] * dim[1], values);
    free(values);
    return table;
}
