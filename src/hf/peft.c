/* SPDX-License-Identifier: MIT */
#include "hf/peft.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hf/json.h"
#include "params/adapter.h"
#include "util/file.h"
#include "util/jsonmem.h"
#include "util/shown.h"

#define PREFIX "base_model.model."
#define CONFIG_MOST ((size_t)1 << 20) /* bytes of adapter_config.json */
#define TARGETS_MOST 10000

/* --- adapter_config.json */

/* null, false, 0, {}, [], "none": a setting that changes nothing. */
static int is_nothing(const json_t *value)
{
    return !value || json_is_null(value) || json_is_false(value) ||
           (json_is_object(value) && !json_object_size(value)) ||
           (json_is_array(value) && !json_array_size(value)) ||
           (json_is_string(value) && !strcmp(json_string_value(value), "none"));
}

/* Settings that change what is computed, or how the weights began. */
static int check_settings(const json_t *json, const char *name, struct error *err)
{
    static const char *const keys[] = {"use_dora",
                                       "use_rslora",
                                       "use_qalora",
                                       "use_bdlora",
                                       "kasa_config",
                                       "monteclora_config",
                                       "velora_config",
                                       "lora_bias",
                                       "bias",
                                       "rank_pattern",
                                       "alpha_pattern",
                                       "modules_to_save",
                                       "trainable_token_indices",
                                       "target_parameters",
                                       "layer_replication",
                                       "arrow_config",
                                       "alora_invocation_tokens"};
    const json_t *start = json_object_get(json, "init_lora_weights");
    const char *type = json_string_value(json_object_get(json, "peft_type"));
    if (!type || strcmp(type, "LORA") != 0)
        return error_set(err, STATUS_INPUT, "%s: peft_type is not LORA", name);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!is_nothing(json_object_get(json, keys[i])))
            return error_set(err, STATUS_INPUT, "%s: %s is set, which is not supported", name,
                             keys[i]);
    const char *how = json_string_value(start);
    if (how && strcmp(how, "gaussian") != 0 && strcmp(how, "eva") != 0 &&
        strcmp(how, "orthogonal") != 0)
        return error_set(err, STATUS_INPUT,
                         "%s: init_lora_weights is '%s', which may have changed the model's own "
                         "weights",
                         name, show_name(how).text);
    return 0;
}

/* A number from low to high; the value at its name. */
static int read_number(const json_t *json, const char *key, double low, double high, double *to,
                       const char *name, struct error *err)
{
    const json_t *value = json_object_get(json, key);
    *to = json_number_value(value);
    if (json_is_number(value) && *to >= low && *to <= high)
        return 0;
    return error_set(err, STATUS_INPUT, "%s: %s is no number from %g to %g", name, key, low, high);
}

/* Whether a name can stand in a list of seqtrain.ini(5) and means itself there. */
static int is_path(const char *text)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    return *text && strlen(text) < 200 && !text[strspn(text, letters)];
}

static int add_target(struct peft_config *to, const char *text, size_t length, const char *name,
                      struct error *err)
{
    char **more = realloc(to->target, (to->targets + 1) * sizeof *more);
    if (more)
        to->target = more;
    if (!more || !(more[to->targets] = strndup(text, length)))
        return error_set(err, STATUS_FAILED, "%s: out of memory", name);
    if (is_path(more[to->targets++]))
        return 0;
    return error_set(err, STATUS_INPUT, "%s: '%s' is no name of a layer", name,
                     show_name(more[to->targets - 1]).text);
}

/* The list of names, unless something narrows it; a text is a regular expression. */
static int read_targets(struct peft_config *to, const json_t *json, const char *name,
                        struct error *err)
{
    const json_t *list = json_object_get(json, "target_modules"), *item;
    size_t i;
    if (!json_is_array(list) || !is_nothing(json_object_get(json, "exclude_modules")) ||
        !is_nothing(json_object_get(json, "layers_to_transform")))
        return 0;
    if (json_array_size(list) > TARGETS_MOST)
        return error_set(err, STATUS_INPUT, "%s: target_modules has more than %d names", name,
                         TARGETS_MOST);
    json_array_foreach((json_t *)list, i, item)
    {
        const char *text = json_string_value(item);
        if (!text)
            return error_set(err, STATUS_INPUT, "%s: target_modules is no list of names", name);
        if (add_target(to, text, strlen(text), name, err))
            return -1;
    }
    return 0;
}

int peft_config_parse(struct peft_config *to, const char *text, size_t size, const char *name,
                      struct error *err)
{
    double rank = 0;
    memset(to, 0, sizeof *to);
    json_t *json = hf_json(text, size, name, err);
    if (!json)
        return -1;
    int failed = check_settings(json, name, err) ||
                 read_number(json, "r", 1, PEFT_MOST_RANK, &rank, name, err) ||
                 read_number(json, "lora_alpha", 1e-6, 1e6, &to->alpha, name, err) ||
                 (json_object_get(json, "lora_dropout") &&
                  read_number(json, "lora_dropout", 0, 0.95, &to->dropout, name, err)) ||
                 read_targets(to, json, name, err);
    to->rank = (size_t)rank;
    json_decref(json);
    if (!failed && rank != floor(rank))
        failed = error_set(err, STATUS_INPUT, "%s: r is no whole number", name);
    return failed ? -1 : 0;
}

void peft_config_fini(struct peft_config *config)
{
    for (size_t i = 0; i < config->targets; i++)
        free(config->target[i]);
    free(config->target);
    *config = (struct peft_config){0};
}

char *peft_config_text(const struct peft_config *config, int in_out, const char *task,
                       const char *base)
{
    json_t *targets = json_array();
    for (size_t i = 0; i < config->targets; i++)
        json_array_append_new(targets, json_string(config->target[i]));
    json_t *alpha = config->alpha == floor(config->alpha) ? json_integer((json_int_t)config->alpha)
                                                          : json_real(config->alpha);
    json_t *json = json_pack(
        "{s:s, s:s?, s:s?, s:I, s:o, s:f, s:o, s:s, s:b, s:b, s:b}", "peft_type", "LORA",
        "task_type", task, "base_model_name_or_path", base, "r", (json_int_t)config->rank,
        "lora_alpha", alpha, "lora_dropout", config->dropout, "target_modules", targets, "bias",
        "none", "fan_in_fan_out", in_out, "inference_mode", 1, "init_lora_weights", 1);
    char *text = json ? jsonmem_dumps(json, JSON_INDENT(2)) : NULL;
    json_decref(json);
    return text;
}

/* --- adapter_model.safetensors */

const char *peft_param(const char *tensor)
{
    const size_t prefix = strlen(PREFIX);
    return strncmp(tensor, PREFIX, prefix) ? tensor : tensor + prefix;
}

const struct safetensor *peft_find(const struct peft *peft, const char *param)
{
    for (size_t i = 0; i < peft->st->count; i++)
        if (!strcmp(peft_param(peft->st->tensor[i].name), param))
            return &peft->st->tensor[i];
    return NULL;
}

/* Of a tensor and the file's rank, which the first tensor tells where it is 0. */
static int check_tensor(struct peft *peft, const struct safetensor *t, struct error *err)
{
    const char *name = peft_param(t->name);
    char other[256];
    if (!adapter_owns(name))
        return error_set(err, STATUS_INPUT, "%s: tensor %s is no matrix of a linear layer's LoRA",
                         peft->path, show_name(t->name).text);
    const size_t path = strlen(name) - strlen(ADAPTER_A);
    const int is_a = !strcmp(name + path, ADAPTER_A);
    if (t->rank != 2 || !dtype_has_floats(t->dtype))
        return error_set(err, STATUS_INPUT, "%s: %s is no matrix of F32, BF16 or F16", peft->path,
                         show_name(t->name).text);
    const uint64_t rank = t->shape[is_a ? 0 : 1];
    if (!rank || rank > PEFT_MOST_RANK)
        return error_set(err, STATUS_INPUT, "%s: %s has rank %llu, which is none", peft->path,
                         show_name(t->name).text, (unsigned long long)rank);
    if (!peft->config.rank)
        peft->config.rank = (size_t)rank;
    if (rank != peft->config.rank)
        return error_set(err, STATUS_INPUT, "%s: %s has rank %llu, not %zu", peft->path,
                         show_name(t->name).text, (unsigned long long)rank, peft->config.rank);
    snprintf(other, sizeof other, "%.*s%s", (int)path, name, is_a ? ADAPTER_B : ADAPTER_A);
    if (!peft_find(peft, other))
        return error_set(err, STATUS_INPUT, "%s: %s has no other matrix %s", peft->path,
                         show_name(t->name).text, show_name(other).text);
    return 0;
}

/* The paths of all layers, where the configuration has no names. */
static int list_paths(struct peft *peft, struct error *err)
{
    for (size_t i = 0; i < peft->st->count; i++) {
        const char *name = peft_param(peft->st->tensor[i].name);
        const size_t path = strlen(name) - strlen(ADAPTER_A);
        if (!strcmp(name + path, ADAPTER_A) &&
            add_target(&peft->config, name, path, peft->path, err))
            return -1;
    }
    return 0;
}

static int read_config(struct peft *peft, const char *path, struct error *err)
{
    size_t size;
    char *text = file_read(path, CONFIG_MOST, &size, err);
    int failed = text ? peft_config_parse(&peft->config, text, size, path, err) : -1;
    free(text);
    peft->has_config = !failed;
    return failed;
}

/* The name of what lies beside the file. */
static char *beside(const char *file, const char *name)
{
    const char *slash = strrchr(file, '/');
    const size_t folder = slash ? (size_t)(slash - file) + 1 : 0;
    char *path = malloc(folder + strlen(name) + 1);
    if (path) {
        memcpy(path, file, folder);
        strcpy(path + folder, name);
    }
    return path;
}

static int open_files(struct peft *peft, int is_folder, const char *config, struct error *err)
{
    struct stat state;
    const int has = is_folder || !stat(config, &state);
    if (!has && errno != ENOENT && errno != ENOTDIR)
        return error_errno(err, STATUS_INPUT, config);
    if (has && read_config(peft, config, err))
        return -1;
    if (!(peft->st = safetensors_open(peft->path, err)))
        return -1;
    if (!peft->st->count)
        return error_set(err, STATUS_INPUT, "%s: holds no tensors", peft->path);
    if (peft->st->count > 2 * TARGETS_MOST)
        return error_set(err, STATUS_INPUT, "%s: holds more than %d tensors", peft->path,
                         2 * TARGETS_MOST);
    for (size_t i = 0; i < peft->st->count; i++)
        if (check_tensor(peft, &peft->st->tensor[i], err))
            return -1;
    return peft->config.targets ? 0 : list_paths(peft, err);
}

struct peft *peft_open(const char *path, struct error *err)
{
    const int is_folder = file_is_folder(path);
    if (!is_folder && errno && errno != ENOENT) {
        error_errno(err, STATUS_INPUT, path);
        return NULL;
    }
    struct peft *peft = calloc(1, sizeof *peft);
    char *config = NULL;
    if (peft)
        peft->path = is_folder ? file_join(path, PEFT_MODEL) : strdup(path);
    if (peft && peft->path)
        config = beside(peft->path, PEFT_CONFIG);
    int failed = config ? open_files(peft, is_folder, config, err)
                        : error_set(err, STATUS_FAILED, "%s: out of memory", path);
    free(config);
    if (!failed)
        return peft;
    peft_close(peft);
    return NULL;
}

void peft_close(struct peft *peft)
{
    if (!peft)
        return;
    peft_config_fini(&peft->config);
    safetensors_free(peft->st);
    free(peft->path);
    free(peft);
}

int peft_add(struct safetensors *st, const char *param, size_t rank, const uint64_t *shape,
             safetensors_fetch *fetch, void *from, size_t at, struct error *err)
{
    char name[320];
    snprintf(name, sizeof name, PREFIX "%s", param);
    return safetensors_add_far(st, name, DTYPE_F32, rank, shape, fetch, from, at, err);
}
