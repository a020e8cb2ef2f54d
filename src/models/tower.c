/* SPDX-License-Identifier: MIT */
#include "models/tower.h"

#include <stdio.h>
#include <string.h>

#include "ir/fuse.h"
#include "ops/ops.h"

/* Where the parts of a layer have their parameters. */
struct names {
    const char *layers;
    const char *norm[2], *query, *key, *value, *out, *up, *down;
};

static const struct names siglip_names = {
    .layers = "encoder.layers",
    .norm = {"layer_norm1", "layer_norm2"},
    .query = "self_attn.q_proj",
    .key = "self_attn.k_proj",
    .value = "self_attn.v_proj",
    .out = "self_attn.out_proj",
    .up = "mlp.fc1",
    .down = "mlp.fc2",
};

static const struct names vit_names = {
    .layers = "encoder.layer",
    .norm = {"layernorm_before", "layernorm_after"},
    .query = "attention.attention.query",
    .key = "attention.attention.key",
    .value = "attention.attention.value",
    .out = "attention.output.dense",
    .up = "intermediate.dense",
    .down = "output.dense",
};

static const enum act acts[] = {[HF_GELU] = ACT_GELU,
                                [HF_GELU_TANH] = ACT_GELU_TANH,
                                [HF_RELU] = ACT_RELU,
                                [HF_SILU] = ACT_SILU};

/* A parameter, which is read from a folder. */
static struct tensor *param(struct graph *g, const char *name, int rank, const size_t *dim)
{
    return graph_param(g, name, rank, dim, 0, INIT_NORMAL, 0.02);
}

static struct tensor *linear(struct graph *g, struct tensor *x, size_t out, int bare,
                             const char *path, const char *name)
{
    const char *full = graph_name("%s.%s", path, name);
    return bare ? op_linear_bare(g, x, out, full, 0.02) : op_linear(g, x, out, full);
}

/* down(act(up(x))) */
static struct tensor *feed_forward(struct graph *g, struct tensor *x, const struct hf_layers *l,
                                   const char *path, const char *up, const char *down)
{
    x = linear(g, x, l->feedforward, 0, path, up);
    x = op_activation(g, x, acts[l->activation], graph_name("%s.act", path));
    return linear(g, x, l->width, 0, path, down);
}

static struct tensor *attend(struct graph *g, struct tensor *x, const struct hf_layers *l,
                             const struct names *names, int bare, const char *path)
{
    const struct attend all = {0};
    struct tensor *q = linear(g, x, l->width, bare, path, names->query);
    struct tensor *k = linear(g, x, l->width, bare, path, names->key);
    struct tensor *v = linear(g, x, l->width, bare, path, names->value);
    x = op_attention(g, op_concat(g, op_concat(g, q, k), v), l->heads, &all, 0,
                     graph_name("%s.attention", path));
    return linear(g, x, l->width, 0, path, names->out);
}

/* The layers of a tower, h [B, N, D]: each norms what it reads. */
static struct tensor *layers(struct graph *g, struct tensor *h, const struct hf_layers *l,
                             const struct names *names, int bare, const char *tower)
{
    char path[PARAM_MAX_NAME];
    for (size_t i = 0; i < l->layers; i++) {
        snprintf(path, sizeof path, "%s.%s.%zu", tower, names->layers, i);
        graph_layer(g);
        struct tensor *x = op_norm_of(g, h, l->norm_eps, graph_name("%s.%s", path, names->norm[0]));
        h = op_add(g, h, attend(g, x, l, names, bare, path));
        x = op_norm_of(g, h, l->norm_eps, graph_name("%s.%s", path, names->norm[1]));
        h = op_add(g, h, feed_forward(g, x, l, path, names->up, names->down));
    }
    graph_layers_end(g);
    return h;
}

/* The convolution whose places are the patches: a product, [B, N, D]. */
static struct tensor *embed_patches(struct graph *g, const struct hf_tower *t, struct tensor *x,
                                    const char *name)
{
    const size_t width = t->vision.layers.width;
    const size_t dim[] = {width, t->vision.channels, t->vision.patch_height, t->vision.patch_width};
    struct tensor *weight = graph_weight(g, graph_name("%s.weight", name), 4, dim, 0.02);
    return op_bias(g, op_product(g, x, weight),
                   graph_bias(g, graph_name("%s.bias", name), width, 0.02));
}

/* SiglipMultiheadAttentionPoolingHead: a + mlp(layernorm(a)), a = attention(probe, h, h) */
static struct tensor *pool(struct graph *g, struct tensor *h, const struct hf_layers *l)
{
    static const char path[] = "vision_model.head";
    const size_t batch = h->dim[0], d = l->width;
    struct tensor *probe = param(g, "vision_model.head.probe", 3, (size_t[]){1, 1, d});
    struct tensor *weight = graph_weight(g, "vision_model.head.attention.in_proj_weight", 2,
                                         (size_t[]){3 * d, d}, 0.02);
    struct tensor *bias = graph_bias(g, "vision_model.head.attention.in_proj_bias", 3 * d, 0.02);
    params_pack(g->params, weight);
    probe = graph_view(g, probe, 2, (size_t[]){1, d});
    struct tensor *q = op_slice(g, op_bias(g, op_product(g, probe, weight), bias), 0, d);
    struct tensor *kv = op_slice(g, op_bias(g, op_product(g, h, weight), bias), d, 2 * d);
    struct tensor *a = op_attention_over(g, q, kv, l->heads, "vision_model.head.attention");
    a = graph_view(g, a, 2, (size_t[]){batch, d});
    a = linear(g, a, d, 0, path, "attention.out_proj");
    struct tensor *x = op_norm_of(g, a, l->norm_eps, "vision_model.head.layernorm");
    return op_add(g, a, feed_forward(g, x, l, path, "mlp.fc1", "mlp.fc2"));
}

static void siglip_images(struct graph *g, const struct hf_tower *t, struct tower_io *io)
{
    const struct hf_layers *l = &t->vision.layers;
    const size_t dim[] = {hf_tower_patches(t), l->width};
    struct tensor *h = embed_patches(g, t, io->patches, "vision_model.embeddings.patch_embedding");
    h = op_add(g, h, param(g, "vision_model.embeddings.position_embedding.weight", 2, dim));
    h = layers(g, h, l, &siglip_names, 0, "vision_model");
    io->rows = op_norm_of(g, h, l->norm_eps, "vision_model.post_layernorm");
    if (t->vision.has_head)
        io->pooled = pool(g, io->rows, l);
}

/* The class token in front of the rows h [B, N, D]: [B, N + 1, D] */
static struct tensor *with_class(struct graph *g, struct tensor *h)
{
    const size_t batch = h->dim[0], n = h->dim[1], d = h->dim[2];
    struct tensor *token = param(g, "vit.embeddings.cls_token", 3, (size_t[]){1, 1, d});
    struct tensor *number = graph_state(g, "class", DTYPE_U32, 1, &batch); /* zeros */
    token =
        op_lookup(g, number, graph_view(g, token, 2, (size_t[]){1, d}), "vit.embeddings.cls_token");
    h = op_concat(g, token, graph_view(g, h, 2, (size_t[]){batch, n * d}));
    return graph_view(g, h, 3, (size_t[]){batch, n + 1, d});
}

static void vit_images(struct graph *g, const struct hf_tower *t, struct tower_io *io)
{
    const struct hf_layers *l = &t->vision.layers;
    const size_t n = hf_tower_patches(t), d = l->width, batch = io->patches->dim[0];
    struct tensor *h =
        embed_patches(g, t, io->patches, "vit.embeddings.patch_embeddings.projection");
    struct tensor *positions =
        param(g, "vit.embeddings.position_embeddings", 3, (size_t[]){1, n + 1, d});
    h = op_add(g, with_class(g, h), graph_view(g, positions, 2, (size_t[]){n + 1, d}));
    h = layers(g, h, l, &vit_names, t->vision.no_bias, "vit");
    h = op_norm_of(g, h, l->norm_eps, "vit.layernorm");
    h = graph_view(g, h, 2, (size_t[]){batch, (n + 1) * d});
    io->pooled = op_slice(g, h, 0, d);
    io->rows = graph_view(g, op_slice(g, h, d, n * d), 3, (size_t[]){batch, n, d});
}

/* An empty graph whose activations are stored so. */
static struct graph *begin(struct params *params, size_t batch, enum dtype stored,
                           struct tower_io *io)
{
    struct graph *g = graph_new(params, batch, 0);
    *io = (struct tower_io){0};
    if (!g)
        return NULL;
    op_store(g, stored);
    g->sample = graph_state(g, "sample", DTYPE_U32, 1, &batch);
    return g;
}

static struct graph *end(struct graph *g, struct tower_io *io)
{
    if (io->rows)
        io->rows = graph_keep(g, io->rows);
    if (io->pooled)
        io->pooled = graph_keep(g, io->pooled);
    graph_fuse(g);
    return g;
}

struct graph *tower_images(struct params *params, const struct hf_tower *t, size_t batch,
                           enum dtype stored, struct tower_io *io)
{
    const size_t dim[] = {batch, hf_tower_patches(t), tower_patch_elems(t)};
    struct graph *g = begin(params, batch, stored, io);
    if (!g)
        return NULL;
    io->patches = graph_state(g, "patches", DTYPE_F32, 3, dim);
    (t->kind == HF_TOWER_VIT ? vit_images : siglip_images)(g, t, io);
    return end(g, io);
}

struct graph *tower_texts(struct params *params, const struct hf_tower *t, size_t batch,
                          enum dtype stored, struct tower_io *io)
{
    const struct hf_layers *l = &t->text.layers;
    const size_t dim[] = {batch, t->text.positions}, places[] = {t->text.positions, l->width};
    const size_t table[] = {t->text.vocabulary, l->width};
    struct graph *g = begin(params, batch, stored, io);
    if (!g)
        return NULL;
    io->tokens = graph_state(g, "tokens", DTYPE_U32, 2, dim);
    struct tensor *h =
        op_lookup(g, io->tokens, param(g, "text_model.embeddings.token_embedding.weight", 2, table),
                  "text_model.embeddings.token_embedding");
    h = op_add(g, h, param(g, "text_model.embeddings.position_embedding.weight", 2, places));
    h = layers(g, h, l, &siglip_names, 0, "text_model");
    h = op_norm_of(g, h, l->norm_eps, "text_model.final_layer_norm");
    h = op_pool(g, h, 0, POOL_LAST, "text_model");
    io->pooled = op_linear(g, h, t->text.projection, "text_model.head");
    return end(g, io);
}

static int begins(const char *name, const char *with)
{
    return !strncmp(name, with, strlen(with));
}

int tower_passes_over(const char *name, int texts)
{
    static const char *const others[] = {"logit_scale", "logit_bias", "classifier.", "pooler.",
                                         "vit.pooler."};
    const size_t n = strlen(name);
    const char *end = ".position_ids"; /* saved by old versions: 0, 1, 2 ... */
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (begins(name, others[i]))
            return 1;
    if (n > strlen(end) && !strcmp(name + n - strlen(end), end))
        return 1;
    return begins(name, texts ? "vision_model." : "text_model.");
}

size_t tower_patch_elems(const struct hf_tower *t)
{
    return t->vision.channels * t->vision.patch_height * t->vision.patch_width;
}

void tower_cut(const struct hf_tower *t, const float *image, float *to)
{
    const size_t ph = t->vision.patch_height, pw = t->vision.patch_width;
    const size_t height = t->vision.height, width = t->vision.width;
    for (size_t y = 0; y + ph <= height; y += ph)
        for (size_t x = 0; x + pw <= width; x += pw)
            for (size_t c = 0; c < t->vision.channels; c++)
                for (size_t i = 0; i < ph; i++, to += pw)
                    memcpy(to, image + (c * height + y + i) * width + x, pw * sizeof *to);
}
