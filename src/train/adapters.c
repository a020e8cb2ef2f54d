/* SPDX-License-Identifier: MIT */
#include "train/adapters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hf/peft.h"
#include "models/model.h"
#include "util/file.h"

/* --- reading */

/* Puts a value in the place of a key that is not set, or of any. */
static int settle(struct config *config, int any, const char *key, const char *value,
                  struct error *err)
{
    return !any && config_is_set(config, "adapter", key)
               ? 0
               : config_set(config, "adapter", key, value, err);
}

/* "first, second" */
static char *list_text(char *const *item, size_t count)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; out && i < count; i++)
        fprintf(out, "%s%s", i ? ", " : "", item[i]);
    if (out && !fclose(out))
        return text;
    free(text);
    return NULL;
}

static int settle_numbers(struct config *config, int any, const struct peft *peft,
                          struct error *err)
{
    char number[64];
    if (!any && config->adapter.r && (size_t)config->adapter.r != peft->config.rank)
        return error_set(err, STATUS_USAGE, "[adapter] r: %ld, but %s has rank %zu",
                         config->adapter.r, peft->path, peft->config.rank);
    snprintf(number, sizeof number, "%zu", peft->config.rank);
    if (settle(config, any, "r", number, err))
        return -1;
    if (!peft->has_config)
        return config->adapter.alpha > 0 ? 0
                                         : error_set(err, STATUS_USAGE,
                                                     "[adapter] alpha: %s has no " PEFT_CONFIG
                                                     " beside it that says what it is",
                                                     peft->path);
    snprintf(number, sizeof number, "%.17g", peft->config.alpha);
    if (settle(config, any, "alpha", number, err))
        return -1;
    snprintf(number, sizeof number, "%.17g", peft->config.dropout);
    return settle(config, any, "dropout", number, err);
}

static int take_file(struct config *config, int any, struct error *err)
{
    if (!config->adapter.file || !*config->adapter.file)
        return 0;
    struct peft *peft = peft_open(config->adapter.file, err);
    if (!peft)
        return -1;
    char *target = list_text(peft->config.target, peft->config.targets);
    int failed = target ? settle_numbers(config, any, peft, err) ||
                              settle(config, any, "target", target, err)
                        : error_set(err, STATUS_FAILED, "out of memory");
    free(target);
    peft_close(peft);
    return failed ? -1 : 0;
}

int adapters_settle(struct config *config, struct error *err)
{
    return take_file(config, 0, err);
}

int adapters_replace(struct config *config, struct error *err)
{
    return take_file(config, 1, err);
}

static int load_one(struct params *params, size_t index, const struct peft *peft, struct error *err)
{
    const struct tensor *t = &params->list[index]->value;
    const struct safetensor *from = peft_find(peft, t->name);
    if (!from)
        return error_set(err, STATUS_INPUT, "%s: no tensor for %s, which adapter.target stands for",
                         peft->path, t->name);
    if (from->shape[0] != t->dim[0] || from->shape[1] != t->dim[1])
        return error_set(err, STATUS_INPUT, "%s: %s is %llu x %llu, and the model's %zu x %zu",
                         peft->path, t->name, (unsigned long long)from->shape[0],
                         (unsigned long long)from->shape[1], t->dim[0], t->dim[1]);
    float *x = malloc(t->elems * sizeof *x);
    if (!x)
        return error_set(err, STATUS_FAILED, "%s: out of memory", t->name);
    /* bfloat16 and half in the end of the room, from which they are spread */
    char *end = (char *)(x + t->elems) - from->bytes;
    int failed = safetensors_copy(peft->st, from, end, err);
    if (!failed) {
        dtype_floats(from->dtype, end, t->elems, x);
        failed = params_write(params, index, params->values, x, err);
    }
    free(x);
    return failed;
}

/* That each tensor of the file has had its parameter. */
static int check_all(const struct params *params, const struct peft *peft, size_t loaded,
                     struct error *err)
{
    for (size_t i = 0; loaded < peft->st->count && i < peft->st->count; i++) {
        const char *name = peft_param(peft->st->tensor[i].name);
        size_t k = 0;
        while (k < params->count && strcmp(params->list[k]->value.name, name) != 0)
            k++;
        if (k == params->count)
            return error_set(err, STATUS_INPUT,
                             "%s: %s is for a layer that the model has not, or adapter.target does "
                             "not stand for",
                             peft->path, name);
    }
    return 0;
}

int adapters_load(struct params *params, const struct config *config, struct error *err)
{
    const char *file = config->adapter.file;
    size_t loaded = 0;
    int failed = 0;
    if (!file || !*file)
        return 0;
    struct peft *peft = peft_open(file, err);
    if (!peft)
        return -1;
    for (size_t i = 0; i < params->count && !failed; i++)
        if (adapter_owns(params->list[i]->value.name)) {
            failed = load_one(params, i, peft, err);
            loaded++;
        }
    failed = failed || check_all(params, peft, loaded, err);
    peft_close(peft);
    return failed ? -1 : 0;
}

/* --- writing */

static int write_matrices(struct engine *e, const char *path, struct error *err)
{
    struct safetensors *st = safetensors_new();
    int failed = st ? safetensors_set(st, "format", "pt", err)
                    : error_set(err, STATUS_FAILED, "%s: out of memory", path);
    for (size_t i = 0; i < e->judged->count && !failed; i++) {
        const struct tensor *t = &e->judged->list[i]->value;
        const uint64_t shape[] = {t->dim[0], t->dim[1]};
        if (adapter_owns(t->name))
            failed =
                peft_add(st, t->name, 2, shape, arena_fetch, e->judged->values, t->offset, err);
    }
    failed = failed || safetensors_write(st, path, err);
    safetensors_free(st);
    return failed ? -1 : 0;
}

/* The layers' paths; freed by peft_config_fini(). */
static int list_layers(const struct params *params, struct peft_config *to)
{
    to->target = calloc(params->count + 1, sizeof *to->target);
    for (size_t i = 0; to->target && i < params->count; i++) {
        const char *name = params->list[i]->value.name;
        const size_t path = strlen(name) - (adapter_owns(name) ? strlen(ADAPTER_A) : 0);
        if (strcmp(name + path, ADAPTER_A) != 0)
            continue;
        if (!(to->target[to->targets] = strndup(name, path)))
            return -1;
        to->targets++;
    }
    return to->target ? 0 : -1;
}

static int write_config(const struct engine *e, const char *path, struct error *err)
{
    const struct adapter *a = &e->params->adapter;
    struct peft_config config = {.rank = a->rank, .alpha = a->alpha, .dropout = a->dropout};
    const char *task = model_of(e->config)->reads_tokens ? "CAUSAL_LM" : NULL;
    const char *base = e->config->model.base;
    char *text =
        list_layers(e->params, &config)
            ? NULL
            : peft_config_text(&config, model_in_out(e->config), task, *base ? base : NULL);
    int failed = text ? file_write(path, text, strlen(text), err)
                      : error_set(err, STATUS_FAILED, "%s: out of memory", path);
    free(text);
    peft_config_fini(&config);
    return failed;
}

int adapters_write(struct engine *e, const char *folder, struct error *err)
{
    if (!e->params->adapter.rank)
        return 0;
    char *own = file_join(folder, ADAPTERS_FOLDER);
    char *config = own ? file_join(own, PEFT_CONFIG) : NULL;
    char *model = own ? file_join(own, PEFT_MODEL) : NULL;
    int failed = config && model ? file_mkdir(own, err) || write_config(e, config, err) ||
                                       write_matrices(e, model, err)
                                 : error_set(err, STATUS_FAILED, "%s: out of memory", folder);
    free(own);
    free(config);
    free(model);
    return failed ? -1 : 0;
}
