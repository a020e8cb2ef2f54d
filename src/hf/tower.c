/* SPDX-License-Identifier: MIT */
#include "hf/tower.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hf/json.h"
#include "util/file.h"
#include "util/shown.h"

#define WIDTH_MOST 65536.0 /* columns, heads and pixels */
#define LAYERS_MOST 1000.0
#define PATCHES_MOST 65536 /* of an image */
#define TOKENS_MOST 1e7

/* One size for both, or [height, width]. */
static void read_pair(struct hf_reader *s, const char *key, double otherwise, size_t *height,
                      size_t *width)
{
    const json_t *value = hf_value(s, key);
    if (json_is_array(value) && json_array_size(value) == 2) {
        *height = hf_whole_of(s, key, json_array_get(value, 0), WIDTH_MOST);
        *width = hf_whole_of(s, key, json_array_get(value, 1), WIDTH_MOST);
    } else {
        *height = *width = hf_whole(s, key, otherwise, WIDTH_MOST);
    }
}

static enum hf_activation read_activation(struct hf_reader *s, const char *key,
                                          const char *otherwise)
{
    static const struct {
        const char *name;
        enum hf_activation is;
    } known[] = {{"gelu", HF_GELU}, {"gelu_new", HF_GELU_TANH}, {"gelu_pytorch_tanh", HF_GELU_TANH},
                 {"relu", HF_RELU}, {"silu", HF_SILU},          {"swish", HF_SILU}};
    const char *name = hf_text(s, key);
    char what[200];
    name = name ? name : otherwise;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(name, known[i].name))
            return known[i].is;
    snprintf(what, sizeof what,
             "is '%s': gelu, gelu_new, gelu_pytorch_tanh, relu, silu and swish are computed",
             show_name(name).text);
    hf_fault(s, key, what);
    return HF_GELU;
}

/* Layers with transformers' defaults but for `eps` and `activation`. */
static struct hf_layers read_layers(struct hf_reader *s, double eps, const char *activation)
{
    struct hf_layers l = {.width = hf_whole(s, "hidden_size", 768, WIDTH_MOST),
                          .layers = hf_whole(s, "num_hidden_layers", 12, LAYERS_MOST),
                          .heads = hf_whole(s, "num_attention_heads", 12, WIDTH_MOST),
                          .feedforward = hf_whole(s, "intermediate_size", 3072, 4 * WIDTH_MOST),
                          .activation = read_activation(s, "hidden_act", activation),
                          .norm_eps = hf_number(s, "layer_norm_eps", eps, 0, 1)};
    if (l.width % l.heads)
        hf_fault(s, "hidden_size", "cannot be shared by num_attention_heads equally");
    return l;
}

/* The image and its patches; `size` and `patch` where the file does not say. */
static void read_image(struct hf_reader *s, struct hf_tower *to)
{
    to->vision.channels = hf_whole(s, "num_channels", 3, 64);
    read_pair(s, "image_size", 224, &to->vision.height, &to->vision.width);
    read_pair(s, "patch_size", 16, &to->vision.patch_height, &to->vision.patch_width);
    if (to->vision.patch_height > to->vision.height || to->vision.patch_width > to->vision.width)
        hf_fault(s, "patch_size", "is larger than image_size");
    else if (hf_tower_patches(to) > PATCHES_MOST)
        hf_fault(s, "image_size", "makes more than 65536 patches");
}

/* The vision tower of SigLIP. NaFlex has no image_size, and num_patches. */
static void read_siglip(struct hf_reader *s, int second, struct hf_tower *to)
{
    static const char naflex[] = "is of a model for images of any shape (NaFlex), which is not "
                                 "computed: one of a fixed resolution is";
    if (hf_value(s, "num_patches"))
        hf_fault(s, "num_patches", naflex);
    else if (second && !hf_value(s, "image_size"))
        hf_fault(s, "image_size",
                 "is missing: the file is of a model for images of any shape "
                 "(NaFlex), which is not computed");
    to->kind = HF_TOWER_SIGLIP;
    to->vision.layers = read_layers(s, 1e-6, "gelu_pytorch_tanh");
    to->vision.has_head = hf_truth(s, "vision_use_head", 1);
    read_image(s, to);
}

static void read_vit(struct hf_reader *s, struct hf_tower *to)
{
    to->kind = HF_TOWER_VIT;
    to->vision.layers = read_layers(s, 1e-12, "gelu");
    to->vision.no_bias = !hf_truth(s, "qkv_bias", 1);
    read_image(s, to);
}

static void read_text(struct hf_reader *s, struct hf_tower *to)
{
    const char *pad = "pad_token_id";
    to->has_text = 1;
    to->text.layers = read_layers(s, 1e-6, "gelu_pytorch_tanh");
    to->text.vocabulary = hf_whole(s, "vocab_size", 32000, TOKENS_MOST);
    to->text.positions = hf_whole(s, "max_position_embeddings", 64, WIDTH_MOST);
    to->text.projection = hf_whole(s, "projection_size", (double)to->text.layers.width, WIDTH_MOST);
    to->text.pad = (long)floor(hf_number(s, pad, 1, -1, TOKENS_MOST));
    if (json_object_get(s->object, pad) && !hf_value(s, pad))
        to->text.pad = -1;
}

/* The part of a file that a key names; an empty one where it is missing. */
static struct hf_reader part_of(const struct hf_reader *s, const char *key, const char *part,
                                json_t *empty)
{
    const json_t *value = hf_value(s, key);
    struct hf_reader inner = {.object = value ? value : empty,
                              .path = s->path,
                              .part = part,
                              .err = s->err,
                              .failed = s->failed};
    if (value && !json_is_object(value)) {
        inner.part = "";
        hf_fault(&inner, key, "is no object");
    }
    return inner;
}

/* Both towers of one file. */
static void read_both(struct hf_reader *s, int second, struct hf_tower *to)
{
    json_t *empty = json_object();
    struct hf_reader inner = part_of(s, "vision_config", "vision_config.", empty);
    const char *type = hf_text(&inner, "model_type");
    read_siglip(&inner, second || (type && !strcmp(type, "siglip2_vision_model")), to);
    s->failed = inner.failed;
    inner = part_of(s, "text_config", "text_config.", empty);
    read_text(&inner, to);
    s->failed = inner.failed;
    if (to->vision.has_head && to->text.projection != to->vision.layers.width)
        hf_fault(s, "text_config.projection_size",
                 "is not vision_config.hidden_size: images and texts cannot be compared");
    json_decref(empty);
}

static void read_kind(struct hf_reader *s, struct hf_tower *to)
{
    const char *type = hf_text(s, "model_type");
    char what[200];
    if (!type)
        hf_fault(s, "model_type", "is missing");
    else if (!strcmp(type, "siglip") || !strcmp(type, "siglip2"))
        read_both(s, !strcmp(type, "siglip2"), to);
    else if (!strcmp(type, "siglip_vision_model") || !strcmp(type, "siglip2_vision_model"))
        read_siglip(s, !strcmp(type, "siglip2_vision_model"), to);
    else if (!strcmp(type, "vit"))
        read_vit(s, to);
    else {
        snprintf(what, sizeof what,
                 "is '%s': encoders of the types siglip, siglip2, siglip_vision_model and vit are "
                 "read",
                 show_name(type).text);
        hf_fault(s, "model_type", what);
    }
}

int hf_tower_parse(struct hf_tower *to, const char *bytes, size_t size, const char *name,
                   struct error *err)
{
    json_t *json = hf_json(bytes, size, name, err);
    struct hf_reader s = {.object = json, .path = name, .part = "", .err = err};
    *to = (struct hf_tower){0};
    if (!json)
        return -1;
    if (hf_value(&s, "quantization_config"))
        hf_fault(&s, "quantization_config", "is there: packed weights of encoders are not read");
    read_kind(&s, to);
    json_decref(json);
    return s.failed;
}

int hf_tower_read(struct hf_tower *to, const char *folder, struct error *err)
{
    size_t size;
    char *path, *bytes = hf_config_text(folder, &size, &path, err);
    const int failed = bytes ? hf_tower_parse(to, bytes, size, path, err) : -1;
    free(bytes);
    free(path);
    return failed;
}

int hf_tower_is_named(const char *path)
{
    static const char ending[] = ".safetensors";
    const size_t size = strlen(path), n = strlen(ending);
    struct stat state;
    if (!stat(path, &state) ? S_ISREG(state.st_mode) : size > n && !strcmp(path + size - n, ending))
        return 0;
    char *best = file_join(path, "best.safetensors");
    const int is_run = best && !stat(best, &state);
    free(best);
    return !is_run;
}

size_t hf_tower_patches(const struct hf_tower *tower)
{
    return (tower->vision.height / tower->vision.patch_height) *
           (tower->vision.width / tower->vision.patch_width);
}
